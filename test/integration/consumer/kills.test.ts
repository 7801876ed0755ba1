import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { measureKills } from "../../bench/benchmarks/consumer-kills.ts";
import { ConsumerBench } from "../../bench/cloud-consumer/consumer-bench.ts";

const SEED = 15;
const VEHICLES = 3;

const folder = mkdtempSync(join(tmpdir(), "causeway-kills-"));
let bench: ConsumerBench;

beforeEach(async () => {
  bench = await ConsumerBench.start(mkdtempSync(join(folder, "bench-")), VEHICLES);
});
afterEach(() => bench.stop());
afterAll(() => rmSync(folder, { recursive: true }));

describe("workers of the consumer, one to four, of which one is killed every two seconds", () => {
  it.each(["parquet", "dynamodb"] as const)(
    `leave neither gaps nor repeats in %s (seed ${SEED})`,
    async (sink) => {
      const request = { seconds: 8, everySeconds: 2, perSecond: 30, recordMs: 250, seed: SEED, settleSeconds: 20 };
      const { kills, account } = await measureKills(bench, { sink, ...request });
      console.log(`${sink}: ${kills} kills, ${JSON.stringify(account)}`);
      expect(kills).toBeGreaterThanOrEqual(3);
      expect(account.published).toBeGreaterThan(100);
      expect(account).toMatchObject({ gaps: 0, repeats: 0, partial: 0, strangers: 0 });
    },
    120_000,
  );
});
