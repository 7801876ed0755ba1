import { describe, expect, it } from "vitest";
import { uploadLog } from "../../../../agent/commands/actions/upload-log.ts";
import type { LogLine } from "../../../../agent/core/recent-log.ts";
import { logFile } from "../../../../agent/support/logs/log-file.ts";
import type { OutgoingFile } from "../../../../agent/telemetry/record/encode/file.ts";

const MAX_BYTES = 16_384;
const START_MS = Date.UTC(2026, 10, 30, 7);
const KEPT = Array.from({ length: 10 }, (_, at): LogLine => {
  const facts = { sessionToken: "CANARY", code: at % 2 === 0 ? "bus.unavailable" : "broker.refused" };
  return { atMs: START_MS + at * 60_000, level: at % 5 === 0 ? "error" : "info", event: "bus.failed", facts };
});

function rig() {
  const sent: OutgoingFile[] = [];
  const asked: number[] = [];
  const action = uploadLog({
    file: (wanted, maxBytes) => {
      asked.push(maxBytes);
      return logFile({ about: {}, kept: KEPT, wanted, nowMs: START_MS, maxBytes });
    },
    send: (file) => sent.push(file),
    maxBytes: MAX_BYTES,
  });
  const run = async (given: Readonly<Record<string, unknown>>) => {
    const prepared = action.prepare(given);
    if (prepared.kind === "rejected") return prepared;
    return await prepared.run(new AbortController().signal, () => undefined);
  };
  return { sent, asked, run, action };
}

describe("logs.upload", () => {
  it("sends the lines that are asked for as a file, and tells what went", async () => {
    const { sent, asked, run, action } = rig();
    expect(action.commandClass).toBe("R1");
    const outcome = await run({ since: "2026-11-30T07:02:00Z", until: "2026-11-30T08:06:00+01:00", maxBytes: 4096 });
    const [file] = sent;
    expect(outcome).toEqual({
      kind: "done",
      result: {
        file: file?.name,
        sha256: file?.sha256,
        bytes: String(file?.content.length),
        records: "1",
        lines: "5",
        omitted: "0",
        from: "2026-11-30T07:02:00.000Z",
      },
    });
    expect(Object.keys(file ?? {}).toSorted()).toEqual(["content", "name", "sha256"]);
    await run({ level: "error" });
    await run({ code: "broker.refused" });
    expect(asked).toEqual([4096, MAX_BYTES, MAX_BYTES]);
  });

  it("sends nothing where no line is wanted", async () => {
    const { sent, run } = rig();
    const outcome = await run({ since: "2027-01-01T00:00:00Z" });
    expect(outcome).toEqual({ kind: "done", result: { lines: "0", omitted: "0" } });
    expect(sent).toEqual([]);
  });

  it.each([
    [{ since: "yesterday" }, "ARGUMENT_TYPE_MISMATCH"],
    [{ level: "debug" }, "ARGUMENT_TYPE_MISMATCH"],
    [{ maxBytes: MAX_BYTES + 1 }, "ARGUMENT_TYPE_MISMATCH"],
    [{ maxBytes: 100 }, "ARGUMENT_TYPE_MISMATCH"],
    [{ path: "/etc/shadow" }, "ARGUMENT_TYPE_MISMATCH"],
    [{ since: "2026-11-30T07:00:01Z", until: "2026-11-30T07:00:00Z" }, "ARGUMENT_OUT_OF_RANGE"],
  ])("refuses %j", async (given, code) => {
    expect(await rig().run(given)).toMatchObject({ kind: "rejected", code });
  });
});
