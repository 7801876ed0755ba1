import { cpSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { AgentError } from "../../../../../agent/core/errors.ts";
import type { LossRange, Outbox, QueuedRecord, ThinRecords } from "../../../../../agent/ports/outbox.ts";
import { openOutbox } from "../../../../../drivers/sqlite/outbox/outbox.ts";
import { ALL, draftOf, thinForTest, UNFIT } from "../../../../contract/outbox-subject.ts";
import { ManualClock } from "../../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../../fakes/core/log.ts";

const MAX_BYTES = 3000;
const folder = mkdtempSync(join(tmpdir(), "causeway-thinning-"));
afterAll(() => rmSync(folder, { recursive: true }));

type Step =
  | {
      readonly kind: "append";
      readonly sizes: readonly number[];
      readonly thin: number | undefined;
      readonly fit: boolean;
    }
  | { readonly kind: "deliver" | "try" | "stale" | "lose" | "report"; readonly pick: number }
  | { readonly kind: "crash" | "restart" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      sizes: fc.array(fc.integer({ min: 20, max: 40 }), { minLength: 1, maxLength: 6 }),
      thin: fc.constantFrom(10, 10, 10, 4, undefined),
      fit: fc.constantFrom(true, true, true, true, false),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom("deliver" as const, "try" as const, "stale" as const, "lose" as const, "report" as const),
      pick: fc.nat(1000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("crash" as const, "restart" as const) }) },
);

/** A vehicle with its outbox in `telemetry`, and a consumer that knows nothing but what is sent to it. */
class Vehicle {
  readonly #clock = new ManualClock();
  #file = join(mkdtempSync(join(folder, "car-")), "outbox.db");
  outbox: Outbox;
  /** Payloads by seq, as the consumer got them. */
  readonly got = new Map<number, string>();
  readonly losses: LossRange[] = [];
  /** What must not be, in words. */
  readonly wrong: string[] = [];
  /** Losses by the number that is their payload. */
  readonly #told: LossRange[] = [];
  /** Seqs that were sent and came to the consumer, though their PUBACK did not come back. */
  readonly tried = new Set<number>();
  /** Records that a publisher has read ahead. */
  #ahead: readonly QueuedRecord[] = [];
  lastSeq = 0;

  constructor() {
    this.outbox = this.#open();
  }

  /** A kill: nothing is closed, and what goes on is what was on the disk. */
  crash(): void {
    const next = join(mkdtempSync(join(folder, "car-")), "outbox.db");
    for (const end of ["", "-wal", ".watermark"]) cpSync(`${this.#file}${end}`, `${next}${end}`);
    this.outbox.close();
    this.#file = next;
    this.outbox = this.#open();
    this.#ahead = [];
  }

  /** The disk gives back nothing of the database. */
  destroy(): void {
    this.lastSeq = this.outbox.stats().streams.telemetry.lastSeq;
    this.outbox.close();
    writeFileSync(this.#file, Buffer.alloc(statSync(this.#file).size, 0xa5));
    this.outbox = this.#open(true);
  }

  restart(): void {
    this.outbox.close();
    this.outbox = this.#open();
    this.#ahead = [];
  }

  do(one: Step): void {
    if (one.kind === "append") this.#append(one);
    else if (one.kind === "crash") this.crash();
    else if (one.kind === "restart") this.restart();
    else if ("pick" in one) this.#send(one.kind, one.pick);
    if (this.outbox.stats().bytes > MAX_BYTES) this.wrong.push("more is stored than may be");
  }

  /** Delivers all that is stored, and all losses. */
  drain(): void {
    for (const record of this.outbox.read("telemetry", 0, ALL, 10_000, ALL)) this.#deliver(record);
    this.report();
  }

  report(): void {
    this.outbox.reportLosses((loss) => {
      const number = this.#told.push(loss) - 1;
      return draftOf("event", 1, { seal: () => new TextEncoder().encode(`${number}`) });
    }, 100);
    for (const { row, payload } of this.outbox.read("event", 0, ALL, 1000, ALL)) {
      this.losses.push(this.#told[Number(new TextDecoder().decode(payload))]);
      this.outbox.ack([row]);
    }
  }

  #open(isDamaged = false): Outbox {
    const log = new MemoryLog();
    const sizes = { logBytes: 65_536, reserveBytes: 0 };
    const { outbox, quarantined } = openOutbox(
      { file: this.#file, maxBytes: MAX_BYTES, clock: this.#clock, log, sizes },
      undefined,
      { thin: thinForTest },
    );
    if ((quarantined !== undefined) !== isDamaged) this.wrong.push(`quarantined: ${quarantined}`);
    return outbox;
  }

  #append({ sizes, thin, fit }: Extract<Step, { kind: "append" }>): void {
    const drafts = sizes.map((bytes) =>
      draftOf("telemetry", bytes, { thin, ...(!fit && { seal: () => new Uint8Array(bytes).fill(UNFIT) }) }),
    );
    try {
      this.outbox.append(drafts);
    } catch (thrown) {
      if (!(thrown instanceof AgentError) || thrown.code !== "outbox.full") throw thrown;
    }
  }

  #send(kind: "deliver" | "try" | "stale" | "lose" | "report", pick: number): void {
    if (kind === "report") return this.report();
    const stored = this.outbox.read("telemetry", 0, ALL, 10_000, ALL);
    const record = (kind === "stale" ? this.#ahead : stored)[pick % Math.max(1, stored.length)];
    if (kind === "try") this.#ahead = stored;
    if (record === undefined) return;
    if (kind === "lose") this.outbox.lose([record.row], "expired", "life ended");
    else if (kind === "try") this.#try(record);
    else this.#deliver(record);
  }

  #deliver(record: QueuedRecord): void {
    if (!this.outbox.hold(record.row, record.seq)) return;
    this.#arrive(record);
    this.outbox.ack([record.row]);
  }

