import type { SenderSlots } from "../../../signals/signal-slots.ts";
import type { SignalTable } from "../../../signals/signal-table.ts";
import type { Reading } from "../../collect/sampler.ts";
import type { BoardExpression, ResultSink } from "../../expressions/board-plan.ts";
import type { Expression } from "../../expressions/compile.ts";
import { type DerivedSink, ValueBoard } from "../../expressions/value-board.ts";
import type { ExpressionPlan, FactValues } from "../plan/expression-plan.ts";
import { DerivedQueue } from "./derived-queue.ts";
import type { ReaderLink, SharedReaders, SignalReader } from "./shared-readers.ts";
import { WatchedSink } from "./watched-sink.ts";

/** Which frames have noted something since the last `settle`. */
export type Unsettled = { readonly add: (expressions: CampaignExpressions) => void };

/** Where the results of the conditions of a campaign go; a capture has none, since its derived signals alone are worked out. */
export type ConditionSinks = ReadonlyMap<Expression, ResultSink>;

/** An input that is older than this at least is looked at in time where only its changes are shown: flushes come between, ms. */
const LEAST_LAZY_AGE_MS = 1000;

/**
 * The expressions of one campaign at work: its signals come in as a sampler among others, its results go to their sinks. Where nothing
 * but values is read, nothing waits for a time and all conditions are defined, it asks for what changes alone.
 */
export class CampaignExpressions implements SignalReader {
  readonly #plan: ExpressionPlan;
  readonly #table: SignalTable;
  readonly #board: ValueBoard;
  readonly #derived: DerivedQueue;
  readonly #unsettled: Unsettled;
  /** By local number. */
  readonly #inputs: number[] = [];
  readonly #factors: number[] = [];
  readonly #offsets: number[] = [];
  /** By input: J1939 senders of it that were seen. */
  readonly #senders: Uint8Array;
  readonly #watched: readonly WatchedSink[];
  /** Whether something depends on every sample: derived signals, windows, rates and ages. */
  readonly #needsEvery: boolean;
  #isEager = true;
  /** Where its signals are shared, with the feed of each local number, and when each was noted last, µs. */
  #shared: SharedReaders | undefined;
  readonly #feeds: number[] = [];
  readonly #notedUs: number[] = [];
  #isNoted = false;
  #hasBegun = false;
  #tickedUs = Number.NEGATIVE_INFINITY;

  constructor(
    plan: ExpressionPlan,
    table: SignalTable,
    sinks: { readonly derived: DerivedSink; readonly conditions: ConditionSinks; readonly unsettled: Unsettled },
  ) {
    this.#plan = plan;
    this.#table = table;
    this.#unsettled = sinks.unsettled;
    this.#senders = new Uint8Array(plan.inputs.length);
    this.#derived = new DerivedQueue(sinks.derived);
    this.#board = new ValueBoard({ inputs: plan.inputCount, derived: this.#derived });
    const watched = new Map([...sinks.conditions].map(([expression, sink]) => [expression, new WatchedSink(sink)]));
    this.#watched = [...watched.values()];
    this.#needsEvery =
      plan.derived.length > 0 || plan.maxAgeMs < LEAST_LAZY_AGE_MS || !plan.conditions.every(isOfValues);
    this.#board.use(boardExpressions(plan, watched));
  }

  get isEager(): boolean {
    return this.#isEager;
  }

  get maxAgeUs(): number {
    return this.#plan.maxAgeMs * 1000;
  }

  follow(shared: SharedReaders, local: number, feed: number): void {
    this.#shared = shared;
    this.#feeds[local] = feed;
  }

