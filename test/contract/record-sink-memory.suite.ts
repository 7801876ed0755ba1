import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isWhole } from "../../agent/consumer/store/record-table.ts";
import type { Gap, Sink } from "../../agent/consumer/store/sink.ts";
import {
  deliveryOf,
  lossBody,
  NEW_YEAR_US,
  type OpenSinkSubject,
  type SinkSubject,
  TABLE_ID,
  tableBody,
} from "./record-sink-subject.ts";

/** When the deliveries of these tests come, and long after. */
const CAME_US = NEW_YEAR_US + 1_000_000;
const LATER_US = NEW_YEAR_US + 3_600_000_000;

type Use = { readonly one: () => Sink; readonly other: () => Sink };

function twoSinks(open: OpenSinkSubject): Use {
  let subject: SinkSubject | undefined;
  let sinks: readonly Sink[] = [];
  beforeEach(async () => {
    subject = await open();
    sinks = [await subject.open(), await subject.open()];
  });
  afterEach(async () => {
    for (const sink of sinks) await sink.close();
    await subject?.end();
  });
  const at = (index: number): Sink => {
    const sink = sinks[index];
    if (sink === undefined) throw new Error("no sink");
    return sink;
  };
  return { one: () => at(0), other: () => at(1) };
}

async function collected(gaps: AsyncIterable<Gap>): Promise<Gap[]> {
  const all: Gap[] = [];
  for await (const gap of gaps) all.push(gap);
  return all;
}

async function gapsOf(sink: Sink, graceMs = 0, nowUs = LATER_US): Promise<string[]> {
  const gaps = await collected(sink.gaps(nowUs, graceMs));
  return gaps.map(({ thing, epoch, stream, first, last }) => `${thing} ${epoch} ${stream} ${first}-${last}`).toSorted();
}

/** What a store remembers beside rows: gaps and losses. */
export function rememberingContract(open: OpenSinkSubject): void {
  describe("gaps", () => {
    const { one, other } = twoSinks(open);

    it("are what has not come below what has, until it comes, at whichever worker", async () => {
      await one().commit([1, 2, 5].map((seq) => deliveryOf({ seq })));
      await other().commit([9].map((seq) => deliveryOf({ seq })));
      expect(await gapsOf(one())).toEqual(["truck-1 7 telemetry 3-4", "truck-1 7 telemetry 6-8"]);
      await other().commit([3, 4, 7].map((seq) => deliveryOf({ seq })));
      expect(await gapsOf(one())).toEqual(["truck-1 7 telemetry 6-6", "truck-1 7 telemetry 8-8"]);
      await one().commit([8, 6].map((seq) => deliveryOf({ seq })));
      expect(await gapsOf(other())).toEqual([]);
    });

    it("begin below the first record that came", async () => {
      await one().commit([deliveryOf({ seq: 3 })]);
      expect(await gapsOf(one())).toEqual(["truck-1 7 telemetry 1-2"]);
    });

    it("are told from the moment a higher record came, after the grace", async () => {
      await one().commit([deliveryOf({ seq: 1 }), deliveryOf({ seq: 3 })]);
      await one().commit([deliveryOf({ seq: 5, receivedUs: CAME_US + 60_000_000 })]);
      expect(await gapsOf(one(), 30_000, CAME_US + 29_000_000)).toEqual([]);
      expect(await gapsOf(one(), 30_000, CAME_US + 31_000_000)).toEqual(["truck-1 7 telemetry 2-2"]);
      const gaps = await collected(one().gaps(LATER_US, 0));
      expect(gaps.map(({ first, sinceUs }) => [first, sinceUs])).toEqual([
        [2, CAME_US],
        [4, CAME_US + 60_000_000],
      ]);
    });

    it("are none where a loss says so, in the stream and epoch that the loss names", async () => {
      const loss = lossBody({ epoch: 6, stream: "event", first: 2, last: 4 });
      await one().commit([deliveryOf({ seq: 1, stream: "control", body: loss })]);
      const old = { epoch: 6, stream: "event" } as const;
      await other().commit([1, 6].map((seq) => deliveryOf({ ...old, seq })));
      await other().commit([1, 6].map((seq) => deliveryOf({ seq })));
      expect(await gapsOf(one())).toEqual(["truck-1 6 event 5-5", "truck-1 7 telemetry 2-5"]);
    });

    it("are none where a loss comes twice, or a record that it names comes after all", async () => {
      const loss = lossBody({ first: 2, last: 4 });
      const told = deliveryOf({ seq: 1, stream: "control", body: loss });
      await one().commit([told, deliveryOf({ seq: 1 }), deliveryOf({ seq: 5 })]);
      await other().commit([told, deliveryOf({ seq: 3 })]);
      expect(await gapsOf(one())).toEqual([]);
    });

    it("are none where another record stands for the thinned ones", async () => {
      const loss = lossBody({
        first: 1,
        last: 6,
        reason: "LOSS_REASON_THINNED",
        thinning: 10,
        keptFirst: 7,
        keptLast: 8,
      });
      await one().commit([deliveryOf({ seq: 1, stream: "control", body: loss })]);
      await one().commit([deliveryOf({ seq: 7, thinned: { ratio: 10, seqs: [1, 2, 3] } }), deliveryOf({ seq: 9 })]);
      expect(await gapsOf(one())).toEqual(["truck-1 7 telemetry 4-6", "truck-1 7 telemetry 8-8"]);
      await other().commit([deliveryOf({ seq: 8, thinned: { ratio: 10, seqs: [4, 5, 6] } })]);
      expect(await gapsOf(one())).toEqual([]);
    });

    it("do not begin below a table, which the broker keeps of any epoch", async () => {
      await one().commit([deliveryOf({ seq: 40, stream: "event", body: tableBody(0) })]);
      expect(await gapsOf(other())).toEqual([]);
      await other().commit([deliveryOf({ seq: 41, stream: "event" })]);
      expect(await gapsOf(one())).toEqual(["truck-1 7 event 1-39"]);
    });

    it("stay right over hundreds of records out of order", async () => {
      // Evens first, then odds from the top: no run is complete before the end.
      const seqs = [
        ...Array.from({ length: 150 }, (_, at) => 2 * at + 2),
        ...Array.from({ length: 150 }, (_, at) => 299 - 2 * at),
      ];
      for (let at = 0; at < seqs.length; at += 15) {
        const batch = seqs.slice(at, at + 15).map((seq) => deliveryOf({ seq, receivedUs: CAME_US + at }));
        await (at % 2 === 0 ? one() : other()).commit(batch);
        const come = new Set(seqs.slice(0, at + 15));
        const missing = Array.from({ length: Math.max(...come) }, (_, index) => index + 1).filter(
          (seq) => !come.has(seq),
        );
        const gaps = await collected(one().gaps(LATER_US, 0));
        expect(
          gaps.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, step) => first + step)),
        ).toEqual(missing);
      }
    });
  });
}

