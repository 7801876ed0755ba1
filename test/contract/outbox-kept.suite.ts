import { describe, expect, it } from "vitest";
import { KEPT_MAX_BYTES } from "../../agent/ports/outbox.ts";
import { draftOf, faultCodeOf, keptOf, type OpenOutboxSubject, seqsOf, use } from "./outbox-subject.ts";

/** What `Outbox` promises of values that are kept beside the records. */
export function keepingContract(open: OpenOutboxSubject): void {
  describe("kept", () => {
    const { outbox } = use(open);
    const value = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);

    it("keeps values with an acknowledgement, in one piece, and with one of no record", () => {
      outbox().append([draftOf("event", 10), draftOf("event", 20)]);
      outbox().ack([1], [{ key: "count", value: Uint8Array.of(7) }]);
      expect(keptOf(outbox())).toEqual([["count", [7]]]);
      expect(seqsOf(outbox(), "event")).toEqual([2]);
      outbox().ack([], [{ key: "count", value: Uint8Array.of(8) }]);
      expect(keptOf(outbox())).toEqual([["count", [8]]]);
      const tooMuch = [{ key: "count", value: new Uint8Array(KEPT_MAX_BYTES + 1) }];
      expect(faultCodeOf(() => outbox().ack([2], tooMuch))).toBe("internal.bug");
      expect(keptOf(outbox())).toEqual([["count", [8]]]);
      expect(seqsOf(outbox(), "event")).toEqual([2]);
    });

    it("gives back what was kept, by key, the newest alone", () => {
      expect(outbox().kept()).toEqual([]);
      outbox().append(
        [draftOf("telemetry", 10)],
        [
          { key: "b", value: value(1) },
          { key: "a/1", value: value() },
        ],
      );
      outbox().append([], [{ key: "b", value: value(2, 3) }]);
      expect(keptOf(outbox())).toEqual([
        ["a/1", []],
        ["b", [2, 3]],
      ]);
      outbox().append(
        [],
        [
          { key: "b", value: value(4) },
          { key: "b", value: value(5) },
        ],
      );
      expect(keptOf(outbox())).toEqual([
        ["a/1", []],
        ["b", [5]],
      ]);
      expect(seqsOf(outbox(), "telemetry")).toEqual([1]);
    });

    it("forgets a key, an unknown one too", () => {
      outbox().append(
        [],
        [
          { key: "a", value: value(1) },
          { key: "b", value: value(2) },
        ],
      );
      outbox().append(
        [],
        [
          { key: "a", value: undefined },
          { key: "c", value: undefined },
        ],
      );
      expect(keptOf(outbox())).toEqual([["b", [2]]]);
      outbox().append([], [{ key: "a", value: value(3) }]);
      expect(keptOf(outbox())).toEqual([
        ["a", [3]],
        ["b", [2]],
      ]);
    });

    it("takes a copy", () => {
      const bytes = value(1, 2);
      outbox().append([], [{ key: "a", value: bytes }]);
      bytes.fill(9);
      expect(keptOf(outbox())).toEqual([["a", [1, 2]]]);
    });

    it("keeps nothing of a call that stores nothing, and stores nothing of one that keeps nothing", () => {
      outbox().append([draftOf("control", 9000)], [{ key: "a", value: value(1) }]);
      const refused = (): unknown =>
        outbox().append(
          [draftOf("telemetry", 5000)],
          [
            { key: "a", value: undefined },
            { key: "b", value: value(2) },
          ],
        );
      expect(faultCodeOf(refused)).toBe("outbox.full");
      const tooMuch = [{ key: "b", value: new Uint8Array(KEPT_MAX_BYTES) }];
      expect(faultCodeOf(() => outbox().append([draftOf("control", 1)], tooMuch))).toBe("internal.bug");
      expect(keptOf(outbox())).toEqual([["a", [1]]]);
      expect(outbox().stats().records).toBe(1);
      expect(outbox().lastRow()).toBe(1);
    });

    it("holds values up to the bound, which the records' bytes know nothing of", () => {
      outbox().append([], [{ key: "a", value: new Uint8Array(KEPT_MAX_BYTES) }]);
      outbox().append([draftOf("telemetry", 9000)]);
      expect(outbox().kept()[0].value.length).toBe(KEPT_MAX_BYTES);
      expect(outbox().stats().bytes).toBe(9000);
    });
  });
}
