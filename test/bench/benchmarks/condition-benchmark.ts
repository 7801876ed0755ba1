import type { ResultSink } from "../../../agent/telemetry/expressions/board-plan.ts";
import { compileExpression } from "../../../agent/telemetry/expressions/compile.ts";
import { ValueBoard } from "../../../agent/telemetry/expressions/value-board.ts";
import { cpuMs, inTurns, ratiosOf, type Spread, scaled, spreadOf } from "./timing.ts";

/** Of the vehicle: frames a second, and the signals of each that an expression may read. */
const FRAMES_PER_SECOND = 8000;
const SIGNALS = 4;
const ROUNDS = 15;

/** How the inputs of the conditions come: not at all, in every frame with the same value, or with another each time. */
export type ConditionLoad = "absent" | "steady" | "changing";

/** What the board costs with so many conditions that are never true. */
export type ConditionCost = {
  readonly conditions: number;
  readonly load: ConditionLoad;
  /** Processor time of a frame on the board: 4 signals looked at, those that are read noted, settled; of 15 rounds that take turns. */
  readonly frameNs: Spread;
  /** `frameNs` to that of the first count in the same round. */
  readonly ratio: Spread;
  /** Share of one core at 8,000 frames/s. */
  readonly core: Spread;
};

/**
 * Frames of one busy message of 4 signals, one of which a condition of its own reads and which changes in every frame, beside each of
 * `counts` conditions, in this process. `frames` a round.
 */
export function benchmarkConditions(
  load: ConditionLoad,
  counts: readonly number[] = [1, 10, 100, 1000],
  frames = 40_000,
): readonly ConditionCost[] {
  const boards = counts.map((count) => boardOf(count, load));
  const times = inTurns(
    ROUNDS,
    boards.map((board) => {
      let from = -frames;
      return () => frameCostNs(board, load, frames, (from += frames));
    }),
  );
  return counts.map((conditions, at) => {
    const frameNs = spreadOf(times[at]);
    const core = scaled(frameNs, FRAMES_PER_SECOND / 1e9);
    return { conditions, load, frameNs, ratio: ratiosOf(times[at], times[0]), core };
  });
}

/** Bytes that a frame leaves on the JavaScript heap, over `frames` of them; the heap must not be collected meanwhile (negative then). */
export function conditionGarbage(count: number, load: ConditionLoad, frames = 1_000_000): number {
  const board = boardOf(count, load);
  runFrames(board, load, 20_000, 0);
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  runFrames(board, load, frames, 20_000);
  return (process.memoryUsage().heapUsed - before) / frames;
}

function boardOf(count: number, load: ConditionLoad): ValueBoard {
  const board = new ValueBoard({ inputs: SIGNALS + count, derived: { takeDerived: () => undefined } });
  const sink: ResultSink = {
    take: () => undefined,
    dueUs: Number.POSITIVE_INFINITY,
    expire: () => undefined,
    shift: () => undefined,
  };
  const inputOf = (at: number): number => (load === "absent" ? SIGNALS + at : 1 + (at % (SIGNALS - 1)));
  board.use(
    Array.from({ length: count + 1 }, (_, at) => {
      const input = at === 0 ? 0 : inputOf(at - 1);
      const expression = compileExpression(
        `x > ${1e6 + at} && x < 2e9`,
        new Map([["x", { input, type: "double" }]]),
        "condition",
      );
      if (expression.kind === "unfit") throw new Error(expression.problem);
      return { expression, maxAgeMs: 5000, use: { kind: "condition", sink } };
    }),
  );
  return board;
}

function frameCostNs(board: ValueBoard, load: ConditionLoad, frames: number, from: number): number {
  const start = cpuMs();
  runFrames(board, load, frames, from);
  return ((cpuMs() - start) * 1e6) / frames;
}

function runFrames(board: ValueBoard, load: ConditionLoad, frames: number, from: number): void {
  const stepUs = 1e6 / FRAMES_PER_SECOND;
  for (let frame = from; frame < from + frames; frame++) {
    const timeUs = frame * stepUs;
    for (let signal = 0; signal < SIGNALS; signal++) {
      if (board.isRead[signal] === 0) continue;
      board.note(signal, signal === 0 || load === "changing" ? frame & 1023 : 7, timeUs);
    }
    board.settle(timeUs);
  }
}
