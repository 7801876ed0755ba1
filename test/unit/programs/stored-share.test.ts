import fc from "fast-check";
import { expect, it } from "vitest";
import type { QueuedRecord, StreamName } from "../../../agent/ports/outbox.ts";
import { StoredShare } from "../../../agent/programs/stored-share.ts";

const SEED = 1836;
const MAX_BYTES = 3200;
const STATS = { epoch: 7, records: 0, bytes: 0, maxBytes: 1 };
const NO_STREAM = { records: 0, bytes: 0, lastSeq: 0, dead: 0, lost: 0, oldestUs: undefined };

const ANY = {
  epoch: 7,
  encoding: "identity",
  timeQuality: "unsynchronised",
  storedAtUs: 0,
  storedAtMonotonicMs: undefined,
  expiresAtMs: undefined,
  retainKey: undefined,
  payload: new Uint8Array(),
} as const;

/** An outbox of which only ids matter: records of the program and of others, which leave from the oldest on, or out of their turn. */
class IdOutbox {
  readonly held: {
    readonly stream: StreamName;
    readonly seq: number;
    readonly bytes: number;
    readonly own: boolean;
  }[] = [];
  /** Of those that the broker has refused for good. */
  readonly dead = new Set<number>();
  readonly #seqs = { event: 0, telemetry: 0 };
  stats = () => ({
    ...STATS,
    streams: { control: NO_STREAM, event: NO_STREAM, telemetry: NO_STREAM, capture: NO_STREAM },
  });
  append(stream: "event" | "telemetry", bytes: number, own: boolean): number {
    this.#seqs[stream] += 1;
    this.held.push({ stream, seq: this.#seqs[stream], bytes, own });
    return this.#seqs[stream];
  }
  lastRow = () => Number.MAX_SAFE_INTEGER;
  read(stream: StreamName, _after: number, _through: number, limit: number): readonly QueuedRecord[] {
    const some = this.held.filter((record) => record.stream === stream && !this.dead.has(record.seq)).slice(0, limit);
    return some.map(({ seq, stream: of }) => ({ ...ANY, stream: of, seq, row: seq }));
  }
}

it("never counts less than is stored, and at most a run more when records leave in their order", () => {
  const step = fc.record({
    stream: fc.constantFrom("event", "telemetry"),
    bytes: fc.integer({ min: 1, max: 90 }),
    own: fc.boolean(),
    leave: fc.integer({ min: 0, max: 3 }),
  });
  const property = fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const outbox = new IdOutbox();
    const share = new StoredShare(outbox, MAX_BYTES);
    for (const { stream, bytes, own, leave } of steps) {
      const seq = outbox.append(stream, bytes, own);
      if (own) share.add({ epoch: 7, stream, seq }, bytes);
      outbox.held.splice(0, leave);
      share.settle();
      const exact = outbox.held.filter((record) => record.own).reduce((sum, record) => sum + record.bytes, 0);
      expect(share.bytes).toBeGreaterThanOrEqual(exact);
      // A run of each stream, of which the newest is still stored.
      expect(share.bytes).toBeLessThanOrEqual(exact + 2 * (MAX_BYTES / 32));
    }
  });
  fc.assert(property, { seed: SEED });
});

it("does not wait behind a record that is set aside for good", () => {
  const outbox = new IdOutbox();
  const share = new StoredShare(outbox, MAX_BYTES);
  outbox.dead.add(outbox.append("telemetry", 90, false));
  for (let count = 0; count < 10; count += 1) {
    share.add({ epoch: 7, stream: "telemetry", seq: outbox.append("telemetry", 90, true) }, 90);
  }
  outbox.held.splice(1);
  share.settle();
  expect(share.bytes).toBe(0);
});

it("forgets what an outbox held that is not there any more", () => {
  const outbox = new IdOutbox();
  const share = new StoredShare(outbox, MAX_BYTES);
  const seq = outbox.append("event", 50, true);
  share.add({ epoch: 6, stream: "event", seq }, 50);
  share.settle();
  expect(share.bytes).toBe(0);
});
