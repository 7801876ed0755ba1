import { type BoardExpression, evaluationOrder, type Readers, type ResultSink, readersOf } from "./board-plan.ts";
import { InputValues, type InputWindow } from "./input-values.ts";
import type { Operand, OperandValues } from "./operand.ts";
import { Machine } from "./program.ts";
import { TimerHeap } from "./timer-heap.ts";

/** A sample that is further before the last one of its input is a step of the clock that all follow; a smaller one is the input's own, µs. */
const STEP_BACK_US = 1_000_000;
/** Gaps up to that are looked at like time that passed; a clock can be set forward by years, µs. */
const MAX_GAP_US = 60_000_000;
/** By input: nothing noted since the last `settle`, a sample, or one that changes the value. */
const NOTED = { not: 0, equal: 1, changed: 2 } as const;

/** Who takes the samples of derived signals. Called inside `note`, `settle` or `tick` of the board, which it must not call. */
export type DerivedSink = {
  /** `output` is the input of the derived signal; a bool is 1 or 0. */
  takeDerived(output: number, value: number, timeUs: number): void;
};

export type ValueBoardParts = {
  /** How many inputs there are, derived signals among them. */
  readonly inputs: number;
  readonly derived: DerivedSink;
};

/** Counts since the board was made. */
export type BoardCounters = {
  readonly evaluations: number;
  /** Evaluations that gave nothing although all they read was defined: a division by zero, an overflow, no number. */
  readonly errors: number;
  /** Samples that full windows lost, of those windows that are in use. */
  readonly overflows: number;
};

/** An expression where it stands in the order of evaluation. */
type Cell = {
  readonly of: BoardExpression;
  readonly maxAgeUs: number;
  readonly operands: readonly Operand[];
  readonly windows: readonly (InputWindow | undefined)[];
  readonly read: OperandValues;
  readonly sink: ResultSink | undefined;
};

/**
 * The present values that expressions read, and the expressions that read them. `note` what a frame brings, then `settle`: derived
 * signals are calculated, then conditions, each once, and only those that read something noted: a value that changed, or for ages,
 * rates, windows and derived signals any sample. What becomes due by time is done before anything later is noted, at its own time, so
 * that a log gives the same as the bus did.
 *
 * All times are of one clock. Buses need not be read in the order of their frames: now is the newest time given. When an input, or
 * `tick`, goes back by more than a second, the clock was set back (see `clockStepped`). On the frame path: no object, and an expression
 * that reads nothing noted costs nothing.
 */
export class ValueBoard {
  /** By input: 1 where an expression reads it. The array is replaced by `use`. */
  isRead: Uint8Array;
  readonly #derived: DerivedSink;
  #inputs: InputValues;
  #cells: readonly Cell[] = [];
  #readers: Readers;
  #machine = new Machine(1);
  #timers = new TimerHeap(0);
  /** By cell: when it is to be evaluated although nothing was noted. */
  #againUs = new Float64Array(0);
  /** A bit a cell that waits to be evaluated, and the words between which there are any. */
  #waiting = new Int32Array(0);
  #firstWord = 0;
  #endWord = 0;
  #noted: Uint8Array;
  #notedInputs: Int32Array;
  #notedCount = 0;
  /** The newest time that was given, µs. */
  #nowUs = Number.NEGATIVE_INFINITY;
  /** Of the last `tick`. */
  #tickedUs = Number.NEGATIVE_INFINITY;
  #evaluations = 0;
  #errors = 0;

  constructor({ inputs, derived }: ValueBoardParts) {
    this.#derived = derived;
    this.#inputs = new InputValues(inputs);
    this.#readers = readersOf([], inputs);
    this.isRead = new Uint8Array(inputs);
    this.#noted = new Uint8Array(inputs);
    this.#notedInputs = new Int32Array(inputs);
  }

