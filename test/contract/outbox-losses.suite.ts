import { describe, expect, it } from "vitest";
import type { LossRange, RecordDraft } from "../../agent/ports/outbox.ts";
import {
  ALL,
  draftOf,
  faultCodeOf,
  type OpenOutboxSubject,
  rowsOf,
  seqsOf,
  takeLosses,
  use,
} from "./outbox-subject.ts";

/** What `Outbox.lose` promises. */
export function losingContract(open: OpenOutboxSubject): void {
  describe("lose", () => {
    const { outbox, clock } = use(open);

    it("sets a refused record aside: on disk, counted, not read again", () => {
      outbox().append([draftOf("event", 10), draftOf("event", 20)]);
      outbox().lose([1], "rejected", "0x97 quota exceeded");
      outbox().lose([1], "rejected", "0x97 quota exceeded");
      expect(seqsOf(outbox(), "event")).toEqual([2]);
      expect(outbox().stats().streams.event).toMatchObject({ records: 1, dead: 1, bytes: 30, lost: 1 });
      expect(takeLosses(outbox())).toEqual(["event 1-1 rejected"]);
    });

    it("gives back what was set aside to who asks for it", () => {
      outbox().append(Array.from({ length: 4 }, () => draftOf("event", 10)));
      outbox().lose([1, 3, 4], "rejected", "0x97 quota exceeded");
      const dead = (afterRow: number, throughRow: number, maxRecords: number, maxBytes: number) =>
        outbox()
          .read("event", afterRow, throughRow, maxRecords, maxBytes, "dead")
          .map(({ row }) => row);
      expect([dead(0, 9, 9, 99), dead(1, 3, 9, 99), dead(0, 9, 2, 99), dead(0, 9, 9, 20)]).toEqual([
        [1, 3, 4],
        [3],
        [1, 3],
        [1, 3],
      ]);
      expect(outbox().read("event", 0, 9, 1, 99, "dead")[0]?.payload).toHaveLength(10);
    });

    it("deletes an expired record", () => {
      outbox().append([draftOf("event", 10, { lifeMs: 1 }), draftOf("event", 20)]);
      outbox().lose([1], "expired", "life ended");
      expect(outbox().stats().streams.event).toMatchObject({ records: 1, dead: 0, bytes: 20, lost: 1 });
      expect(takeLosses(outbox())).toEqual(["event 1-1 expired"]);
    });

    it("deletes many at once, and notes their runs", () => {
      outbox().append(Array.from({ length: 100 }, () => draftOf("telemetry", 10)));
      outbox().lose([90], "rejected", "0x99");
      const rows = Array.from({ length: 100 }, (_, index) => index + 1).filter((row) => row !== 50);
      outbox().lose([...rows, 777], "expired", "life ended");
      expect(outbox().stats().streams.telemetry).toMatchObject({ records: 1, dead: 0, bytes: 10, lost: 99 });
      expect(takeLosses(outbox())).toEqual([
        "telemetry 90-90 rejected",
        "telemetry 1-49 expired",
        "telemetry 51-89 expired",
        "telemetry 91-100 expired",
      ]);
    });

    it("tells a record once that it is given twice", () => {
      outbox().append([draftOf("event", 10), draftOf("event", 10), draftOf("telemetry", 10)]);
      outbox().lose([1, 1], "rejected", "0x99");
      outbox().lose([2, 3, 2, 3], "expired", "life ended");
      const { event, telemetry } = outbox().stats().streams;
      expect([event, telemetry]).toMatchObject([
        { records: 0, dead: 1, lost: 2 },
        { records: 0, dead: 0, lost: 1 },
      ]);
      expect(takeLosses(outbox())).toEqual(["event 1-1 rejected", "event 2-2 expired", "telemetry 1-1 expired"]);
    });

    it("counts losses by stream and reason, with the last detail and its time, and none of what did not happen", () => {
      outbox().append(Array.from({ length: 9 }, () => draftOf("telemetry", 1000)));
      outbox().lose([1, 2], "expired", "life ended");
      clock.advance(500);
      outbox().lose([4], "expired", "life ended again");
      for (const row of [5, 6, 7]) outbox().lose([row], "rejected", "0x99");
      expect(faultCodeOf(() => outbox().append([draftOf("telemetry", 4000), draftOf("telemetry", 20_000)]))).toBe(
        "outbox.full",
      );
      const atMs = clock.monotonicMs();
      expect(outbox().lossCounts()).toEqual([
        {
          stream: "telemetry",
          reason: "expired",
          detail: "life ended again",
          records: 3,
          range: { first: 4, last: 4 },
          atMs,
        },
        { stream: "telemetry", reason: "rejected", detail: "0x99", records: 3, range: { first: 5, last: 7 }, atMs },
      ]);
    });

    it("ignores a row it does not know", () => {
      outbox().lose([5], "expired", "life ended");
      outbox().lose([5], "rejected", "0x80");
      expect(outbox().stats().streams.event.lost).toBe(0);
      expect(takeLosses(outbox())).toEqual([]);
    });

    it("merges neighbours of one stream, reason and detail, whatever their order", () => {
      outbox().append(Array.from({ length: 7 }, () => draftOf("telemetry", 10)));
      for (const row of [3, 5, 4, 1]) outbox().lose([row], "expired", "life ended");
      outbox().lose([2], "rejected", "0x99");
      outbox().lose([6], "expired", "life ended");
      expect(takeLosses(outbox())).toEqual([
        "telemetry 3-6 expired",
        "telemetry 1-1 expired",
        "telemetry 2-2 rejected",
      ]);
    });
  });
}

