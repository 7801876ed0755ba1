import type { CampaignDocument } from "../../../config/campaign.ts";
import type { EntryProblem } from "../../core/entry-problem.ts";
import type { SignalEntry } from "../../signals/signal-entry.ts";
import { findSignal } from "../../signals/signal-names.ts";
import type { SignalTable } from "../../signals/signal-table.ts";
import { compileExpression, type Expression } from "../expressions/compile.ts";
import { compileDerived } from "../expressions/derived.ts";
import type { ScopeName } from "../expressions/scope.ts";

/** What is known of the agent and its buses, by the name that expressions use: a number, or a boolean as 0 or 1. */
export type FactValues = ReadonlyMap<string, number>;
/** The facts that expressions may name, and what they are. */
export type FactKind = Pick<ScopeName, "type" | "texts">;
export type FactNames = ReadonlyMap<string, FactKind>;

/** The expressions of a document, compiled. Inputs are numbered: signals, derived signals, facts. */
export type ExpressionPlan = {
  readonly inputs: readonly SignalEntry[];
  readonly derived: readonly Expression[];
  /** Conditions that are evaluated: release and condition of the trigger, trip. */
  readonly conditions: readonly Expression[];
  readonly condition: Expression | undefined;
  readonly release: Expression | undefined;
  readonly trip: Expression | undefined;
  /** Name and input of each fact. */
  readonly facts: readonly (readonly [fact: string, input: number])[];
  readonly inputCount: number;
  readonly maxAgeMs: number;
};

export type PlannedExpressions =
  | { readonly kind: "plan"; readonly plan: ExpressionPlan }
  | { readonly kind: "unfit"; readonly problems: readonly EntryProblem[] };

/** Finds the signals that the expressions of a document name, and compiles them. */
export function planExpressions(document: CampaignDocument, table: SignalTable, known: FactNames): PlannedExpressions {
  const problems: EntryProblem[] = [];
  const inputs: SignalEntry[] = [];
  const scope = new Map<string, ScopeName>();
  for (const [name, signalName] of Object.entries(document.inputs)) {
    const found = findSignal(table, signalName);
    if (found.kind === "unfit") problems.push({ path: ["inputs", name], problem: found.problem });
    else scope.set(name, { input: inputs.push(found.signal) - 1, type: "double" });
  }
  const texts = [
    document.trigger?.condition,
    document.trigger?.release,
    document.trip,
    ...document.derived.map((one) => one.expression),
  ];
  // A fact that no expression can name costs nothing.
  const named = [...known].filter(([fact]) => texts.some((text) => text?.includes(fact) === true));
  const facts = named.map(([fact], at) => [fact, inputs.length + document.derived.length + at] as const);
  named.forEach(([fact, kind], at) => {
    scope.set(fact, { ...kind, input: facts[at][1], holds: true });
  });
  if (problems.length > 0) return { kind: "unfit", problems };
  const definitions = document.derived.map(({ name, expression }, at) => ({
    name,
    text: expression,
    output: inputs.length + at,
  }));
  const derived = compileDerived(definitions, scope);
  if (derived.kind === "unfit") {
    const unfit = derived.problems.map(({ index, problem, offset }) => ({
      path: ["derived", index, "expression"],
      problem: `${problem} (character ${offset + 1})`,
      offset,
    }));
    return { kind: "unfit", problems: unfit };
  }
  const compiled = (path: EntryProblem["path"], text: string | undefined): Expression | undefined => {
    if (text === undefined) return undefined;
    const expression = compileExpression(text, derived.scope, "condition");
    if (expression.kind === "expression") return expression;
    const { problem, offset } = expression;
    problems.push({ path, problem: `${problem} (character ${offset + 1})`, offset });
    return undefined;
  };
  const release = compiled(["trigger", "release"], document.trigger?.release);
  const condition = compiled(["trigger", "condition"], document.trigger?.condition);
  const trip = compiled(["trip"], document.trip);
  if (problems.length > 0) return { kind: "unfit", problems };
  const conditions = [release, condition, trip].filter((one) => one !== undefined);
  const inputCount = inputs.length + document.derived.length + facts.length;
  const { maxAgeMs } = document;
  return {
    kind: "plan",
    plan: { inputs, derived: derived.expressions, conditions, condition, release, trip, facts, inputCount, maxAgeMs },
  };
}
