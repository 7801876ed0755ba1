import { describe, expect, it } from "vitest";
import type { StreamName } from "../../agent/ports/outbox.ts";
import { keepingContract } from "./outbox-kept.suite.ts";
import { droppingContract, holdingContract, losingContract, reportingContract } from "./outbox-losses.suite.ts";
import {
  ALL,
  draftOf,
  faultCodeOf,
  type OpenOutboxSubject,
  payloadOf,
  seqsOf,
  takeLosses,
  use,
} from "./outbox-subject.ts";
import { thinningContract } from "./outbox-thinning.suite.ts";

/** What `Outbox` promises, in order of its documentation. */
export function outboxContract(name: string, open: OpenOutboxSubject): void {
  describe(`Outbox contract: ${name}`, () => {
    storing(open);
    reading(open);
    evicting(open);
    losingContract(open);
    droppingContract(open);
    holdingContract(open);
    reportingContract(open);
    thinningContract(open);
    keepingContract(open);
  });
}

function storing(open: OpenOutboxSubject): void {
  describe("append", () => {
    const { outbox, clock } = use(open);

    it("counts seq from 1 in each stream and names one epoch", () => {
      const ids = outbox().append([draftOf("telemetry", 10), draftOf("event", 10), draftOf("telemetry", 10)]);
      expect(ids.map(({ stream, seq }) => `${stream} ${seq}`)).toEqual(["telemetry 1", "event 1", "telemetry 2"]);
      expect(new Set(ids.map(({ epoch }) => epoch))).toEqual(new Set([outbox().stats().epoch]));
      expect(outbox().append([draftOf("telemetry", 10)])[0]?.seq).toBe(3);
    });

    it("gives back every field as it was stored", () => {
      const before = clock.wallUs();
      const [id] = outbox().append([
        draftOf("telemetry", 30, {
          encoding: "zstd",
          timeQuality: "rtc",
          lifeMs: 5000,
          retainKey: "table",
          route: "a/b",
        }),
      ]);
      const [record] = outbox().read("telemetry", 0, ALL, 1, ALL);
      expect({ ...record, payload: Array.from(record?.payload ?? []) }).toEqual({
        ...id,
        row: outbox().lastRow(),
        encoding: "zstd",
        timeQuality: "rtc",
        storedAtUs: before,
        storedAtMonotonicMs: clock.monotonicMs(),
        expiresAtMs: Math.floor(before / 1000) + 5000,
        retainKey: "table",
        route: "a/b",
        payload: Array.from(payloadOf({ epoch: 0, stream: "telemetry", seq: 1 }, 30)),
      });
    });

    it("does nothing at all when one payload cannot be made", () => {
      outbox().append([draftOf("telemetry", 10)]);
      const before = outbox().stats();
      const bad = draftOf("event", 10, {
        seal: () => {
          throw new RangeError("no payload");
        },
      });
      expect(() => outbox().append([draftOf("telemetry", 10), draftOf("event", 10), bad])).toThrow("no payload");
      expect(outbox().stats()).toEqual(before);
      expect(outbox().lastRow()).toBe(1);
      expect(outbox().append([draftOf("telemetry", 10)])[0]?.seq).toBe(2);
    });

    it("takes an empty list for nothing to do", () => {
      expect(outbox().append([])).toEqual([]);
      expect(outbox().lastRow()).toBe(0);
    });

    it("seals each draft once", () => {
      let calls = 0;
      const seal = (): Uint8Array => {
        calls += 1;
        return new Uint8Array(5);
      };
      outbox().append([draftOf("telemetry", 5, { seal }), draftOf("telemetry", 5, { seal })]);
      expect(calls).toBe(2);
    });
  });
}

