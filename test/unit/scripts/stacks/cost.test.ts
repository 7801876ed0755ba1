import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ASSUMPTIONS, type Assumptions } from "../../../../scripts/stacks/cost/assumptions.ts";
import { usageOf } from "../../../../scripts/stacks/cost/estimate.ts";
import { names, readPrices } from "../../../../scripts/stacks/cost/prices.ts";
import { costText } from "../../../../scripts/stacks/cost/table.ts";

const EXAMPLE = "config/aws/prices.example.yaml";
const SEED = 15;

const ASSUMED: Assumptions = {
  hoursOnlineADay: 2,
  recordsAnHour: 1000,
  bytesARecord: 6000,
  bytesAtRest: 2000,
  recordsACommit: 2,
  lastKnownUnits: 3,
  keepDays: 30,
  queriesADay: 0,
  commandsADay: 0,
  jobsAMonth: 0,
  artifactMegabytes: 0,
  shadowUpdatesADay: 0,
  recordsASecondATask: 1000,
  peakFactor: 1,
  usersAVehicle: 0,
};

describe("scripts/cloud cost", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "causeway-cost-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** The example with a price each, but for what is changed. */
  const pricesFile = (changes: Readonly<Record<string, string>> = {}): string => {
    const text = readFileSync(EXAMPLE, "utf8").replace(/^( {2})(\w+):$/gm, (_, indent: string, name: string) => {
      return `${indent}${name}: ${changes[name] ?? "1"}`;
    });
    const file = join(folder, "prices.yaml");
    writeFileSync(file, text);
    return file;
  };
  it("asks for every price, each with its line, its unit and where to find it", async () => {
    const message = await readPrices(EXAMPLE).catch((thrown: unknown) => String(thrown));
    const lines = readFileSync(EXAMPLE, "utf8").split("\n");
    for (const name of names()) {
      const at = lines.indexOf(`  ${name}:`) + 1;
      expect(message).toContain(`${EXAMPLE}:${at}:3 prices.${name}: has no price: USD for `);
    }
    expect(lines.filter((line) => /^ {2}\w+:$/.test(line))).toHaveLength(names().length);
  });

  it("takes 0, and neither text, nor a price below 0, nor one that it does not know", async () => {
    expect((await readPrices(pricesFile({ kmsKeyMonth: "0" }))).of.kmsKeyMonth).toBe(0);
    for (const wrong of ["free", "-1", ".inf", "[1]"]) {
      await expect(readPrices(pricesFile({ kmsKeyMonth: wrong })), `of ${wrong}`).rejects.toThrow(
        /prices\.yaml:\d+:\d+ prices\.kmsKeyMonth: has no price/,
      );
    }
    const file = pricesFile();
    writeFileSync(file, `${readFileSync(file, "utf8")}  moon: 1\n`);
    await expect(readPrices(file)).rejects.toThrow(/prices\.moon: is no price that is asked for/);
    await expect(readPrices(join(folder, "none.yaml"))).rejects.toThrow(/none\.yaml/);
  });

  it("counts what a vehicle does in the units that the provider counts in", () => {
    const units = (what: string): number | undefined => usageOf(100, ASSUMED).find((line) => line.what === what)?.units;
    // 100 vehicles, 365.25 / 12 days, 2 hours, 1000 records: 6,087,500 records; 6000 bytes are two messages of 5 KB.
    expect(units("records in")).toBeCloseTo(12.175, 6);
    expect(units("rules that look at records")).toBeCloseTo(24.35, 6);
    // 2000 bytes are two write units, twice for the index, and 1 + 3 for each two records: six a record.
    expect(units("writes of records")).toBeCloseTo(36.525, 6);
    // 30 days of 200,000 records, 2000 bytes, with the index.
    expect(units("storage, with its index")).toBeCloseTo((30 * 200_000 * 2000 * 2) / 2 ** 30, 6);
    expect(units("connections")).toBeCloseTo((100 * 30.4375 * 120) / 1e6, 6);
    // Two tasks at least, half a vCPU each, 730.5 hours.
    expect(units("workers: memory")).toBeCloseTo(1461, 6);
  });

  it(`costs a larger fleet no less together, and no more a vehicle but for a task (seed ${SEED})`, () => {
    const defaults = Object.fromEntries(Object.entries(ASSUMPTIONS).map(([name, { value }]) => [name, value]));
    const total = (vehicles: number): number =>
      usageOf(vehicles, { ...ASSUMED, ...defaults }).reduce((sum, { units }) => sum + units, 0);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 2, max: 10 }), (vehicles, times) => {
        const [few, many] = [total(vehicles), total(vehicles * times)];
        expect(many).toBeGreaterThanOrEqual(few);
        expect(many / times).toBeLessThanOrEqual(few + 3000);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it("shows what it stands on, each fleet, and what a vehicle costs", async () => {
    const text = costText([100, 10_000], ASSUMED, await readPrices(pricesFile()));
    expect(text).toContain("recordsAnHour           1000  records an hour while it is online (given; 14600 otherwise)");
    expect(text).toMatch(/USD a month +100 vehicles +10000 vehicles\n/);
    expect(text).toMatch(/\nrecords in +12\.18 +1217\.50\n/);
    const sums =
      /\ntogether +([\d.]+) +([\d.]+)\na vehicle +([\d.]+) +([\d.]+)\n/.exec(text)?.slice(1).map(Number) ?? [];
    expect(sums[2]).toBeCloseTo((sums[0] ?? 0) / 100, 3);
    expect(sums[3]).toBeCloseTo((sums[1] ?? 0) / 10_000, 3);
  });
});