/** What `Outbox.drop` promises. */
export function droppingContract(open: OpenOutboxSubject): void {
  describe("drop", () => {
    const { outbox } = use(open, 100_000);

    it("deletes all of one stream, whatever its state, notes what waited as lost, and leaves the others", () => {
      outbox().append(Array.from({ length: 2500 }, () => draftOf("telemetry", 10)));
      outbox().append([draftOf("event", 10)]);
      outbox().lose([7], "rejected", "0x99");
      expect(outbox().drop("telemetry", ALL, 1000, "by hand")).toBe(1000);
      expect(outbox().drop("telemetry", 2400, 1000, "by hand")).toBe(1000);
      expect(outbox().stats().streams.telemetry).toMatchObject({ records: 499, dead: 1, lost: 2001 });
      expect(outbox().drop("telemetry", ALL, 1000, "by hand")).toBe(500);
      expect(outbox().stats().streams.telemetry).toMatchObject({ records: 0, dead: 0, bytes: 0, lost: 2500 });
      expect(outbox().stats().streams.event.records).toBe(1);
      expect(takeLosses(outbox())).toEqual([
        "telemetry 7-7 rejected",
        "telemetry 1-6 dropped",
        "telemetry 8-2500 dropped",
      ]);
      expect(outbox().drop("telemetry", ALL, 1000, "by hand")).toBe(0);
    });

    it("drops nothing that came after the row it is given", () => {
      outbox().append([draftOf("telemetry", 10), draftOf("telemetry", 10)]);
      expect(outbox().drop("telemetry", 1, 1000, "by hand")).toBe(1);
      expect(seqsOf(outbox(), "telemetry")).toEqual([2]);
    });

    it("gives back the loss that a dropped record reported", () => {
      outbox().append([draftOf("telemetry", 10)]);
      outbox().lose([1], "expired", "life ended");
      outbox().reportLosses(() => draftOf("event", 10), 10);
      outbox().drop("event", ALL, 1000, "by hand");
      expect(takeLosses(outbox())).toEqual(["telemetry 1-1 expired", "event 1-1 dropped"]);
    });
  });
}

/** What `Outbox.hold` promises. */
export function holdingContract(open: OpenOutboxSubject): void {
  describe("hold", () => {
    const { outbox } = use(open, 1000);

    it("keeps what is on its way from being evicted, and evicts the next", () => {
      outbox().append(Array.from({ length: 9 }, () => draftOf("telemetry", 100)));
      expect([1, 2, 4].map((row) => outbox().hold(row, row))).toEqual([true, true, true]);
      outbox().append([draftOf("event", 250)]);
      expect(seqsOf(outbox(), "telemetry")).toEqual([1, 2, 4, 6, 7, 8, 9]);
      outbox().ack([1, 2]);
      expect(takeLosses(outbox())).toEqual(["telemetry 3-3 evicted", "telemetry 5-5 evicted"]);
    });

    it("refuses a record for which only what is on its way could make room, and then nothing has happened", () => {
      outbox().append([draftOf("capture", 300), draftOf("telemetry", 600)]);
      outbox().hold(2, 1);
      const before = outbox().stats();
      expect(faultCodeOf(() => outbox().append([draftOf("event", 400)]))).toBe("outbox.full");
      expect(outbox().stats()).toEqual(before);
      outbox().release(2);
      outbox().append([draftOf("event", 400)]);
      expect(takeLosses(outbox())).toEqual(["capture 1-1 evicted", "telemetry 1-1 evicted"]);
    });

    it("says that a record is gone, or set aside, since it was read", () => {
      outbox().append([draftOf("telemetry", 500), draftOf("event", 10)]);
      outbox().append([draftOf("telemetry", 900)]);
      outbox().lose([2], "rejected", "0x99");
      const held = [
        [1, 1],
        [2, 1],
        [3, 1],
        [3, 2],
        [77, 3],
      ].map(([row, seq]) => outbox().hold(row, seq));
      expect(held).toEqual([false, false, false, true, false]);
    });

    it("ends with the acknowledgement, the loss or the release", () => {
      outbox().append(Array.from({ length: 4 }, () => draftOf("telemetry", 10)));
      for (const row of [1, 2, 3, 4]) outbox().hold(row, row);
      expect(outbox().drop("telemetry", ALL, 10, "by hand")).toBe(0);
      outbox().ack([1]);
      outbox().lose([2], "rejected", "0x99");
      outbox().release(3);
      outbox().release(77);
      expect(outbox().drop("telemetry", ALL, 10, "by hand")).toBe(2);
      expect(seqsOf(outbox(), "telemetry")).toEqual([4]);
    });

    it("makes no room for a report out of what is on its way", () => {
      outbox().append([draftOf("event", 10), draftOf("capture", 150), draftOf("event", 780)]);
      outbox().lose([1], "expired", "life ended");
      outbox().hold(2, 1);
      expect(outbox().reportLosses(() => draftOf("event", 100), 10)).toBe(0);
      outbox().release(2);
      expect(outbox().reportLosses(() => draftOf("event", 100), 10)).toBe(1);
    });
  });
}

