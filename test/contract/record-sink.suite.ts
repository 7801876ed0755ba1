import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Delivery } from "../../agent/consumer/store/delivery.ts";
import type { Sink } from "../../agent/consumer/store/sink.ts";
import { seededRandom } from "../bench/core/seeded-random.ts";
import { forgettingContract, rememberingContract } from "./record-sink-memory.suite.ts";
import {
  deliveryOf,
  NEW_YEAR_US,
  type OpenSinkSubject,
  type SinkSubject,
  type StoredRecord,
  samplesBody,
  tableDeliveries,
  wholeTable,
} from "./record-sink-subject.ts";

/** Seed of all that is random here. */
const SEED = 15;

/** What `Sink` promises, in the order of its documentation. */
export function recordSinkContract(name: string, open: OpenSinkSubject): void {
  describe(`Sink contract: ${name}`, () => {
    onceContract(open);
    rowsContract(open);
    rememberingContract(open);
    forgettingContract(open);
  });
}

/** Id of a record, for people. */
function idOf({ thing, epoch, stream, seq }: Omit<StoredRecord, "kind" | "shiftUs" | "quality" | "rows">): string {
  return `${thing} ${epoch} ${stream} ${seq}`;
}

function idsOf(batch: readonly Delivery[]): string[] {
  return [...new Set(batch.map(({ record }) => idOf(record)))].toSorted();
}

function useSubject(open: OpenSinkSubject): { subject: () => SinkSubject; sinks: (count: number) => Promise<Sink[]> } {
  let subject: SinkSubject | undefined;
  const known = (): SinkSubject => {
    if (subject === undefined) throw new Error("no subject");
    return subject;
  };
  beforeEach(async () => {
    subject = await open();
  });
  afterEach(() => subject?.end());
  return { subject: known, sinks: (count) => Promise.all(Array.from({ length: count }, () => known().open())) };
}

async function closeAll(sinks: readonly Sink[]): Promise<void> {
  await Promise.all(sinks.map((sink) => sink.close()));
}

function onceContract(open: OpenSinkSubject): void {
  describe("exactly once", () => {
    const { subject, sinks } = useSubject(open);
    const storedIds = async (): Promise<string[]> => (await subject().stored()).map(idOf).toSorted();

    it("writes a record once, however often and wherever it comes", async () => {
      const [one, other] = await sinks(2);
      const [a, b] = [deliveryOf({ seq: 1 }), deliveryOf({ seq: 2 })];
      expect(await one.commit([a, b, a])).toEqual({ written: 2, repeats: 1, refused: [] });
      expect(await one.commit([b])).toEqual({ written: 0, repeats: 1, refused: [] });
      expect(await other.commit([a, b, deliveryOf({ seq: 3 })])).toEqual({ written: 1, repeats: 2, refused: [] });
      expect(one.status()).toMatchObject({ records: 2, repeats: 2 });
      await closeAll([one, other]);
      expect(await storedIds()).toEqual(idsOf([a, b, deliveryOf({ seq: 3 })]));
    });

    it("tells things, epochs and streams apart", async () => {
      const [sink] = await sinks(1);
      const batch = [
        deliveryOf({ seq: 1 }),
        deliveryOf({ seq: 1, thing: "truck-2" }),
        deliveryOf({ seq: 1, epoch: 8 }),
        deliveryOf({ seq: 1, stream: "event" }),
      ];
      expect(await sink.commit(batch)).toEqual({ written: 4, repeats: 0, refused: [] });
      await sink.close();
      expect(await storedIds()).toEqual(idsOf(batch));
    });

    it("knows ids after all workers have gone", async () => {
      const [sink] = await sinks(1);
      await sink.commit([deliveryOf({ seq: 5 })]);
      await sink.close();
      const [next] = await sinks(1);
      expect(await next.commit([deliveryOf({ seq: 5 }), deliveryOf({ seq: 6 })])).toMatchObject({
        written: 1,
        repeats: 1,
      });
      await next.close();
      expect(await storedIds()).toHaveLength(2);
    });

    it("takes nothing to do", async () => {
      const [sink] = await sinks(1);
      expect(await sink.commit([])).toEqual({ written: 0, repeats: 0, refused: [] });
      await sink.close();
      await sink.close();
    });

    it(`lets several workers commit the same deliveries at the same time (seed ${SEED})`, async () => {
      const workers = await sinks(3);
      await workers[0]?.commit([...tableDeliveries(), ...tableDeliveries({ thing: "truck-2" })]);
      const all = Array.from({ length: 60 }, (_, at) =>
        deliveryOf({
          seq: 1 + (at % 30),
          thing: at < 30 ? "truck-1" : "truck-2",
          body: samplesBody(NEW_YEAR_US, [at]),
          table: wholeTable(),
        }),
      );
      const random = seededRandom(SEED);
      const outcomes = await Promise.all(
        workers.map(async (worker) => {
          const mine = all.toSorted(() => random() - 0.5);
          let written = 0;
          for (let at = 0; at < mine.length; at += 10)
            written += (await worker.commit(mine.slice(at, at + 10))).written;
          return written;
        }),
      );
      expect(outcomes.reduce((sum, written) => sum + written, 0)).toBe(60);
      await closeAll(workers);
      expect(await storedIds()).toEqual(idsOf(all));
    });

    it(`agrees with a set of ids whatever comes in which order (seed ${SEED})`, async () => {
      const seqs = fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 8 });
      const steps = fc.array(fc.tuple(fc.constantFrom(0, 1), fc.constantFrom("truck-1", "truck-2"), seqs), {
        maxLength: 6,
      });
      let run = 0;
      const [...workers] = await sinks(2);
      const known = new Set<string>();
      await fc.assert(
        fc.asyncProperty(steps, async (all) => {
          run += 1;
          for (const [at, thing, asked] of all) {
            const batch = asked.map((seq) => deliveryOf({ thing, seq, epoch: run }));
            const fresh = idsOf(batch).filter((id) => !known.has(id));
            for (const id of fresh) known.add(id);
            const expected = { written: fresh.length, repeats: batch.length - fresh.length, refused: [] };
            expect(await workers[at]?.commit(batch)).toEqual(expected);
          }
        }),
        { seed: SEED, numRuns: 12 },
      );
      await closeAll(workers);
      expect(await storedIds()).toEqual([...known].toSorted());
    });

    it("has whole records or none of a commit that fails, and takes the batch again", async (context) => {
      const { disturb } = subject();
      if (disturb === undefined) context.skip("nothing stands between this sink and its store");
      const [sink] = await sinks(1);
      const table = wholeTable();
      const batch = Array.from({ length: 20 }, (_, at) =>
        deliveryOf({ seq: at + 1, body: samplesBody(NEW_YEAR_US, [1, 2]), table }),
      );
      await sink.commit([...tableDeliveries(), ...batch.slice(0, 5)]);
      disturb?.(true);
      await expect(sink.commit(batch)).rejects.toMatchObject({ name: "AgentError" });
      disturb?.(false);
      const { written, repeats } = await sink.commit(batch);
      expect(written + repeats).toBe(20);
      expect(repeats).toBeGreaterThanOrEqual(5);
      await sink.close();
      const stored = await subject().stored();
      expect(stored.map(idOf).toSorted()).toEqual(idsOf(batch));
      expect(stored.every(({ rows }) => rows.length === 4)).toBe(true);
    });
  });
}

