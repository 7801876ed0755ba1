import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  growthBytesPerDay,
  progressOf,
  readSoakReport,
  type SoakRound,
  writeSoakReport,
} from "../../../scripts/guest-machine/soak-report.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";

const ROUND: SoakRound = {
  startedAt: "2026-01-02T03:04:05.000Z",
  cuts: 20,
  hours: 0.5,
  flaps: 60,
  records: 9000,
  samples: 400_000,
  duplicates: 12,
  contradictions: [],
  slowestIngestingMs: 9000,
  lockoutCounter: 3,
};

describe("growthBytesPerDay", () => {
  const DAY_MS = 86_400_000;

  it("is the slope after warm-up, whatever the start looked like", () => {
    const samples = Array.from({ length: 100 }, (_, n) => ({
      uptimeMs: (n * DAY_MS) / 100,
      rssBytes: n < 20 ? n * 5_000_000 : 100_000_000 + (n * 700_000) / 100,
    }));
    expect(growthBytesPerDay(samples)).toBeCloseTo(700_000, 3);
  });

  it("says nothing after a short time", () => {
    expect(growthBytesPerDay([])).toBeUndefined();
    expect(growthBytesPerDay(Array.from({ length: 9 }, (_, n) => ({ uptimeMs: n, rssBytes: n })))).toBeUndefined();
  });
});

describe("the report of a campaign", () => {
  it("goes on where an earlier run ended", () => {
    const file = join(temporaryFolder(), "soak.json");
    expect(progressOf(readSoakReport(file))).toEqual({ cuts: 0, hours: 0 });
    writeSoakReport(file, { schemaVersion: 1, rounds: [ROUND] });
    writeSoakReport(file, { schemaVersion: 1, rounds: [ROUND, { ...ROUND, cuts: 5, hours: 0.25 }] });
    expect(progressOf(readSoakReport(file))).toEqual({ cuts: 25, hours: 0.75 });
    expect(existsSync(`${file}.new`)).toBe(false);
  });

  it("is not overwritten when it cannot be read", () => {
    const file = join(temporaryFolder(), "soak.json");
    writeFileSync(file, '{"schemaVersion":1,"rounds":[{"cuts":-1}]}');
    expect(() => readSoakReport(file)).toThrow(`${file} is no report of a campaign`);
    expect(readFileSync(file, "utf8")).toContain("-1");
  });
});
