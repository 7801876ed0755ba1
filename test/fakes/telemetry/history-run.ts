import { deepStrictEqual } from "node:assert/strict";
import fc from "fast-check";
import { FRAME_FLAG, FrameBatch } from "../../../agent/ports/frame.ts";
import type { Capture, CaptureOrder } from "../../../agent/telemetry/history/capture.ts";
import { FrameHistory, MAX_OPEN_CAPTURES } from "../../../agent/telemetry/history/frame-history.ts";
import { HistoryFilter } from "../../../agent/telemetry/history/history-filter.ts";
import { ModelCapture, type ModelFrame } from "./history-model.ts";

const BUSES = 3;
const T0_US = 1_767_225_600_000_000;
const WANTS = [
  new HistoryFilter([0, 1, 2].map((bus) => ({ kind: "bus", bus }))),
  new HistoryFilter([{ kind: "bus", bus: 1 }]),
  new HistoryFilter([
    { kind: "id", bus: 0, id: 1, extended: false },
    { kind: "id", bus: 2, id: 3, extended: true },
  ]),
] as const;

/** One thing that happens to the history; `pick` is which capture it happens to. */
export type HistoryStep =
  | {
      readonly kind: "frame";
      readonly bus: number;
      readonly id: number;
      readonly length: number;
      readonly laterUs: number;
      readonly lagUs: number;
    }
  | { readonly kind: "burst"; readonly count: number; readonly everyUs: number }
  | {
      readonly kind: "begin";
      readonly beforeMs: number;
      readonly afterMs: number;
      readonly wants: number;
      readonly isNext: boolean;
    }
  | { readonly kind: "extend" | "finish"; readonly pick: number }
  | { readonly kind: "read"; readonly pick: number; readonly maxFrames: number }
  | { readonly kind: "wait"; readonly ms: number };

const laterUs = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(0, 1000, 1000, 2000, 5000, 50_000) },
  { weight: 1, arbitrary: fc.constantFrom(-1, -50_000, -50_001, 1, 999) },
  { weight: 1, arbitrary: fc.constantFrom(-3_600_000_000, -2_000_000, 2_000_000, 3_600_000_000) },
);
const span = fc.constantFrom(0, 1, 5, 20, 100, 1000);
/** Anything that may happen; times on a coarse grid, so that frames are often exactly as old as asked. */
export const historyStep: fc.Arbitrary<HistoryStep> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("frame" as const),
      bus: fc.nat(BUSES - 1),
      id: fc.constantFrom(1, 3),
      length: fc.constantFrom(0, 1, 8, 8, 12, 64),
      laterUs,
      lagUs: fc.constantFrom(0, 0, 0, 3000, 900_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("burst" as const),
      count: fc.integer({ min: 1, max: 250 }),
      everyUs: fc.constantFrom(0, 250, 1000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("begin" as const),
      beforeMs: span,
      afterMs: span,
      wants: fc.nat(2),
      isNext: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom("extend" as const, "extend" as const, "finish" as const),
      pick: fc.nat(9),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("read" as const),
      pick: fc.nat(9),
      maxFrames: fc.constantFrom(1, 3, 50, 1000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(1, 100, 1000, 3000) }) },
);

type Pair = { readonly capture: Capture; readonly model: ModelCapture; readonly given: ModelFrame[] };

/** The history and the model side by side; every step is held against the model, and throws where they differ. */
export class HistoryRun {
  readonly history: FrameHistory;
  readonly frames: ModelFrame[] = [];
  readonly pairs: Pair[] = [];
  #timeUs = T0_US;
  #nowMs = 0;
  readonly #batch = new FrameBatch(1);

  constructor(maxBytes: number) {
    this.history = new FrameHistory({ maxBytes, buses: BUSES });
    this.history.use(WANTS[0], 100);
  }

  get firstHeld(): number {
    return this.history.sequence - this.history.figures().frames;
  }

  push(bus: number, id: number, length: number, timeUs: number): void {
    const data = Array.from({ length }, (_, index) => (this.frames.length * 7 + index) & 0xff);
    const flags = (id === 3 ? FRAME_FLAG.extended : 0) | (length > 8 ? FRAME_FLAG.fd : 0);
    this.#batch.count = 0;
    this.#batch.push(id, flags, Uint8Array.from(data), timeUs);
    this.history.push(bus, this.#batch, 0);
    this.frames.push({ bus, id, flags, data, timeUs });
  }

  take(one: HistoryStep): void {
    if (one.kind === "frame") {
      this.#timeUs += one.laterUs;
      this.push(one.bus, one.id, one.length, this.#timeUs - one.lagUs);
    } else if (one.kind === "burst") {
      for (let count = 0; count < one.count; count++) {
        this.#timeUs += one.everyUs;
        this.push(count % 2, 1, 8, this.#timeUs);
      }
    } else if (one.kind === "begin") {
      this.#begin(one);
    } else if (one.kind === "wait") {
      this.#nowMs += one.ms;
    } else if (this.pairs.length > 0) {
      const pair = this.pairs[one.pick % this.pairs.length];
      if (one.kind === "read") this.#read(pair, one.maxFrames);
      else if (one.kind === "extend") this.#extend(pair);
      else this.#finish(pair);
    }
  }

  /** Ends and reads all captures. */
  end(): void {
    for (const pair of this.pairs) {
      this.#finish(pair);
      while (!pair.capture.isDone) this.#read(pair, 100);
      deepStrictEqual(pair.given, pair.model.expected());
      deepStrictEqual([pair.capture.frames, pair.capture.clockStepped], [pair.given.length, pair.model.clockStepped]);
    }
  }

  #begin({ beforeMs, afterMs, wants, isNext }: Extract<HistoryStep, { kind: "begin" }>): void {
    const notBefore = isNext ? (this.pairs.at(-1)?.capture.nextSequence ?? 0) : 0;
    const order: CaptureOrder = {
      name: "c",
      timeUs: this.#timeUs,
      nowMs: this.#nowMs,
      beforeMs,
      afterMs,
      notBefore,
      wants: WANTS[wants],
    };
    const model = new ModelCapture(this.frames, order, this.firstHeld);
    const capture = this.history.begin(order);
    if (capture === undefined) return deepStrictEqual(this.history.figures().openCaptures, MAX_OPEN_CAPTURES);
    deepStrictEqual(capture.historyMs, model.historyMs);
    this.pairs.push({ capture, model, given: [] });
  }

  #read({ capture, model, given }: Pair, maxFrames: number): void {
    const looked = capture.read(maxFrames, this.#nowMs, (bus, bytes, at, length, id, flags, timeUs) => {
      given.push({ bus, id, flags, data: [...bytes.subarray(at, at + length)], timeUs });
    });
    deepStrictEqual(looked <= maxFrames, true);
    model.read(this.#nowMs, this.firstHeld, looked);
    deepStrictEqual([capture.lost, capture.isDone], [model.lost, model.isDone]);
  }

  #extend({ capture, model }: Pair): void {
    const lastUs = capture.marks.at(-1)?.timeUs ?? Number.NaN;
    deepStrictEqual(capture.extend(this.#timeUs, this.#nowMs), model.extend(this.#timeUs, this.#nowMs, lastUs));
  }

  #finish({ capture, model }: Pair): void {
    capture.finish();
    model.finish();
  }
}