/** What `Outbox.reportLosses` promises. */
export function reportingContract(open: OpenOutboxSubject): void {
  describe("reportLosses", () => {
    const { outbox } = use(open, 1000);
    const report = (loss: LossRange): RecordDraft =>
      draftOf("event", 10, { seal: () => new TextEncoder().encode(`${loss.first}-${loss.last}`) });

    it("turns the oldest ranges into records, at most as many as asked, and forgets them", () => {
      outbox().append(Array.from({ length: 5 }, () => draftOf("telemetry", 10)));
      for (const row of [1, 3, 5]) outbox().lose([row], "expired", "life ended");
      expect(outbox().reportLosses(report, 2)).toBe(2);
      expect(outbox().reportLosses(report, 2)).toBe(1);
      expect(outbox().reportLosses(report, 2)).toBe(0);
      const texts = outbox()
        .read("event", 0, ALL, 10, ALL)
        .map(({ payload }) => new TextDecoder().decode(payload));
      expect(texts).toEqual(["1-1", "3-3", "5-5"]);
    });

    it("keeps the losses noted when a report cannot be made", () => {
      outbox().append([draftOf("telemetry", 10)]);
      outbox().lose([1], "expired", "life ended");
      expect(() =>
        outbox().reportLosses(() => {
          throw new RangeError("no report");
        }, 10),
      ).toThrow("no report");
      expect(outbox().lastRow()).toBe(1);
      expect(takeLosses(outbox())).toEqual(["telemetry 1-1 expired"]);
    });

    it("forgets a range once its report is delivered", () => {
      outbox().append([draftOf("telemetry", 10)]);
      outbox().lose([1], "expired", "life ended");
      outbox().reportLosses(report, 10);
      outbox().ack(rowsOf(outbox(), "event"));
      expect(takeLosses(outbox())).toEqual([]);
      expect(outbox().stats()).toMatchObject({ records: 0, bytes: 0 });
    });

    it("notes a range again when its report is evicted or expires", () => {
      outbox().append([draftOf("telemetry", 10)]);
      outbox().lose([1], "expired", "life ended");
      outbox().reportLosses(report, 10);
      outbox().append([draftOf("event", 947)]);
      outbox().append([draftOf("event", 1)]);
      outbox().ack(rowsOf(outbox(), "event"));
      expect(takeLosses(outbox())).toEqual(["telemetry 1-1 expired", "event 1-1 evicted"]);
      for (const row of rowsOf(outbox(), "event")) outbox().lose([row], "expired", "life ended");
      expect(takeLosses(outbox())).toEqual(["telemetry 1-1 expired", "event 4-5 expired", "event 1-1 evicted"]);
    });

    it("does not keep a refused report, and notes its range again", () => {
      outbox().append([draftOf("telemetry", 10)]);
      outbox().lose([1], "expired", "life ended");
      outbox().reportLosses(report, 10);
      const [row] = rowsOf(outbox(), "event");
      outbox().lose([row ?? 0], "rejected", "0x87");
      expect(outbox().stats().streams.event).toMatchObject({ records: 0, dead: 0, bytes: 0, lost: 1 });
      expect(takeLosses(outbox())).toEqual(["telemetry 1-1 expired", "event 1-1 rejected"]);
    });

    it("makes room from lower classes, and waits rather than push out its own", () => {
      outbox().append([draftOf("capture", 100), draftOf("event", 850)]);
      outbox().append([draftOf("capture", 10)]);
      expect(outbox().reportLosses(report, 10)).toBe(1);
      outbox().append([draftOf("event", 97)]);
      expect(outbox().stats().bytes).toBe(950);
      expect(outbox().reportLosses(report, 10)).toBe(0);
      expect(seqsOf(outbox(), "event")).toEqual([1, 2, 3]);
      outbox().ack(rowsOf(outbox(), "event"));
      expect(takeLosses(outbox())).toEqual(["capture 2-2 evicted"]);
    });
  });
}
