import type { SenderSlots } from "../../signals/signal-slots.ts";
import type { SignalTable } from "../../signals/signal-table.ts";
import type { Reading, Sampler, SamplerInput } from "../collect/sampler.ts";
import type { SamplerLink } from "../collect/sampler-chains.ts";
import type { BoardExpression, ResultSink } from "../expressions/board-plan.ts";
import type { Expression } from "../expressions/compile.ts";
import { type DerivedSink, ValueBoard } from "../expressions/value-board.ts";
import { DerivedQueue } from "./derived-queue.ts";
import type { ExpressionPlan, FactValues } from "./expression-plan.ts";

/** Which frames have noted something since the last `settle`. */
export type Unsettled = { readonly add: (expressions: CampaignExpressions) => void };

/** Where the results of the conditions of a campaign go; a capture has none, since its derived signals alone are worked out. */
export type ConditionSinks = ReadonlyMap<Expression, ResultSink>;

/** The expressions of one campaign at work: its signals come in as a sampler among others, its results go to their sinks. */
export class CampaignExpressions implements Sampler {
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
    this.#board.use(boardExpressions(plan, sinks.conditions));
  }

  /** Its part in the frames. Call once. */
  links(): readonly SamplerLink[] {
    const known = this.#plan.inputs.flatMap(({ index, pgn }, input) =>
      pgn === undefined ? [this.#link(input, index)] : [],
    );
    return [...known, ...this.#table.slots.senders.flatMap((sender) => this.admit(sender))];
  }

  /** A J1939 sender has been seen for the first time. What several send by one name has no value: which one is meant is not guessed. */
  admit({ message, origin, firstSlot }: SenderSlots): readonly SamplerLink[] {
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

  add({ output, factor, offset }: SamplerInput): number {
    this.#inputs.push(output);
    this.#factors.push(factor);
    this.#offsets.push(offset);
    return this.#inputs.length - 1;
  }

  take(local: number, { raw, timeUs }: Reading): void {
    if (!this.#hasBegun) this.#begin(timeUs);
    const input = this.#inputs[local];
    if (this.#senders[input] < 2) this.#note(input, raw * this.#factors[local] + this.#offsets[local], timeUs);
  }

  /** Nothing waits here. */
  close(): void {}

  /** A frame has been taken whole. */
  settle(timeUs: number): void {
    this.#isNoted = false;
    this.#board.settle(timeUs);
    this.#derived.handOut();
  }

  /** The wall clock was set forward by so much, which is no time that has passed; a step back is seen without being told. */
  clockStepped(byUs: number): void {
    this.#board.clockStepped(byUs);
  }

  /** Ages and windows run on without frames. */
  tick(nowUs: number): void {
    this.#tickedUs = nowUs;
    this.#board.tick(nowUs);
    this.#derived.handOut();
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

  #link(input: number, slot: number): SamplerLink {
    const signal = this.#plan.inputs[input];
    const { factor, offset, wide } = signal;
    return { slot, sampler: this, local: this.add({ slot, output: input, factor, offset, isWide: wide >= 0, signal }) };
  }
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
