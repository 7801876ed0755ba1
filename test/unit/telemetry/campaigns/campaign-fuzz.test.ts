import { describe, expect, it } from "vitest";
import { fuzzCampaigns, weighHeavyTexts } from "../../../bench/benchmarks/campaign-fuzz.ts";

const SEED = 14;
/** Of the documents that are made to cost much those that are soon decided. */
const HEAVY = new Map([
  ["as many patterns as are taken", "accepted"],
  ["as many names as are taken", "accepted"],
  ["windows of an hour", "refused"],
  ["an expression of many parts", "refused"],
  ["keys that are maps", "unread"],
  ["aliases of many", "unread"],
  ["aliases of patterns", "unread"],
]);

describe("a vehicle that is offered any campaign", () => {
  it(`runs 1,000 documents or refuses them with a place, and goes on as before (seed ${SEED})`, async () => {
    const outcome = await fuzzCampaigns({ count: 1000, seed: SEED, driveOneOf: 20 });
    const { unread, refused, accepted, driven, records, slowest, failures } = outcome;
    console.info(`${unread} unread, ${refused} refused, ${accepted} accepted, slowest ${slowest.ms.toFixed(1)} ms`);
    expect(failures).toEqual([]);
    expect(Math.min(unread, refused, accepted)).toBeGreaterThan(50);
    expect(driven).toBeGreaterThan(5);
    expect(records).toBeGreaterThan(driven);
    expect(slowest.ms).toBeLessThan(500);
  }, 60_000);

  it("soon decides about a document that is made to cost much", async () => {
    const weighed = await weighHeavyTexts(new Set(HEAVY.keys()));
    expect(new Map(weighed.map(({ name, verdict }) => [name, verdict.kind]))).toEqual(HEAVY);
    for (const { name, verdict, ms, driveMs } of weighed) {
      expect([name, verdict.failure]).toEqual([name, undefined]);
      expect(Math.max(ms, driveMs)).toBeLessThan(5000);
    }
  }, 60_000);
});
