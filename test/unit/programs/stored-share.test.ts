import fc from "fast-check";
import { expect, it } from "vitest";
import { AgentError } from "../../../agent/core/errors.ts";
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
    readonly epoch?: number;
  }[] = [];
  /** Of those that the broker has refused for good. */
  readonly dead = new Set<number>();
  readonly #seqs = { event: 0, telemetry: 0 };
  /** Whether memory stands in for the disk, with an epoch and no records of its own. */
  isAway = false;
  stats = () => ({
    ...STATS,
    ...(this.isAway && { epoch: 8, fault: { code: "outbox.unavailable", what: "", remedy: "" } as const }),
    streams: {
      control: NO_STREAM,
      event: { ...NO_STREAM, ...this.#waiting("event"), lastSeq: this.#seqs.event },
      telemetry: { ...NO_STREAM, ...this.#waiting("telemetry"), lastSeq: this.#seqs.telemetry },
      capture: NO_STREAM,
    },
  });
  #waiting(stream: StreamName): { readonly records: number } {
    return { records: this.held.filter((one) => one.stream === stream && !this.dead.has(one.seq)).length };
  }
  append(stream: "event" | "telemetry", bytes: number, own: boolean): number {
    this.#seqs[stream] += 1;
    this.held.push({ stream, seq: this.#seqs[stream], bytes, own });
    return this.#seqs[stream];
  }
  lastRow = () => Number.MAX_SAFE_INTEGER;
  /** What a read of the disk throws, or its oldest record damaged: then nothing is read once. */
  fault: AgentError | undefined;
  isDamaged = false;
  read(stream: StreamName, _after: number, _through: number, limit: number): readonly QueuedRecord[] {
    if (this.fault !== undefined) throw this.fault;
    if (this.isDamaged) return [];
    const some = (this.isAway ? [] : this.held)
      .filter((record) => record.stream === stream && !this.dead.has(record.seq))
      .slice(0, limit);
    return some.map(({ seq, stream: of, epoch = ANY.epoch }) => ({ ...ANY, epoch, stream: of, seq, row: seq }));
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

it("never counts less than is stored after kills at any moment, and nothing once all has left", () => {
  const step = fc.record({
    /** Stored in one transaction, with what is kept beside them. */
    batch: fc.array(
      fc.record({ stream: fc.constantFrom("event", "telemetry"), bytes: fc.integer({ min: 1, max: 90 }) }),
      {
        maxLength: 5,
      },
    ),
    others: fc.integer({ min: 0, max: 3 }),
    leave: fc.integer({ min: 0, max: 6 }),
    isKilled: fc.boolean(),
  });
  const property = fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
    const outbox = new IdOutbox();
    let kept: Uint8Array | undefined;
    let share = new StoredShare(outbox, MAX_BYTES);
    for (const { batch, others, leave, isKilled } of steps) {
      for (let other = 0; other < others; other++) outbox.append("event", 10, false);
      const pending = { event: 0, telemetry: 0 };
      for (const { stream, bytes } of batch) pending[stream] += bytes + 20;
      if (batch.length > 0) kept = share.kept(pending);
      const ids = batch.map(({ stream, bytes }) => ({ stream, bytes, seq: outbox.append(stream, bytes, true) }));
      if (isKilled) share = new StoredShare(outbox, MAX_BYTES, kept);
      else for (const { stream, bytes, seq } of ids) share.add({ epoch: 7, stream, seq }, bytes);
      outbox.held.splice(0, leave);
      share.settle();
      const exact = outbox.held.filter((record) => record.own).reduce((sum, record) => sum + record.bytes, 0);
      expect(share.bytes).toBeGreaterThanOrEqual(exact);
    }
    outbox.held.length = 0;
    expect(new StoredShare(outbox, MAX_BYTES, kept).bytes).toBe(0);
    share.settle();
    expect(share.bytes).toBe(0);
  });
  fc.assert(property, { seed: SEED });
});

it("forgets nothing while memory stands in for the disk, and keeps nothing in its place", () => {
  const outbox = new IdOutbox();
  const share = new StoredShare(outbox, MAX_BYTES);
  share.add({ epoch: 7, stream: "event", seq: outbox.append("event", 50, true) }, 50);
  outbox.isAway = true;
  share.settle();
  share.add({ epoch: 8, stream: "event", seq: 1 }, 20);
  expect(share.bytes).toBe(70);
  expect(share.kept({ event: 0, telemetry: 0 })).toBeUndefined();
  outbox.isAway = false;
  share.settle();
  // What memory took came over under ids that are not known.
  expect(share.bytes).toBe(70);
  outbox.held.length = 0;
  share.settle();
  expect(share.bytes).toBe(0);
});

it.each([
  ["no JSON", "x"],
  ["another form", '{"runs":1}'],
  ["a bad stream", '[{"stream":"a","epoch":7,"lastSeq":1,"bytes":5}]'],
  ["a negative count", '[{"stream":"event","epoch":7,"lastSeq":1,"bytes":-5}]'],
])("begins anew where what was kept is %s", (_name, text) => {
  const outbox = new IdOutbox();
  outbox.append("event", 50, true);
  const share = new StoredShare(outbox, MAX_BYTES, Buffer.from(text));
  expect(share.bytes).toBe(0);
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

it("counts on while the disk cannot be read, and where the record that it looks at is damaged", () => {
  const outbox = new IdOutbox();
  const share = new StoredShare(outbox, MAX_BYTES);
  share.add({ epoch: 7, stream: "event", seq: outbox.append("event", 50, true) }, 50);
  outbox.fault = new AgentError("outbox.unavailable", { what: "disk I/O error", remedy: "look at the disk" });
  share.settle();
  outbox.fault = undefined;
  outbox.isDamaged = true;
  share.settle();
  expect(share.bytes).toBe(50);
  outbox.held.length = 0;
  share.settle();
  expect(share.bytes).toBe(0);
});

it("counts what a damaged outbox left to the next until later records have left", () => {
  const outbox = new IdOutbox();
  // Brought over, with the ids of an epoch before.
  for (const seq of [1001, 1002]) outbox.held.push({ stream: "event", seq, bytes: 50, own: true, epoch: 6 });
  const kept = JSON.stringify([{ stream: "event", epoch: 6, lastSeq: 1002, bytes: 100 }]);
  const share = new StoredShare(outbox, MAX_BYTES, Buffer.from(kept));
  expect(share.bytes).toBe(100);
  share.add({ epoch: 7, stream: "event", seq: outbox.append("event", 60, true) }, 60);
  share.settle();
  expect(share.bytes).toBe(160);
  outbox.held.splice(0, 2);
  outbox.append("event", 70, false);
  share.settle();
  // Nothing of the later epoch has left yet: still never too few.
  expect(share.bytes).toBe(160);
  outbox.held.splice(0, 1);
  share.settle();
  expect(share.bytes).toBe(0);
});