/** Tables, and the end. */
export function forgettingContract(open: OpenSinkSubject): void {
  describe("signal tables", () => {
    const { one, other } = twoSinks(open);

    it("are known to all workers, whole when all parts came, in any order", async () => {
      expect(await one().table("truck-1", TABLE_ID)).toBeUndefined();
      await one().commit([deliveryOf({ seq: 1, stream: "control", body: tableBody(1) })]);
      const part = await other().table("truck-1", TABLE_ID);
      expect(part !== undefined && isWhole(part)).toBe(false);
      await other().commit([deliveryOf({ seq: 2, stream: "control", body: tableBody(0) })]);
      const table = await one().table("truck-1", TABLE_ID);
      expect(table !== undefined && isWhole(table)).toBe(true);
      expect(table?.signals.get(1)).toMatchObject({ name: "Signal1", factor: 0.5, offset: 10, unit: "rpm" });
    });

    it("are of the thing that sent them alone", async () => {
      await one().commit([deliveryOf({ seq: 1, thing: "truck-2", stream: "control", body: tableBody(0, "km/h") })]);
      await one().commit([deliveryOf({ seq: 1, stream: "control", body: tableBody(0) })]);
      expect((await one().table("truck-1", TABLE_ID))?.signals.get(0)?.unit).toBe("rpm");
      expect((await one().table("truck-2", TABLE_ID))?.signals.get(0)?.unit).toBe("km/h");
      expect(await one().table("truck-3", TABLE_ID)).toBeUndefined();
    });

    it("may come again, as each start of an agent sends them", async () => {
      await one().commit([deliveryOf({ seq: 1, stream: "control", body: tableBody(0) })]);
      await other().commit([deliveryOf({ seq: 2, stream: "control", body: tableBody(0) })]);
      expect((await one().table("truck-1", TABLE_ID))?.signals.size).toBe(1);
    });
  });
}
