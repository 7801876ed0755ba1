import type { CampaignDocument } from "../../../../config/campaign.ts";
import type { EntryProblem } from "../../../core/entry-problem.ts";
import type { SignalEntry } from "../../../signals/signal-entry.ts";
import { findSignal } from "../../../signals/signal-names.ts";
import type { SignalTable } from "../../../signals/signal-table.ts";
import { compileExpression, type Expression } from "../../expressions/compile.ts";
import { compileDerived } from "../../expressions/derived.ts";
import type { Scope, ScopeName } from "../../expressions/scope.ts";

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
  /** Whether trips are those of the vehicle, which end when they end: its state has been debounced. */
  readonly isOwnTrip: boolean;
  /** Name and input of each fact. */
  readonly facts: readonly (readonly [fact: string, input: number])[];
  readonly inputCount: number;
  readonly maxAgeMs: number;
};

export type PlannedExpressions =
  | { readonly kind: "plan"; readonly plan: ExpressionPlan }
  | { readonly kind: "unfit"; readonly problems: readonly EntryProblem[] };

/** What the expressions of a document may name. */
type Names = Pick<ExpressionPlan, "inputs" | "facts"> & { readonly scope: Scope };
type Planned<T> = { readonly made: T; readonly problems: readonly EntryProblem[] };

/** Finds the signals that the expressions of a document name, and compiles them. */
export function planExpressions(document: CampaignDocument, table: SignalTable, known: FactNames): PlannedExpressions {
  const { made: names, problems } = namesIn(document, table, known);
  if (problems.length > 0) return { kind: "unfit", problems };
  const { inputs, facts } = names;
  const isOwnTrip = document.trip === undefined && tripOf(document, known) !== undefined;
  const { made: derived, problems: derivedProblems } = planDerived(document, names);
  if (derivedProblems.length > 0) return { kind: "unfit", problems: derivedProblems };
  const { made: conditions, problems: conditionProblems } = planConditions(
    document,
    tripOf(document, known),
    derived.scope,
  );
  if (conditionProblems.length > 0) return { kind: "unfit", problems: conditionProblems };
  const { release, condition, trip } = conditions;
  const plan = {
    inputs,
    derived: derived.expressions,
    conditions: [release, condition, trip].filter((one) => one !== undefined),
    ...conditions,
    isOwnTrip,
    facts,
    inputCount: inputs.length + document.derived.length + facts.length,
    maxAgeMs: document.maxAgeMs,
  };
  return { kind: "plan", plan };
}

function namesIn(document: CampaignDocument, table: SignalTable, known: FactNames): Planned<Names> {
  const problems: EntryProblem[] = [];
  const inputs: SignalEntry[] = [];
  const scope = new Map<string, ScopeName>();
  for (const [name, signalName] of Object.entries(document.inputs)) {
    const found = findSignal(table, signalName);
    if (found.kind === "unfit") problems.push({ path: ["inputs", name], problem: found.problem });
    else scope.set(name, { input: inputs.push(found.signal) - 1, type: "double" });
  }
  const facts = factsIn(document, known).map(([fact, kind], at) => {
    const input = inputs.length + document.derived.length + at;
    scope.set(fact, { ...kind, input, holds: true });
    return [fact, input] as const;
  });
  return { made: { inputs, facts, scope }, problems };
}

/** What a trip is: what the document says, or for one that goes by trips the trips of the vehicle, where somebody knows these. */
function tripOf({ trip, collect }: CampaignDocument, known: FactNames): string | undefined {
  if (trip !== undefined || !known.has("vehicle.trip")) return trip;
  const goesByTrips = collect.some((entry) => ("over" in entry && "per" in entry.over) || "per" in entry);
  return goesByTrips ? "vehicle.trip > 0.0" : undefined;
}

/** A fact that no expression can name costs nothing. */
function factsIn(document: CampaignDocument, known: FactNames) {
  const { trigger, derived } = document;
  const texts = [
    trigger?.condition,
    trigger?.release,
    tripOf(document, known),
    ...derived.map((one) => one.expression),
  ];
  return [...known].filter(([fact]) => texts.some((text) => text?.includes(fact) === true));
}

function planDerived({ derived }: CampaignDocument, { inputs, scope }: Names) {
  const definitions = derived.map(({ name, expression }, at) => ({
    name,
    text: expression,
    output: inputs.length + at,
  }));
  const compiled = compileDerived(definitions, scope);
  if (compiled.kind === "derived") return { made: compiled, problems: [] };
  const problems = compiled.problems.map(({ index, problem, offset }) => {
    return problemAt(["derived", index, "expression"], { problem, offset });
  });
  return { made: { expressions: [], scope }, problems };
}

function planConditions({ trigger }: CampaignDocument, trip: string | undefined, scope: Scope) {
  const problems: EntryProblem[] = [];
  const compiled = (path: EntryProblem["path"], text: string | undefined): Expression | undefined => {
    if (text === undefined) return undefined;
    const expression = compileExpression(text, scope, "condition");
    if (expression.kind === "expression") return expression;
    problems.push(problemAt(path, expression));
    return undefined;
  };
  const made = {
    release: compiled(["trigger", "release"], trigger?.release),
    condition: compiled(["trigger", "condition"], trigger?.condition),
    trip: compiled(["trip"], trip),
  };
  return { made, problems };
}

function problemAt(
  path: EntryProblem["path"],
  { problem, offset }: { readonly problem: string; readonly offset: number },
): EntryProblem {
  return { path, problem: `${problem} (character ${offset + 1})`, offset };
}
