import { describe, expect, it } from "vitest";
import type { LossRange, Outbox } from "../../agent/ports/outbox.ts";
import { ALL, draftOf, faultCodeOf, type OpenOutboxSubject, seqsOf, takeLosses, UNFIT, use } from "./outbox-subject.ts";

/** Length of a record whose kind the test's rewriter puts together, and how many fit. */
const BYTES = 99;
const FIT = 40;
const thin = { thin: 10 } as const;

function fill(outbox: Outbox, count = FIT): void {
  for (let at = 0; at < count; at += 1) outbox.append([draftOf("telemetry", BYTES, thin)]);
}

function textsOf(outbox: Outbox): readonly string[] {
  return outbox
    .read("telemetry", 0, ALL, 1000, ALL)
    .map(({ payload }) => new TextDecoder().decode(payload).split(";")[0].trim());
}

/** Takes the noted losses. */
function lossesOf(outbox: Outbox): readonly LossRange[] {
  const losses: LossRange[] = [];
  outbox.reportLosses((loss) => {
    losses.push(loss);
    return draftOf("event", 1);
  }, 100);
  return losses;
}

/** What `Outbox` promises of records whose draft says `thin`. */
export function thinningContract(open: OpenOutboxSubject): void {
  describe("thinning", () => {
    // 40 records of 99 bytes, and the twentieth for control.
    const { outbox, clock } = use(open, 4200);

    it("puts the oldest records into one before it evicts anything, at the row of the first and with a seq of its own", () => {
      fill(outbox());
      clock.advance(1000);
      const [id] = outbox().append([draftOf("telemetry", BYTES, thin)]);
      expect(id.seq).toBe(FIT + 1);
      const records = outbox().read("telemetry", 0, ALL, 10, ALL);
      expect(records.map(({ row, seq }) => [row, seq])).toEqual([
        [1, FIT + 2],
        [FIT + 1, FIT + 1],
      ]);
      const all = Array.from({ length: FIT }, (_, at) => at + 1);
      expect(textsOf(outbox())[0]).toBe(`telemetry ${FIT + 2} thinned 10:1 ${all.join(",")}`);
      expect(outbox().stats().streams.telemetry).toMatchObject({ records: 2, bytes: 396 + BYTES, lost: FIT });
      const counts = outbox().lossCounts();
      expect(counts).toMatchObject([{ stream: "telemetry", reason: "thinned", detail: "thinned 10:1", records: FIT }]);
      expect(lossesOf(outbox())).toEqual([
        {
          epoch: outbox().stats().epoch,
          stream: "telemetry",
          first: 1,
          last: FIT,
          reason: "thinned",
          detail: "thinned 10:1",
          thinned: { ratio: 10, keptFirst: FIT + 2, keptLast: FIT + 2 },
        },
      ]);
    });

    it("keeps the age of the oldest and the life of the longest", () => {
      const storedAtUs = clock.wallUs();
      const storedAtMonotonicMs = clock.monotonicMs();
      outbox().append([draftOf("telemetry", BYTES, { ...thin, lifeMs: 9000 })]);
      clock.advance(1000);
      for (let at = 1; at < FIT; at += 1)
        outbox().append([draftOf("telemetry", BYTES, { ...thin, lifeMs: 5000 + at })]);
      const expiresAtMs = Math.floor(storedAtUs / 1000) + 9000;
      outbox().append([draftOf("telemetry", BYTES)]);
      expect(outbox().read("telemetry", 0, ALL, 1, ALL)).toMatchObject([
        { storedAtUs, storedAtMonotonicMs, expiresAtMs, timeQuality: "ntp" },
      ]);
    });

    it("leaves alone what did not ask for it, what is on its way, dead, of another quality, or cannot be thinned", () => {
      outbox().append([draftOf("telemetry", 9)]);
      fill(outbox(), 4);
      outbox().append([draftOf("telemetry", 9, { ...thin, seal: () => new Uint8Array(9).fill(UNFIT) })]);
      outbox().append([draftOf("telemetry", BYTES, { ...thin, timeQuality: "gps" })]);
      fill(outbox(), 34);
      outbox().lose([3], "rejected", "0x99");
      expect(outbox().hold(4, 4)).toBe(true);
      outbox().append([draftOf("telemetry", 2 * BYTES)]);
      expect(seqsOf(outbox(), "telemetry")).toEqual([1, 43, 4, 6, 7, 42]);
      expect(outbox().stats().streams.telemetry).toMatchObject({ records: 6, dead: 1 });
      expect(takeLosses(outbox())).toEqual(["telemetry 3-3 rejected", "telemetry 2-41 thinned"]);
    });

    it("evicts when too few are left that could be thinned, and thins none twice", () => {
      fill(outbox(), FIT + 1);
      fill(outbox(), 34);
      expect(seqsOf(outbox(), "telemetry").slice(0, 3)).toEqual([42, 41, 43]);
      outbox().append([draftOf("telemetry", 1000)]);
      // The 35 that came since are thinned, and then there is nothing but to evict the oldest.
      expect(seqsOf(outbox(), "telemetry")).toEqual([42, 78, 77]);
      outbox().append([draftOf("telemetry", 2600)]);
      expect(seqsOf(outbox(), "telemetry")).toEqual([78, 77, 79]);
      expect(takeLosses(outbox())).toEqual(["telemetry 1-76 thinned", "telemetry 42-42 evicted"]);
    });

    it("thins the lowest class first, and of a higher one only for its own or a higher one", () => {
      for (let at = 0; at < FIT; at += 1) {
        outbox().append([draftOf("event", 50, thin), draftOf("telemetry", 49, thin)]);
      }
      outbox().append([draftOf("capture", 30)]);
      expect(faultCodeOf(() => outbox().append([draftOf("capture", 100)]))).toBe("outbox.full");
      outbox().append([draftOf("event", 50, thin)]);
      expect(outbox().stats().streams).toMatchObject({
        capture: { records: 1 },
        telemetry: { records: 1 },
        event: { records: FIT + 1 },
      });
    });

    it("does not send what another record stands for, and has that read", () => {
      fill(outbox());
      const before = outbox().backfills();
      outbox().append([draftOf("telemetry", BYTES, thin)]);
      expect(outbox().backfills()).toBeGreaterThan(before);
      expect([1, 2].map((row) => outbox().hold(row, row))).toEqual([false, false]);
      expect(outbox().hold(1, FIT + 2)).toBe(true);
      outbox().ack([1]);
      expect(seqsOf(outbox(), "telemetry")).toEqual([FIT + 1]);
    });

    it("does nothing at all when there is no room even so", () => {
      outbox().append([draftOf("event", 2000)]);
      fill(outbox(), FIT);
      const before = outbox().stats();
      const texts = textsOf(outbox());
      expect(faultCodeOf(() => outbox().append([draftOf("telemetry", 10), draftOf("telemetry", 3000)]))).toBe(
        "outbox.full",
      );
      expect(outbox().stats()).toEqual(before);
      expect(textsOf(outbox())).toEqual(texts);
      expect(outbox().append([draftOf("event", 1)])[0].seq).toBe(2);
    });

    it("makes room for a report of losses too", () => {
      outbox().append([draftOf("event", 10)]);
      fill(outbox());
      outbox().lose([1], "expired", "life ended");
      expect(outbox().reportLosses(() => draftOf("event", 100), 10)).toBe(1);
      expect(outbox().stats().streams.telemetry.records).toBe(1);
      expect(takeLosses(outbox())).toEqual([`telemetry 1-${FIT} thinned`]);
    });

    it("notes one range for records that lie between each other, and gives it back with its report", () => {
      for (let at = 0; at < FIT; at += 1) {
        outbox().append([draftOf("telemetry", 49, thin), draftOf("telemetry", 48, thin)]);
      }
      outbox().append([draftOf("telemetry", 2800)]);
      const [loss, ...more] = lossesOf(outbox());
      expect(more).toEqual([]);
      expect(loss).toMatchObject({ first: 1, last: 80, reason: "thinned", thinned: { keptFirst: 82, keptLast: 83 } });
      const [report] = outbox().read("event", 0, ALL, 10, ALL);
      outbox().lose([report.row], "expired", "life ended");
      expect(lossesOf(outbox())).toContainEqual(loss);
    });
  });
}
