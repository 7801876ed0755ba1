import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { LogLine } from "../../../../agent/core/recent-log.ts";
import { logFile } from "../../../../agent/support/logs/log-file.ts";
import { seededRandom } from "../../../bench/core/seeded-random.ts";

const NOW_MS = Date.UTC(2026, 10, 30, 7);
const about = { version: "1.0.0", thing: "truck-0001" };

function fileOf(kept: readonly LogLine[], maxBytes = 65_536, wanted = {}) {
  const file = logFile({ about, kept, wanted, nowMs: NOW_MS, maxBytes });
  const lines = file === undefined ? [] : gunzipSync(file.content).toString().trimEnd().split("\n");
  const [head, ...rest] = lines.map((line): unknown => JSON.parse(line));
  return { file, head, lines: rest };
}

/** Lines that do not compress away. */
function noise(count: number): readonly LogLine[] {
  const random = seededRandom(18);
  const text = () => Array.from({ length: 20 }, () => random().toString(36)).join("");
  return Array.from({ length: count }, (_, atMs) => ({ atMs, level: "info", event: "a.b", facts: { text: text() } }));
}

describe("logFile", () => {
  it("is lines of JSON that say what they are, then those of the log", () => {
    const { file, head, lines } = fileOf([
      { atMs: NOW_MS, level: "error", event: "bus.failed", facts: { bus: "can0" } },
    ]);
    expect(head).toEqual({ schemaVersion: 1, madeAt: "2026-11-30T07:00:00.000Z", about, lines: 1, omitted: 0 });
    expect(lines).toEqual([{ time: "2026-11-30T07:00:00.000Z", level: "error", event: "bus.failed", bus: "can0" }]);
    expect(file?.sha256).toBe(
      createHash("sha256")
        .update(file?.content ?? "")
        .digest("hex"),
    );
    expect(file?.name).toBe(`log-20261130T070000Z-${file?.sha256.slice(0, 8)}.jsonl.gz`);
  });

  it("stays within its bound: the newest lines stay, and the others are counted", () => {
    const kept = noise(200);
    for (const maxBytes of [4096, 8192, 16_384]) {
      const { file, head, lines } = fileOf(kept, maxBytes);
      expect(file?.content.length).toBeLessThanOrEqual(maxBytes);
      expect(lines.length).toBeGreaterThan(0);
      expect(head).toMatchObject({ lines: lines.length, omitted: 200 - lines.length });
      expect(lines.at(-1)).toMatchObject({ text: kept.at(-1)?.facts.text });
    }
    expect(fileOf(kept).head).toMatchObject({ lines: 200, omitted: 0 });
  });

  it("ends where a single line is more than the bound", () => {
    const { head } = fileOf(
      [
        {
          atMs: 0,
          level: "info",
          event: "a.b",
          facts: Object.fromEntries(noise(60).map(({ facts }, at) => [`f${at}`, facts.text])),
        },
      ],
      4096,
    );
    expect(head).toMatchObject({ lines: 0, omitted: 1 });
  });

  it("is none where no line is wanted", () => {
    expect(fileOf([], 4096).file).toBeUndefined();
    expect(fileOf(noise(3), 4096, { level: "error" }).file).toBeUndefined();
  });
});