function reading(open: OpenOutboxSubject): void {
  describe("read, ack and stats", () => {
    const { outbox, clock } = use(open);

    it("reads one stream, oldest first, between two rows", () => {
      for (let count = 0; count < 5; count += 1) outbox().append([draftOf("event", 10), draftOf("telemetry", 10)]);
      expect(seqsOf(outbox(), "event")).toEqual([1, 2, 3, 4, 5]);
      expect(
        outbox()
          .read("event", 1, 7, 10, ALL)
          .map(({ row }) => row),
      ).toEqual([3, 5, 7]);
      expect(
        outbox()
          .read("event", 1, 7, 2, ALL)
          .map(({ row }) => row),
      ).toEqual([3, 5]);
      expect(outbox().read("capture", 0, ALL, 10, ALL)).toEqual([]);
    });

    it("bounds the bytes it gives, but gives at least one record", () => {
      outbox().append([draftOf("event", 100), draftOf("event", 100), draftOf("event", 100)]);
      expect(outbox().read("event", 0, ALL, 10, 250)).toHaveLength(2);
      expect(outbox().read("event", 0, ALL, 10, 200)).toHaveLength(2);
      expect(outbox().read("event", 0, ALL, 10, 1)).toHaveLength(1);
    });

    it("forgets what is acknowledged and ignores rows it does not know", () => {
      outbox().append([draftOf("event", 10), draftOf("event", 20), draftOf("event", 30)]);
      outbox().ack([1, 3, 77]);
      outbox().ack([1, 3, 77]);
      outbox().ack([]);
      expect(seqsOf(outbox(), "event")).toEqual([2]);
      expect(outbox().stats()).toMatchObject({ records: 1, bytes: 20 });
      expect(takeLosses(outbox())).toEqual([]);
    });

    it("forgets what was delivered with what it stores next, and so makes room for it", () => {
      outbox().append([draftOf("event", 4000), draftOf("event", 4000)]);
      expect(outbox().hold(1, 1)).toBe(true);
      outbox().append([draftOf("event", 4000)], [], [1, 77]);
      expect(seqsOf(outbox(), "event")).toEqual([2, 3]);
      expect(takeLosses(outbox())).toEqual([]);
      outbox().append([], [], [2]);
      expect(seqsOf(outbox(), "event")).toEqual([3]);
      expect(outbox().stats()).toMatchObject({ records: 1, bytes: 4000 });
    });

    it("forgets nothing with what it cannot store", () => {
      outbox().append([draftOf("event", 4000)]);
      expect(() => outbox().append([draftOf("event", 20_000)], [], [1])).toThrowError(
        expect.objectContaining({ code: "outbox.full" }),
      );
      expect(seqsOf(outbox(), "event")).toEqual([1]);
    });

    it("never gives a row or a seq twice", () => {
      outbox().append([draftOf("event", 10)]);
      outbox().ack([1]);
      expect(outbox().lastRow()).toBe(1);
      expect(outbox().append([draftOf("event", 10)])[0]?.seq).toBe(2);
      expect(outbox().lastRow()).toBe(2);
    });

    it("counts records, bytes and the age of the oldest", () => {
      const first = clock.wallUs();
      outbox().append([draftOf("event", 10)]);
      clock.advance(1000);
      outbox().append([draftOf("event", 30), draftOf("capture", 5)]);
      const stats = outbox().stats();
      expect(stats).toMatchObject({ records: 3, bytes: 45, maxBytes: 10_000 });
      expect(stats.streams.event).toEqual({ records: 2, bytes: 40, lastSeq: 2, dead: 0, lost: 0, oldestUs: first });
      expect(stats.streams.capture.oldestUs).toBe(first + 1_000_000);
      expect(stats.streams.control).toEqual({
        records: 0,
        bytes: 0,
        lastSeq: 0,
        dead: 0,
        lost: 0,
        oldestUs: undefined,
      });
      outbox().ack([1]);
      expect(outbox().stats().streams.event.oldestUs).toBe(first + 1_000_000);
    });

    it("lists records without their payload", () => {
      outbox().append([draftOf("event", 10), draftOf("telemetry", 20, { encoding: "gzip" }), draftOf("event", 30)]);
      outbox().lose([1], "rejected", "0x87");
      expect(
        outbox()
          .list("event", 10)
          .map(({ row, bytes, dead }) => ({ row, bytes, dead })),
      ).toEqual([
        { row: 1, bytes: 10, dead: true },
        { row: 3, bytes: 30, dead: false },
      ]);
      expect(outbox().list(undefined, 2)).toEqual([
        expect.objectContaining({ row: 1, stream: "event", seq: 1 }),
        {
          row: 2,
          epoch: outbox().stats().epoch,
          stream: "telemetry",
          seq: 1,
          bytes: 20,
          encoding: "gzip",
          storedAtUs: clock.wallUs(),
          dead: false,
        },
      ]);
    });
  });
}