  /**
   * From now on these expressions count, all evaluated with the next `settle` or `tick`. Call between frames. Inputs that were read
   * before keep their values and windows; the others are not known until they are noted, so note their latest values then. What the
   * sinks remember is theirs.
   */
  use(expressions: readonly BoardExpression[], inputs: number = this.#inputs.count): void {
    const before = this.#inputs;
    const wasRead = this.isRead;
    const ordered = evaluationOrder(expressions);
    this.#inputs = new InputValues(inputs);
    this.#readers = readersOf(ordered, inputs);
    this.isRead = new Uint8Array(inputs);
    for (let input = 0; input < inputs; input++) {
      if (this.#readers.starts[input] === this.#readers.starts[input + 1]) continue;
      this.isRead[input] = 1;
      if (wasRead[input] === 1) this.#inputs.adopt(before, input);
    }
    this.#cells = ordered.map((of) => this.#cellOf(of, before));
    this.#machine = new Machine(Math.max(1, ...ordered.map(({ expression }) => expression.program.depth)));
    this.#timers = new TimerHeap(ordered.length);
    this.#againUs = new Float64Array(ordered.length).fill(Number.POSITIVE_INFINITY);
    this.#noted = new Uint8Array(inputs);
    this.#notedInputs = new Int32Array(inputs);
    this.#notedCount = 0;
    this.#waiting = new Int32Array((ordered.length + 31) >> 5);
    this.#firstWord = this.#waiting.length;
    this.#endWord = 0;
    for (let cell = 0; cell < ordered.length; cell++) this.#wait(cell);
  }

  /** Takes a sample of an input: a physical value, 1 or 0 for a bool, the position of a text. */
  note(input: number, value: number, timeUs: number): void {
    if (timeUs >= this.#timers.nextUs) this.#runTimers(timeUs);
    if (this.#inputs.timeUs(input) - timeUs > STEP_BACK_US) this.clockStepped(timeUs - this.#nowUs);
    this.#moveTo(timeUs);
    this.#markNoted(input, this.#inputs.note(input, value, timeUs) ? NOTED.changed : NOTED.equal);
  }

  /**
   * The value of an input came again and again until `timeUs`, at no time further apart than anything may be old: it is that young. For
   * inputs of which expressions read the value alone.
   */
  touch(input: number, timeUs: number): void {
    this.#inputs.touch(input, timeUs);
  }

  /** An input has no value that is known, until it is noted again. */
  forget(input: number): void {
    if (this.#inputs.forget(input)) this.#markNoted(input, NOTED.changed);
  }

  /** Ends a frame received at `timeUs`: evaluates what reads something noted. */
  settle(timeUs: number): void {
    if (timeUs >= this.#timers.nextUs) this.#runTimers(timeUs);
    this.#moveTo(timeUs);
    for (let at = 0; at < this.#notedCount; at++) {
      const input = this.#notedInputs[at];
      this.#wake(input, this.#noted[input] === NOTED.changed);
      this.#noted[input] = NOTED.not;
    }
    this.#notedCount = 0;
    if (this.#firstWord < this.#endWord) this.#evaluateWaiting(timeUs);
  }

  /**
   * Does what is due by time, µs since the Unix epoch of the clock by which frames are received. Call regularly, with a time before which
   * no frame is still on its way.
   */
  tick(nowUs: number): void {
    const backUs = this.#tickedUs - nowUs;
    if (backUs > STEP_BACK_US) this.clockStepped(Math.min(0, nowUs - this.#nowUs));
    this.#tickedUs = nowUs;
    this.settle(nowUs);
  }

  /**
   * The wall clock was set by so much: ages and waits go on as they were, windows and rates begin anew. Only a step forward needs to be
   * told; it looks like time that passed.
   */
  clockStepped(byUs: number): void {
    this.#inputs.shift(byUs);
    this.#timers.shift(byUs);
    this.#nowUs += byUs;
    this.#tickedUs += byUs;
    for (let cell = 0; cell < this.#cells.length; cell++) {
      this.#againUs[cell] += byUs;
      this.#cells[cell].sink?.shift(byUs);
      this.#wait(cell);
    }
  }

  counters(): BoardCounters {
    return { evaluations: this.#evaluations, errors: this.#errors, overflows: this.#inputs.overflows() };
  }

  #cellOf(of: BoardExpression, before: InputValues): Cell {
    const { operands } = of.expression;
    const windows = operands.map((operand) => this.#inputs.windowOf(operand, before));
    const read = { operands, values: new Float64Array(operands.length) };
    const sink = of.use.kind === "condition" ? of.use.sink : undefined;
    return { of, maxAgeUs: of.maxAgeMs * 1000, operands, windows, read, sink };
  }

  #moveTo(timeUs: number): void {
    if (timeUs > this.#nowUs) this.#nowUs = timeUs;
  }

  #markNoted(input: number, how: 1 | 2): void {
    const before = this.#noted[input];
    if (before === NOTED.not) this.#notedInputs[this.#notedCount++] = input;
    if (how > before) this.#noted[input] = how;
  }

  #wake(input: number, isChange: boolean): void {
    const { starts, changeStarts, expressions } = this.#readers;
    const end = isChange ? starts[input + 1] : changeStarts[input];
    for (let at = starts[input]; at < end; at++) this.#wait(expressions[at]);
  }

  #wait(cell: number): void {
    const word = cell >> 5;
    this.#waiting[word] |= 1 << (cell & 31);
    if (word < this.#firstWord) this.#firstWord = word;
    if (word >= this.#endWord) this.#endWord = word + 1;
  }

  /** Evaluates in order what waits; a derived signal makes only later ones wait. */
  #evaluateWaiting(timeUs: number): void {
    const waiting = this.#waiting;
    for (let word = this.#firstWord; word < this.#endWord; word++) {
      while (waiting[word] !== 0) {
        const bit = 31 - Math.clz32(waiting[word] & -waiting[word]);
        waiting[word] &= ~(1 << bit);
        this.#evaluate(word * 32 + bit, timeUs);
      }
    }
    this.#firstWord = waiting.length;
    this.#endWord = 0;
  }

  #evaluate(index: number, timeUs: number): void {
    const cell = this.#cells[index];
    const { of, read, sink } = cell;
    this.#evaluations += 1;
    let result = Number.NaN;
    if (this.#readOperands(cell)) {
      result = this.#machine.run(of.expression.program, read.values);
      if (!Number.isFinite(result)) this.#errors += 1;
    }
    this.#againUs[index] = this.#nextChangeUs(cell);
    if (sink !== undefined) sink.take(result, timeUs, read);
    else if (of.use.kind === "derived") this.#giveDerived(of.use.output, result, timeUs);
    this.#setTimer(index);
  }

  /** Whether all of them are defined. */
  #readOperands({ operands, windows, read, maxAgeUs }: Cell): boolean {
    const { values } = read;
    let areDefined = true;
    for (let at = 0; at < operands.length; at++) {
      values[at] = this.#inputs.read(operands[at], windows[at], this.#nowUs, maxAgeUs);
      if (values[at] !== values[at]) areDefined = false;
    }
    return areDefined;
  }

  #nextChangeUs({ operands, windows, maxAgeUs }: Cell): number {
    let nextUs = Number.POSITIVE_INFINITY;
    for (let at = 0; at < operands.length; at++) {
      nextUs = Math.min(nextUs, this.#inputs.nextChangeUs(operands[at], windows[at], this.#nowUs, maxAgeUs));
    }
    return nextUs;
  }

  #giveDerived(output: number, result: number, timeUs: number): void {
    if (!Number.isFinite(result)) {
      if (this.#inputs.forget(output)) this.#wake(output, true);
      return;
    }
    const lastUs = this.#inputs.timeUs(output);
    // What it is made of may come from buses that are not read in the order of their frames.
    this.#wake(output, this.#inputs.note(output, result, timeUs < lastUs ? lastUs : timeUs));
    this.#derived.takeDerived(output, result, timeUs);
  }

  #setTimer(index: number): void {
    const sink = this.#cells[index].sink;
    const againUs = this.#againUs[index];
    this.#timers.set(index, sink === undefined || againUs < sink.dueUs ? againUs : sink.dueUs);
  }

  #runTimers(untilUs: number): void {
    const timers = this.#timers;
    this.#inputs.pollFromUs = untilUs - MAX_GAP_US;
    while (timers.nextUs <= untilUs) {
      const dueUs = timers.nextUs;
      const index = timers.next;
      const sink = this.#cells[index].sink;
      this.#moveTo(Math.max(dueUs, this.#nowUs));
      if (sink !== undefined && sink.dueUs <= dueUs) sink.expire(dueUs);
      if (this.#againUs[index] <= dueUs) {
        this.#wait(index);
        this.#evaluateWaiting(dueUs);
      } else this.#setTimer(index);
    }
  }
}
