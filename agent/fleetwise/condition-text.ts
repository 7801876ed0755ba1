import { parseExpression } from "../telemetry/expressions/parse-expression.ts";
import type { ConditionNode } from "./read/condition-node.ts";
import type { ManifestSignal } from "./read/decoder-manifest.ts";

/** Numbers that are nearer to each other are equal (FWE, EVAL_EQUAL_DISTANCE). */
const EQUAL_DISTANCE = "0.001";

/** What a condition has to know of a signal. */
export type ConditionSignal = Pick<ManifestSignal, "type" | "kind" | "factor" | "offset">;

/** The signals that a condition may read. */
export type ConditionSignals = {
  /** Undefined for one that the decoder manifest in force does not have. */
  signal(id: number): ConditionSignal | undefined;
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
        throw new UnfitCondition(
          "asks for windows that follow each other, which expressions of this agent do not have",
        );
      default:
        throw new UnfitCondition("asks isNull, which expressions of this agent do not have");
    }
  }

  #signal(id: number): Part {
    const signal = this.#signals.signal(id);
    if (signal === undefined) throw new UnfitCondition(`reads signal ${id}, which the decoder manifest does not have`);
    const name = `s${id}`;
    this.inputs.set(name, id);
    if (signal.type === "bool") return { kind: "bool", text: `(${name} != 0.0)` };
    return { kind: "number", text: isCut(signal) ? `double(int(${name}))` : name };
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

/** Whether the type of the manifest cuts values that the scale makes fractions. */
function isCut({ type, kind, factor, offset }: ConditionSignal): boolean {
  if (type === "float" || type === "double") return false;
  return kind !== "integer" || !Number.isInteger(factor) || !Number.isInteger(offset);
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