  /** Its part in the frames. Call once. */
  links(): readonly ReaderLink[] {
    const known = this.#plan.inputs.flatMap(({ index, pgn }, input) =>
      pgn === undefined ? [this.#link(input, index)] : [],
    );
    return [...known, ...this.#table.slots.senders.flatMap((sender) => this.admit(sender))];
  }

  /** A J1939 sender has been seen for the first time. What several send by one name has no value: which one is meant is not guessed. */
  admit({ message, origin, firstSlot }: SenderSlots): readonly ReaderLink[] {
    return this.#plan.inputs.flatMap((signal, input) => {
      const offset = signal.index - message.firstSignal;
      if (signal.pgn === undefined || offset < 0 || offset >= message.signalCount) return [];
      if (signal.source !== undefined && signal.source !== origin.source) return [];
      this.#senders[input] = Math.min(2, this.#senders[input] + 1);
      if (this.#senders[input] > 1) {
        this.#board.forget(input);
        if (this.#hasBegun) this.#unsettle();
      }
      return [this.#link(input, firstSlot + offset)];
    });
  }

  /** What the agent and its buses are like, as far as it has changed. */
  noteFacts(facts: FactValues, timeUs: number): void {
    for (const [fact, input] of this.#plan.facts) {
      const value = facts.get(fact);
      if (value !== undefined) this.#note(input, value, timeUs);
    }
  }

  take(local: number, { raw, timeUs }: Reading): void {
    if (!this.#hasBegun) this.#begin(timeUs);
    if (!this.#isEager) this.#catchUp(local);
    const input = this.#inputs[local];
    this.#notedUs[local] = timeUs;
    if (this.#senders[input] < 2) this.#note(input, raw * this.#factors[local] + this.#offsets[local], timeUs);
  }

  /** A frame has been taken whole. */
  settle(timeUs: number): void {
    this.#isNoted = false;
    this.#board.settle(timeUs);
    this.#derived.handOut();
    this.#considerEagerness();
  }

  /** The wall clock was set forward by so much, which is no time that has passed; a step back is seen without being told. */
  clockStepped(byUs: number): void {
    this.#board.clockStepped(byUs);
  }

  /** Ages and windows run on without frames. */
  tick(nowUs: number): void {
    this.#tickedUs = nowUs;
    if (!this.#isEager) this.#catchUp();
    this.#board.tick(nowUs);
    this.#derived.handOut();
    this.#considerEagerness();
  }

  /** Samples that were not shown, being equal to the ones before: their values are that young. Of `taken` the newest sample is about to be noted. */
  #catchUp(taken?: number): void {
    const shared = this.#shared;
    if (shared === undefined) return;
    for (let local = 0; local < this.#feeds.length; local++) {
      const feed = this.#feeds[local];
      const seenUs = local === taken ? shared.beforeUs(feed) : shared.seenUs(feed);
      if (!(seenUs > this.#notedUs[local])) continue;
      this.#notedUs[local] = seenUs;
      this.#board.touch(this.#inputs[local], seenUs);
    }
  }

  #considerEagerness(): void {
    const isEager = this.#needsEvery || this.#shared === undefined || !this.#watched.every(({ isAtRest }) => isAtRest);
    if (isEager === this.#isEager) return;
    if (isEager) this.#catchUp();
    this.#isEager = isEager;
    for (const feed of this.#feeds) this.#shared?.eagernessChanged(feed);
  }

  /** The first frame: before it nobody knows by which clock frames are received. */
  #begin(timeUs: number): void {
    const byUs = timeUs - this.#tickedUs;
    this.#hasBegun = true;
    if (Number.isFinite(byUs)) this.#board.clockStepped(byUs);
  }

  #note(input: number, value: number, timeUs: number): void {
    this.#board.note(input, value, timeUs);
    // Of what became due before this sample.
    this.#derived.handOut();
    this.#unsettle();
  }

  /** Its expressions are looked at when the frame is whole. */
  #unsettle(): void {
    if (this.#isNoted) return;
    this.#isNoted = true;
    this.#unsettled.add(this);
  }

  #link(input: number, slot: number): ReaderLink {
    const { factor, offset } = this.#plan.inputs[input];
    this.#factors.push(factor);
    this.#offsets.push(offset);
    return { slot, sampler: this, local: this.#inputs.push(input) - 1 };
  }
}

function isOfValues({ operands }: Expression): boolean {
  return operands.every(({ kind }) => kind === "value");
}

function boardExpressions(
  { derived, conditions, inputs, maxAgeMs }: ExpressionPlan,
  sinks: ConditionSinks,
): readonly BoardExpression[] {
  return [
    ...derived.map((expression, index) => ({
      expression,
      maxAgeMs,
      use: { kind: "derived", output: inputs.length + index } as const,
    })),
    ...conditions.flatMap((expression) => {
      const sink = sinks.get(expression);
      return sink === undefined ? [] : [{ expression, maxAgeMs, use: { kind: "condition", sink } as const }];
    }),
  ];
}
