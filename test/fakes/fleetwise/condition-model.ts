import type { ConditionNode } from "../../../agent/fleetwise/read/condition-node.ts";

/** What a node gives; a bool is 1 or 0. "undefined": a signal was never seen. "mismatch": operands of the wrong kind. */
type Value =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "undefined" }
  | { readonly kind: "mismatch" };

/** `hadNoResult`: a calculation gave no finite number. There our expressions are undefined, and FWE goes on. */
export type ModelRun = { readonly isTrue: boolean; readonly hadNoResult: boolean };

/**
 * What a condition gives by the rules of campaigns.md, section 4, node by node: no short circuit, a signal that was never seen makes all
 * above it undefined, numbers equal within 0.001, bools are 1 and 0 as numbers, numbers are true when they are not 0.
 */
export function runCondition(root: ConditionNode, valueOf: (id: number) => number | boolean | undefined): ModelRun {
  let hadNoResult = false;
  const numeric = (value: number | boolean): Value => {
    if (!Number.isFinite(Number(value))) hadNoResult = true;
    return { kind: "number", value: Number(value) };
  };
  const evaluate = (node: ConditionNode): Value => {
    if (node.kind === "text") return node;
    if (node.kind === "number" || node.kind === "bool") return numeric(node.value);
    if (node.kind === "signal") {
      const value = valueOf(node.id);
      return value === undefined ? { kind: "undefined" } : numeric(value);
    }
    if (node.kind !== "operator") throw new Error(`the model has no ${node.kind}`);
    const left = evaluate(node.left);
    const right = node.right === undefined ? left : evaluate(node.right);
    if (left.kind === "mismatch" || right.kind === "mismatch") return { kind: "mismatch" };
    if (left.kind === "undefined" || right.kind === "undefined") return { kind: "undefined" };
    if (left.kind === "text" && right.kind === "text") return ofTexts(node.operator, left.value, right.value);
    if (left.kind === "text" || right.kind === "text") return { kind: "mismatch" };
    // A difference beyond float64 is far from equal for FWE, and no result for us.
    if (node.operator === "==" || node.operator === "!=") numeric(left.value - right.value);
    return numeric(ofNumbers(node.operator, left.value, right.value));
  };
  const result = evaluate(root);
  return { isTrue: result.kind === "number" && result.value !== 0, hadNoResult };
}

function ofTexts(operator: string, left: string, right: string): Value {
  if (operator === "==") return { kind: "number", value: left === right ? 1 : 0 };
  if (operator === "!=") return { kind: "number", value: left === right ? 0 : 1 };
  return operator === "+" ? { kind: "text", value: left + right } : { kind: "mismatch" };
}

function ofNumbers(operator: string, left: number, right: number): number | boolean {
  switch (operator) {
    case "<":
      return left < right;
    case ">":
      return left > right;
    case "<=":
      return left <= right;
    case ">=":
      return left >= right;
    case "==":
      return Math.abs(left - right) < 0.001;
    case "!=":
      return !(Math.abs(left - right) < 0.001);
    case "and":
      return left !== 0 && right !== 0;
    case "or":
      return left !== 0 || right !== 0;
    case "not":
      return left === 0;
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    default:
      return left / right;
  }
}
