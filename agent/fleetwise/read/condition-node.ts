import { z } from "zod";
import { problemOf, shownId, signalId } from "./document.ts";

/** Deepest tree that is taken, nodes from the root down (as FWE: MAX_EQUATION_DEPTH). */
const MAX_DEPTH = 10;
/** Longest text in a condition, UTF-16 units. */
const MAX_TEXT = 256;

/** Operators in the order of their numbers on the wire. */
export const CONDITION_OPERATORS = ["<", ">", "<=", ">=", "==", "!=", "and", "or", "not", "+", "-", "*", "/"] as const;
export type ConditionOperator = (typeof CONDITION_OPERATORS)[number];

/** Window functions in the order of their numbers on the wire. */
const WINDOWS = [
  { of: "min", window: "last" },
  { of: "max", window: "last" },
  { of: "mean", window: "last" },
  { of: "min", window: "previous" },
  { of: "max", window: "previous" },
  { of: "mean", window: "previous" },
] as const;

/** A condition as a tree. `id` is that of a signal. */
export type ConditionNode =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "signal"; readonly id: number }
  | {
      readonly kind: "operator";
      readonly operator: ConditionOperator;
      readonly left: ConditionNode;
      /** Undefined for "not" alone. */
      readonly right: ConditionNode | undefined;
    }
  /** Of the last window that closed, or the one before it. */
  | {
      readonly kind: "window";
      readonly id: number;
      readonly of: "min" | "max" | "mean";
      readonly window: "last" | "previous";
    }
  /** Whether there is no sample that was not sent yet. */
  | { readonly kind: "is-null"; readonly id: number };

/** A tree, or why there is none. */
export type ReadCondition =
  | { readonly kind: "condition"; readonly node: ConditionNode }
  | { readonly kind: "unfit"; readonly problem: string };

const KINDS = [
  "node_operator",
  "node_function",
  "node_double_value",
  "node_signal_id",
  "node_boolean_value",
  "node_primitive_type_in_signal",
  "node_string_value",
] as const;

const wireNode = z.object({
  node: z.enum(KINDS, "has a node without content"),
  node_operator: z
    .object({
      left_child: z.unknown(),
      right_child: z.unknown(),
      operator: z.int().max(CONDITION_OPERATORS.length - 1, "is not known"),
    })
    .optional(),
  node_function: z.unknown().optional(),
  node_double_value: z.number("must be a finite number").optional(),
  node_signal_id: signalId.optional(),
  node_boolean_value: z.boolean().optional(),
  node_string_value: z.string().max(MAX_TEXT).optional(),
});

const wireFunction = z.object({
  function: z.enum(["window_function", "custom_function", "is_null_function"], "is not known"),
  window_function: z
    .object({
      signal: z.string().optional(),
      signal_id: signalId.optional(),
      window_type: z.int().max(WINDOWS.length - 1, "is not known"),
    })
    .optional(),
  custom_function: z.object({ function_name: z.string() }).optional(),
  is_null_function: z.object({ expression: z.unknown() }).optional(),
});

/** Thrown inside, where a tree is not taken. */
class UnfitCondition extends Error {}

/** Reads a ConditionNode that protobuf has decoded; null where the message has none. */
export function readCondition(message: unknown): ReadCondition {
  try {
    return { kind: "condition", node: nodeOf(message, 1) };
  } catch (thrown) {
    if (thrown instanceof UnfitCondition) return { kind: "unfit", problem: thrown.message };
    throw thrown;
  }
}

function nodeOf(message: unknown, depth: number): ConditionNode {
  if (depth > MAX_DEPTH) throw new UnfitCondition(`is deeper than ${MAX_DEPTH} nodes`);
  if (message === null || message === undefined)
    throw new UnfitCondition(depth === 1 ? "is missing" : "has an operator without its operand");
  const parsed = wireNode.safeParse(message);
  if (!parsed.success) throw new UnfitCondition(problemOf(parsed.error));
  const { data } = parsed;
  if (data.node_operator !== undefined) return operatorOf(data.node_operator, depth);
  if (data.node === "node_function") return functionOf(data.node_function);
  if (data.node_double_value !== undefined) return { kind: "number", value: data.node_double_value };
  if (data.node_signal_id !== undefined) return { kind: "signal", id: data.node_signal_id };
  if (data.node_boolean_value !== undefined) return { kind: "bool", value: data.node_boolean_value };
  if (data.node_string_value !== undefined) return { kind: "text", value: data.node_string_value };
  throw new UnfitCondition("reads a part of a complex signal, which no bus of this agent has");
}

function operatorOf(
  { operator: number, left_child, right_child }: NonNullable<z.infer<typeof wireNode>["node_operator"]>,
  depth: number,
): ConditionNode {
  const operator = CONDITION_OPERATORS[number];
  const left = nodeOf(left_child, depth + 1);
  const right = operator === "not" ? undefined : nodeOf(right_child, depth + 1);
  return { kind: "operator", operator, left, right };
}

function functionOf(message: unknown): ConditionNode {
  const parsed = wireFunction.safeParse(message);
  if (!parsed.success) throw new UnfitCondition(`function: ${problemOf(parsed.error)}`);
  const { window_function: window, custom_function: custom, is_null_function: isNull } = parsed.data;
  if (custom !== undefined) {
    throw new UnfitCondition(
      `calls the custom function ${shownId(custom.function_name)}, which this agent does not have`,
    );
  }
  if (window !== undefined) {
    if (window.signal_id === undefined) throw new UnfitCondition("has a window over what is no plain signal");
    return { kind: "window", id: window.signal_id, ...WINDOWS[window.window_type] };
  }
  const parameter = wireNode.safeParse(isNull?.expression);
  if (parameter.data?.node_signal_id === undefined) throw new UnfitCondition("asks isNull of what is no signal");
  return { kind: "is-null", id: parameter.data.node_signal_id };
}