function evicting(open: OpenOutboxSubject): void {
  describe("the byte bound", () => {
    const { outbox } = use(open, 1000);

    it("evicts the lowest class first, oldest first, and not one record more than needed", () => {
      outbox().append(["capture", "telemetry", "capture", "event"].map((stream) => draftOf(streamOf(stream), 200)));
      outbox().append([draftOf("telemetry", 300)]);
      expect(seqsOf(outbox(), "capture")).toEqual([2]);
      expect(seqsOf(outbox(), "telemetry")).toEqual([1, 2]);
      outbox().append([draftOf("event", 300)]);
      expect(seqsOf(outbox(), "capture")).toEqual([]);
      expect(seqsOf(outbox(), "telemetry")).toEqual([2]);
      expect(seqsOf(outbox(), "event")).toEqual([1, 2]);
      expect(outbox().stats()).toMatchObject({ records: 3, bytes: 800 });
      expect(takeLosses(outbox())).toEqual(["capture 1-2 evicted", "telemetry 1-1 evicted"]);
    });

    it("evicts the oldest of its own class when there is no lower one", () => {
      for (let count = 0; count < 6; count += 1) outbox().append([draftOf("telemetry", 300)]);
      expect(seqsOf(outbox(), "telemetry")).toEqual([4, 5, 6]);
      expect(outbox().stats().streams.telemetry.lost).toBe(3);
      expect(takeLosses(outbox())).toEqual(["telemetry 1-3 evicted"]);
    });

    it("refuses rather than evict a higher class, and then nothing has happened", () => {
      outbox().append([draftOf("event", 900), draftOf("capture", 40)]);
      const before = outbox().stats();
      expect(faultCodeOf(() => outbox().append([draftOf("capture", 10), draftOf("telemetry", 100)]))).toBe(
        "outbox.full",
      );
      expect(outbox().stats()).toEqual(before);
      expect(takeLosses(outbox())).toEqual([]);
      expect(outbox().append([draftOf("capture", 1)])[0]?.seq).toBe(2);
    });

    it("never lets records of one call evict each other", () => {
      outbox().append([draftOf("telemetry", 500)]);
      const drafts = [draftOf("telemetry", 500), draftOf("telemetry", 500)];
      expect(faultCodeOf(() => outbox().append(drafts))).toBe("outbox.full");
      expect(seqsOf(outbox(), "telemetry")).toEqual([1]);
    });

    it("keeps the last twentieth for control", () => {
      outbox().append([draftOf("event", 950)]);
      expect(faultCodeOf(() => outbox().append([draftOf("telemetry", 1)]))).toBe("outbox.full");
      outbox().append([draftOf("control", 50)]);
      expect(outbox().stats().bytes).toBe(1000);
      outbox().append([draftOf("control", 10)]);
      expect(outbox().stats().streams.event.records).toBe(0);
      expect(seqsOf(outbox(), "control")).toEqual([1, 2]);
    });

    it("evicts dead records of a class first, without noting their loss again", () => {
      outbox().append([draftOf("telemetry", 300), draftOf("telemetry", 300), draftOf("telemetry", 300)]);
      outbox().lose([2], "rejected", "0x99");
      expect(takeLosses(outbox())).toEqual(["telemetry 2-2 rejected"]);
      outbox().append([draftOf("telemetry", 300)]);
      expect(seqsOf(outbox(), "telemetry")).toEqual([1, 3, 4]);
      expect(outbox().stats().streams.telemetry).toMatchObject({ dead: 0, lost: 1 });
      expect(takeLosses(outbox())).toEqual([]);
    });
  });
}

function streamOf(name: string): StreamName {
  if (name === "capture" || name === "telemetry" || name === "event") return name;
  return "control";
}