  #try(record: QueuedRecord): void {
    this.outbox.hold(record.row, record.seq);
    this.#arrive(record);
    this.tried.add(record.seq);
    this.outbox.release(record.row);
  }

  #arrive({ seq, payload }: QueuedRecord): void {
    const text = new TextDecoder().decode(payload);
    // No id ever has two payloads.
    if ((this.got.get(seq) ?? text) !== text) this.wrong.push(`${seq} has two payloads`);
    this.got.set(seq, text);
  }
}

function seqsIn(payload: string): readonly number[] {
  const list = /thinned \d+:1 ([\d,]+);/.exec(payload)?.[1] ?? "";
  return list
    .split(",")
    .filter((seq) => seq !== "")
    .map(Number);
}

/** What contradicts that every seq came whole, came thinned, or is told as lost, and none of them twice. */
function contradictionsOf(vehicle: Vehicle): readonly string[] {
  const { got, losses, tried } = vehicle;
  const { lastSeq } = vehicle.outbox.stats().streams.telemetry;
  const found = [...vehicle.wrong];
  const isIn = (range: { readonly first: number; readonly last: number }, seq: number): boolean =>
    range.first <= seq && seq <= range.last;
  const whole = losses.filter(({ thinned }) => thinned === undefined);
  const thinned = losses.filter((loss) => loss.thinned !== undefined);
  const standIn = new Map<number, number>();
  for (const [seq, payload] of got) {
    for (const source of seqsIn(payload)) {
      if (standIn.has(source)) found.push(`${source} is in ${standIn.get(source)} and in ${seq}`);
      standIn.set(source, seq);
    }
  }
  for (let seq = 1; seq <= lastSeq; seq += 1) {
    const isLost = whole.some((loss) => isIn(loss, seq));
    const by = standIn.get(seq);
    const told = thinned.filter((loss) => isIn(loss, seq));
    // The record that stood for it was lost itself.
    const lostWith = told.some((loss) =>
      whole.some(
        (other) => loss.thinned && other.first <= loss.thinned.keptLast && other.last >= loss.thinned.keptFirst,
      ),
    );
    if (by !== undefined && !told.some(({ thinned: into }) => into && into.keptFirst <= by && by <= into.keptLast)) {
      found.push(`${seq} is in ${by}, and no loss says so`);
    }
    const ways = [got.has(seq) && !tried.has(seq), isLost && !tried.has(seq), by !== undefined].filter(Boolean).length;
    if (ways > 1) found.push(`${seq} came in ${ways} ways`);
    if (!got.has(seq) && !isLost && by === undefined && !lostWith) found.push(`${seq} is missing`);
  }
  return found;
}

describe("SQLite outbox that thins", () => {
  it("delivers every seq whole, thinned or as a loss, none twice, within its bound, whatever happens and after any kill", () => {
    let stoodFor = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 30, maxLength: 150, size: "max" }), (steps) => {
        const vehicle = new Vehicle();
        try {
          for (const one of steps) vehicle.do(one);
          vehicle.drain();
          vehicle.drain();
          expect(contradictionsOf(vehicle)).toEqual([]);
          stoodFor += [...vehicle.got.values()].flatMap(seqsIn).length;
        } finally {
          vehicle.outbox.close();
        }
      }),
      { seed: 20_261_129, numRuns: 40, endOnFailure: true },
    );
    expect(stoodFor).toBeGreaterThan(1000);
  });

  it("owes, by its watermark, what is older than the seq of the record that stands at its row", () => {
    const vehicle = new Vehicle();
    for (let at = 0; at < 50; at += 1) {
      vehicle.do({ kind: "append", sizes: [30], thin: 10, fit: true });
      vehicle.do({ kind: "append", sizes: [30], thin: undefined, fit: true });
    }
    vehicle.report();
    expect(vehicle.losses).toMatchObject([{ first: 1, reason: "thinned" }]);
    const [first, second] = vehicle.outbox.read("telemetry", 0, ALL, 2, ALL);
    expect([first.row, second.row, second.seq]).toEqual([1, 2, 2]);
    vehicle.outbox.append([draftOf("telemetry", 1)]);
    vehicle.destroy();
    vehicle.report();
    expect(vehicle.losses.at(-1)).toMatchObject({ first: 1, last: vehicle.lastSeq, reason: "damaged" });
    vehicle.outbox.close();
  });

  it("asks for few records at a time, and never again for those that cannot be thinned", () => {
    const asked: number[] = [];
    const counting: ThinRecords = (records, ratio, id) => {
      asked.push(records.length);
      return { ...thinForTest(records, ratio, id), taken: [], unfit: records.map((_, at) => at) };
    };
    const file = join(mkdtempSync(join(folder, "car-")), "outbox.db");
    const settings = { file, maxBytes: 20_000, clock: new ManualClock(), log: new MemoryLog() };
    const { outbox } = openOutbox(settings, undefined, { thin: counting });
    for (let at = 0; at < 1000; at += 1) outbox.append([draftOf("telemetry", 40, { thin: 10 })]);
    expect(Math.max(...asked)).toBe(64);
    expect(asked.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(1000);
    outbox.close();
  });
});
