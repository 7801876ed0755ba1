import { parseExpression } from "../telemetry/expressions/parse-expression.ts";
import type { ConditionNode } from "./read/condition-node.ts";
import type { ManifestSignal } from "./read/decoder-manifest.ts";

/** Numbers that are nearer to each other are equal (FWE, EVAL_EQUAL_DISTANCE). */
const EQUAL_DISTANCE = "0.001";
/** Longest window of an expression, ms. */
const MAX_WINDOW_MS = 3_600_000;
const WINDOW_FUNCTIONS = { min: "tumblingMin", max: "tumblingMax", mean: "tumblingMean" } as const;

/** What a condition has to know of a signal. */
export type ConditionSignal = Pick<ManifestSignal, "type" | "kind" | "factor" | "offset">;

/** The signals that a condition may read. */
export type ConditionSignals = {
  /** Undefined for one that the decoder manifest in force does not have. */
  signal(id: number): ConditionSignal | undefined;
  /** Length of the windows over a signal, ms; 0: it has none. */
  windowMs(id: number): number;
};

/** A condition as text, and the inputs that it names, "s10" for signal 10; or what this agent cannot say in its expressions. */
export type ConditionText =
  | { readonly kind: "condition"; readonly text: string; readonly inputs: ReadonlyMap<string, number> }
  | { readonly kind: "unfit"; readonly problem: string };

/** A part of a condition as text, and what it gives. Of a text its value: no signal is one, so that all are known. */
type Part =
  | { readonly kind: "number" | "bool"; readonly text: string }
  | { readonly kind: "text"; readonly value: string };

type Operator = Extract<ConditionNode, { kind: "operator" }>["operator"];

/** Thrown inside, where something cannot be said. */
class UnfitCondition extends Error {}

/**
 * CEL text that is true when the condition is: numbers are equal within 0.001, a number that is not 0 counts as true and a bool as 1 or
 * 0, values are those of the types of the manifest, and whatever signal is not known makes the whole undefined, which is not true.
 *
 * Two things differ from FWE: where a division has no result the whole is undefined, and a condition sees every sample, whatever
 * `minimum_sample_period_ms` says.
 */
export function conditionText(node: ConditionNode, signals: ConditionSignals): ConditionText {
  const writer = new ConditionWriter(signals);
  try {
    const text = asBool(writer.write(node));
    const parsed = parseExpression(text);
    if (parsed.kind === "unfit") return { kind: "unfit", problem: "is too large for an expression of this agent" };
    return { kind: "condition", text, inputs: writer.inputs };
  } catch (thrown) {
    if (thrown instanceof UnfitCondition) return { kind: "unfit", problem: thrown.message };
    throw thrown;
  }
}

class ConditionWriter {
  readonly inputs = new Map<string, number>();
  readonly #signals: ConditionSignals;

  constructor(signals: ConditionSignals) {
    this.#signals = signals;
  }

  write(node: ConditionNode): Part {
    switch (node.kind) {
      case "number":
        return { kind: "number", text: numberText(node.value) };
      case "bool":
        return { kind: "bool", text: String(node.value) };
      case "text":
        return { kind: "text", value: node.value };
      case "signal":
        return this.#signal(node.id);
      case "operator":
        return this.#operation(node);
      case "window":
        return this.#window(node);
      default:
        throw new UnfitCondition("asks isNull, which expressions of this agent do not have");
    }
  }

  #signal(id: number): Part {
    const { signal, name } = this.#known(id);
    return typed(name, signal.type, isCut(signal));
  }

  /** Of integers FWE has the mean as an integer too. */
  #window({ id, of, window }: Extract<ConditionNode, { kind: "window" }>): Part {
    const { signal, name } = this.#known(id);
    const lengthMs = this.#signals.windowMs(id);
    if (lengthMs === 0) throw new UnfitCondition(`asks for windows over signal ${id}, which have no length`);
    if (lengthMs > MAX_WINDOW_MS) {
      throw new UnfitCondition(`asks for windows of ${lengthMs} ms; the longest is ${MAX_WINDOW_MS} ms`);
    }
    if (of === "mean" && isCut(signal)) {
      throw new UnfitCondition(`asks for the mean of signal ${id}, whose values lose their fractions one by one`);
    }
    const text = `${WINDOW_FUNCTIONS[of]}(${name}, duration("${lengthMs}ms")${window === "previous" ? ", 1" : ""})`;
    return typed(text, signal.type, isCut(signal) || (of === "mean" && isWhole(signal)));
  }

  #known(id: number): { readonly signal: ConditionSignal; readonly name: string } {
    const signal = this.#signals.signal(id);
    if (signal === undefined) throw new UnfitCondition(`reads signal ${id}, which the decoder manifest does not have`);
    const name = `s${id}`;
    this.inputs.set(name, id);
    return { signal, name };
  }

  #operation({ operator, left, right }: Extract<ConditionNode, { kind: "operator" }>): Part {
    const a = this.write(left);
    if (right === undefined) return { kind: "bool", text: `!${asBool(a)}` };
    const b = this.write(right);
    if (a.kind === "text" && b.kind === "text") return ofTexts(operator, a.value, b.value);
    switch (operator) {
      case "and":
      case "or":
        return { kind: "bool", text: `(${asBool(a)} ${operator === "and" ? "&&" : "||"} ${asBool(b)})` };
      case "==":
      case "!=":
        return {
          kind: "bool",
          text: `${operator === "==" ? "" : "!"}(abs(${asNumber(a)} - ${asNumber(b)}) < ${EQUAL_DISTANCE})`,
        };
      case "<":
      case ">":
      case "<=":
      case ">=":
        return { kind: "bool", text: `(${asNumber(a)} ${operator} ${asNumber(b)})` };
      default:
        return { kind: "number", text: `(${asNumber(a)} ${operator} ${asNumber(b)})` };
    }
  }
}

/** A value in its type, from what the board has of it; `cut`: without its fraction. */
function typed(text: string, type: ConditionSignal["type"], cut: boolean): Part {
  if (type === "bool") return { kind: "bool", text: `(${text} != 0.0)` };
  return { kind: "number", text: cut ? `double(int(${text}))` : text };
}

function isWhole({ type }: ConditionSignal): boolean {
  return type !== "float" && type !== "double" && type !== "bool";
}

/** Whether the type of the manifest cuts values that the scale makes fractions. */
function isCut(signal: ConditionSignal): boolean {
  const { kind, factor, offset } = signal;
  return isWhole(signal) && (kind !== "integer" || !Number.isInteger(factor) || !Number.isInteger(offset));
}

function ofTexts(operator: Operator, left: string, right: string): Part {
  if (operator === "==") return { kind: "bool", text: String(left === right) };
  if (operator === "!=") return { kind: "bool", text: String(left !== right) };
  if (operator === "+") return { kind: "text", value: left + right };
  throw new UnfitCondition(`is never true: texts have no ${operator}`);
}

function asBool(part: Part): string {
  if (part.kind === "text") throw new UnfitCondition("is never true: it takes a text for true or false");
  return part.kind === "bool" ? part.text : `(${part.text} != 0.0)`;
}

function asNumber(part: Part): string {
  if (part.kind === "text") throw new UnfitCondition("is never true: it takes a text for a number");
  return part.kind === "number" ? part.text : `(${part.text} ? 1.0 : 0.0)`;
}

/** A literal that is a double in CEL. */
function numberText(value: number): string {
  const text = String(Math.abs(value));
  const double = /[.e]/.test(text) ? text : `${text}.0`;
  return value < 0 ? `(-${double})` : double;
}