function rowsContract(open: OpenSinkSubject): void {
  describe("rows", () => {
    const { subject, sinks } = useSubject(open);

    it("have the physical values and times of all samples", async () => {
      const [sink] = await sinks(1);
      await sink.commit(tableDeliveries());
      await sink.commit([deliveryOf({ seq: 1, body: samplesBody(NEW_YEAR_US, [4, 6, 5]), table: wholeTable() })]);
      expect(sink.status()).toMatchObject({ records: 3, samples: 6 });
      await sink.close();
      // Physical = raw * 0.5 + 10; the second signal is the negative of the first.
      const times = [0, 1000, 2000].map((us) => NEW_YEAR_US + us);
      const [stored] = await subject().stored();
      expect(stored?.rows).toEqual([
        `Engine.Signal0 ${times[0]} 12`,
        `Engine.Signal0 ${times[1]} 13`,
        `Engine.Signal0 ${times[2]} 12.5`,
        `Engine.Signal1 ${times[0]} 8`,
        `Engine.Signal1 ${times[1]} 7`,
        `Engine.Signal1 ${times[2]} 7.5`,
      ]);
    });

    it("are put right by a better anchor of the boot that was committed before them, by whomever", async () => {
      const [one, other] = await sinks(2);
      await one.commit(tableDeliveries({ quality: "unsynchronised" }));
      // One minute after the boot the clock said 1970; ten minutes after it, it was set.
      const early = { monotonicUs: 60_000_000, wallUs: 60_000_000, quality: "unsynchronised" as const };
      const body = samplesBody(60_000_000, [2]);
      await one.commit([deliveryOf({ seq: 1, ...early, body, table: wholeTable() })]);
      await one.commit([deliveryOf({ seq: 2, monotonicUs: 600_000_000, wallUs: NEW_YEAR_US })]);
      await other.commit([deliveryOf({ seq: 3, ...early, body, table: wholeTable() })]);
      await closeAll([one, other]);
      const stored = (await subject().stored()).toSorted((a, b) => a.seq - b.seq);
      const rightUs = NEW_YEAR_US - 540_000_000;
      expect(stored[1]).toMatchObject({ seq: 2, shiftUs: 0, quality: "ntp" });
      expect(stored[2]).toMatchObject({ seq: 3, shiftUs: rightUs - 60_000_000, quality: "ntp" });
      expect(stored[2]?.rows[0]).toBe(`Engine.Signal0 ${rightUs} 11`);
    });

    it("take a record whose signal table never came", async () => {
      const [sink] = await sinks(1);
      const delivery = deliveryOf({ seq: 1, body: samplesBody(NEW_YEAR_US, [4]) });
      expect(await sink.commit([delivery])).toMatchObject({ written: 1 });
      expect(await sink.commit([delivery])).toMatchObject({ written: 0, repeats: 1 });
      await sink.close();
    });
  });
}
