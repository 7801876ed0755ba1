import { Environment } from "@marcbachmann/cel-js";
import type { ConditionConfig } from "../../config/catalogue.ts";
import type { Clock } from "../core/clock.ts";
import type { EntryProblem } from "../core/entry-problem.ts";
import { messageOf } from "../core/errors.ts";
import type { LatestSignals } from "../signals/latest-signals.ts";
import type { SignalEntry } from "../signals/signal-entry.ts";
import type { ClockSteps } from "./time/clock-steps.ts";

export type SafetyGateParts = { readonly signals: LatestSignals; readonly steps: ClockSteps; readonly clock: Clock };

type Clause = { readonly text: string; readonly isTrue: (values: Readonly<Record<string, number>>) => unknown };

/** Whether something may act at this moment. "unknown": a signal is not known, or not fresh; "untrue": a clause does not hold. */
export type GateState =
  | { readonly kind: "open" }
  | { readonly kind: "shut"; readonly why: "unknown" | "untrue"; readonly what: string };

/** The state of the vehicle in which an action may act. Default deny: what is not known, not fresh or not true does not let it pass. */
export type SafetyGate = {
  /** What stands against it first, and of which kind that is. */
  look(): GateState;
  /** Why it may not act at this moment: the first signal or clause that stands against it; undefined where it may. */
  check(): string | undefined;
};

/** A condition that can be used, or what is wrong with it. */
export type BuiltSafetyGate =
  | { readonly kind: "gate"; readonly gate: SafetyGate }
  | { readonly kind: "unfit"; readonly problems: readonly EntryProblem[] };

/** Makes the gate of a condition. Variables are of CEL type double. */
export function buildSafetyGate(
  { signals: names, maxAgeMs, all }: ConditionConfig,
  parts: SafetyGateParts,
): BuiltSafetyGate {
  const environment = new Environment({ unlistedVariablesAreDyn: false });
  const inputs: [variable: string, name: string, signal: SignalEntry][] = [];
  const problems: EntryProblem[] = [];
  for (const [variable, name] of Object.entries(names)) {
    const found = parts.signals.find(name);
    if (found.kind === "signal") inputs.push([variable, name, found.signal]);
    else problems.push({ path: ["signals", variable], problem: found.problem });
    environment.registerVariable(variable, "double");
  }
  const clauses: Clause[] = [];
  for (const [index, text] of all.entries()) {
    const clause = buildClause(environment, text);
    if (typeof clause === "string") problems.push({ path: ["all", index], problem: clause });
    else clauses.push(clause);
  }
  if (problems.length > 0) return { kind: "unfit", problems };
  // For ever: a gate that first had to wait for its signals would be closed when it is asked.
  parts.signals.hold(
    "safety gate",
    inputs.map(([, , signal]) => signal),
  );
  const look = (): GateState => {
    const values: Record<string, number> = {};
    for (const [variable, name, signal] of inputs) {
      const value = freshValue(signal, name, maxAgeMs, parts);
      if (typeof value === "string") return { kind: "shut", why: "unknown", what: value };
      values[variable] = value;
    }
    const broken = clauses.find((clause) => !holds(clause, values));
    if (broken === undefined) return { kind: "open" };
    const state = Object.entries(values).map(([variable, value]) => `${variable} = ${value}`);
    return { kind: "shut", why: "untrue", what: `${broken.text} is not true: ${state.join(", ")}` };
  };
  const check = (): string | undefined => {
    const state = look();
    return state.kind === "open" ? undefined : state.what;
  };
  return { kind: "gate", gate: { look, check } };
}

function buildClause(environment: Environment, text: string): Clause | string {
  try {
    const isTrue = environment.parse(text);
    const { valid, type, error } = isTrue.check();
    if (!valid) return messageOf(error);
    return type === "bool" ? { text, isTrue } : `is ${type}, not bool`;
  } catch (thrown) {
    return messageOf(thrown);
  }
}

function holds({ isTrue }: Clause, values: Readonly<Record<string, number>>): boolean {
  try {
    return isTrue(values) === true;
  } catch {
    // What cannot be evaluated is not true.
    return false;
  }
}

/** What else it may be when a signal of a message known by its PGN has no value. */
function oneOfSeveral({ pgn, source }: SignalEntry): string {
  return pgn === undefined || source !== undefined ? "" : ", or several control units send it: an id picks one";
}

/** The signal's value, or why it cannot be relied on. */
function freshValue(
  signal: SignalEntry,
  name: string,
  maxAgeMs: number,
  { signals, steps, clock }: SafetyGateParts,
): number | string {
  if (steps.sinceStepMs() <= maxAgeMs) return "the clock was set, and the age of the signals is not known yet";
  const reading = signals.read(signal);
  if (reading === undefined) return `${name} was never received${oneOfSeveral(signal)}`;
  const ageMs = (clock.wallUs() - reading.timeUs) / 1000;
  // A receive time in the future is as little to be relied on as one long past.
  if (Math.abs(ageMs) > maxAgeMs) return `${name} is ${Math.round(ageMs)} ms old, at most ${maxAgeMs} are allowed`;
  if (reading.state !== undefined) return `${name} is ${reading.state === "error" ? "an error" : reading.state}`;
  const value = Number(reading.value);
  return Number.isFinite(value) ? value : `${name} is ${value}`;
}
