import type { ResultSink } from "../../../../agent/telemetry/expressions/board-plan.ts";
import { compileExpression, type Expression } from "../../../../agent/telemetry/expressions/compile.ts";
import { shownValues } from "../../../../agent/telemetry/expressions/operand.ts";
import type { Scope } from "../../../../agent/telemetry/expressions/scope.ts";
import { Trigger, type TriggerSettings } from "../../../../agent/telemetry/expressions/trigger.ts";
import { ValueBoard } from "../../../../agent/telemetry/expressions/value-board.ts";

export const STATES = ["error-active", "bus-off"] as const;
/** Inputs of the tests: signals x, y, z at 0, 1, 2; a flag at 3; states at 4 to 6; derived signals from 8 on. */
export const SCOPE: Scope = new Map([
  ["x", { input: 0, type: "double" }],
  ["y", { input: 1, type: "double" }],
  ["z", { input: 2, type: "double" }],
  ["flag", { input: 3, type: "bool" }],
  ["bus.can0.up", { input: 4, type: "bool", holds: true }],
  ["bus.can0.state", { input: 5, type: "text", texts: STATES, holds: true }],
  ["agent.outboxBytes", { input: 6, type: "double", holds: true }],
]);
export const INPUTS = 16;
export const SECOND_US = 1_000_000;

/** The expression, which must be fit. */
export function expressionOf(text: string, want: "condition" | "value" = "condition", scope = SCOPE): Expression {
  const compiled = compileExpression(text, scope, want);
  if (compiled.kind === "unfit") throw new Error(`${text}: ${compiled.problem} at ${compiled.offset}`);
  return compiled;
}

/** What is wrong with a text, and the part of the text from there on. */
export function problemOf(text: string, want: "condition" | "value" = "condition"): string {
  const compiled = compileExpression(text, SCOPE, want);
  return compiled.kind === "unfit" ? `${compiled.problem} @ ${text.slice(compiled.offset)}` : "fit";
}

export type Result = { readonly result: number; readonly timeUs: number };

/** Notes the results of a condition that differ from the one before. */
export class RecordingSink implements ResultSink {
  readonly dueUs = Number.POSITIVE_INFINITY;
  readonly results: Result[] = [];

  take(result: number, timeUs: number): void {
    if (!Object.is(this.results.at(-1)?.result, result)) this.results.push({ result, timeUs });
  }

  expire(): void {
    throw new Error("never due");
  }

  shift(): void {
    // Remembers no times that count.
  }
}

export type Derived = { readonly output: number; readonly value: number; readonly timeUs: number };

/** A board, and the samples of its derived signals. */
export function boardOf(): { board: ValueBoard; derived: Derived[] } {
  const derived: Derived[] = [];
  const sink = {
    takeDerived: (output: number, value: number, timeUs: number) => derived.push({ output, value, timeUs }),
  };
  return { board: new ValueBoard({ inputs: INPUTS, derived: sink }), derived };
}

/** A board with one condition. */
export function conditionBoard(text: string, maxAgeMs = 1_000_000): { board: ValueBoard; results: readonly Result[] } {
  const { board } = boardOf();
  const sink = new RecordingSink();
  board.use([{ expression: expressionOf(text), maxAgeMs, use: { kind: "condition", sink } }]);
  return { board, results: sink.results };
}

/** One sample in a frame of its own. */
export function frame(board: ValueBoard, input: number, value: number, timeUs: number): void {
  board.note(input, value, timeUs);
  board.settle(timeUs);
}

export const SETTINGS: TriggerSettings = { mode: "rising", forMs: 0, minIntervalMs: 0, hasRelease: false };

/** A trigger on `condition`, released by `release` where there is one; `events` are what it did: "begin 1000", "end 2000", times in ms. */
export function triggerBoard(
  condition: string,
  settings: Partial<TriggerSettings> = {},
  release?: string,
  maxAgeMs = 2000,
): { board: ValueBoard; trigger: Trigger; events: string[]; values: (readonly { readonly name: string }[])[] } {
  const { board } = boardOf();
  const events: string[] = [];
  const values: (readonly { readonly name: string }[])[] = [];
  const trigger = new Trigger(
    { ...SETTINGS, ...settings, hasRelease: release !== undefined },
    {
      begin: (_trigger, timeUs, read) => {
        events.push(`begin ${timeUs / 1000}`);
        values.push(shownValues(read));
      },
      end: (_trigger, timeUs) => events.push(`end ${timeUs / 1000}`),
    },
  );
  board.use([
    ...(release === undefined
      ? []
      : [{ expression: expressionOf(release), maxAgeMs, use: { kind: "condition" as const, sink: trigger.release } }]),
    { expression: expressionOf(condition), maxAgeMs, use: { kind: "condition" as const, sink: trigger.condition } },
  ]);
  return { board, trigger, events, values };
}
