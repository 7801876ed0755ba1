import { normalize } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dayOf, filePath, pathPart, startOf } from "../../../../agent/consumer/folder/file-names.ts";

const SEED = 15_004;
const name = fc.oneof(
  fc.string({ minLength: 1 }),
  fc.string({ minLength: 1, maxLength: 300, unit: "binary" }),
  fc.constantFrom(
    ".",
    "..",
    "../..",
    "/etc/passwd",
    "a/../b",
    "state.db",
    "clocks.csv",
    ".partial",
    "%2E",
    "truck-0001",
    "a:b",
  ),
);

describe("pathPart", () => {
  it("is one short name in the folder, and another one for each other name", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(
          name.map((one) => one.toWellFormed()),
          { minLength: 1, maxLength: 20 },
        ),
        (names) => {
          const parts = names.map(pathPart);
          for (const part of parts) {
            expect(part).toMatch(/^[A-Za-z0-9_%-][A-Za-z0-9_.%-]*$/);
            expect(part.length).toBeLessThanOrEqual(190);
            expect(["state.db", "clocks.csv", "roller.lock"]).not.toContain(part);
          }
          expect(new Set(parts).size).toBe(names.length);
        },
      ),
      { seed: SEED, numRuns: 500 },
    );
    expect(pathPart("truck-0001")).toBe("truck-0001");
  });
});

describe("filePath", () => {
  it("has the day in which a time is, from before the epoch on", () => {
    fc.assert(
      fc.property(fc.integer({ min: -4e15, max: 8e15 }), name, (timeUs, thing) => {
        const day = dayOf(timeUs);
        expect(startOf(day) <= timeUs && timeUs < startOf(day + 1)).toBe(true);
        const date = new Date(Math.floor(timeUs / 1000)).toISOString().slice(0, 10);
        const facts = { kind: "samples", thing, day } as const;
        const daily = filePath({ layout: "daily", format: "csv" }, facts, "x");
        expect(daily).toBe(`${pathPart(thing)}/${date}.csv`);
        const hive = filePath({ layout: "hive", format: "parquet" }, facts, "x");
        expect(hive).toBe(`samples/thing=${pathPart(thing)}/date=${date}/part-x.parquet`);
        expect(normalize(hive)).toBe(hive);
      }),
      { seed: SEED, numRuns: 1000 },
    );
    const facts = { kind: "events", thing: "truck-1", day: 20_786 } as const;
    expect(filePath({ layout: "daily", format: "parquet" }, facts, "x", 2)).toBe("truck-1/2026-11-29.2.events.parquet");
  });
});
