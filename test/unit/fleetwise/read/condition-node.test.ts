import { describe, expect, it } from "vitest";
import { comparison, like, messageBytes, operation, reader, scheme } from "../../../fakes/fleetwise/messages.ts";

const AND = 6;
const NOT = 8;

/** The condition of a scheme with this tree, or why the scheme was left out. */
function conditionOf(tree: unknown): unknown {
  const given = scheme({ condition_based: { condition_tree: tree } });
  const read = reader.schemes(messageBytes("CollectionSchemes", { collection_schemes: [given] }));
  if (read.kind === "unreadable") return read.problem;
  const [first] = read.document.schemes;
  return first?.trigger.kind === "condition" ? first.trigger.condition : read.document.refused[0]?.problem;
}

/** So many nodes, one below the other. */
function chain(depth: number): unknown {
  return depth <= 1 ? { node_boolean_value: true } : operation(NOT, chain(depth - 1));
}

/** A field with content of its own, as protobuf writes it. */
function field(number: number, content: Uint8Array): Buffer {
  const length: number[] = [];
  for (let rest = content.length; rest > 0 || length.length === 0; rest >>= 7)
    length.push((rest & 127) | (rest > 127 ? 128 : 0));
  return Buffer.concat([Buffer.from([number * 8 + 2, ...length]), content]);
}

/** The bytes of so many NOT, one in the other. */
function nested(depth: number): Uint8Array {
  let node: Uint8Array = Buffer.from([0x28, 1]);
  for (let level = 1; level < depth; level++)
    node = field(1, Buffer.concat([field(1, node), Buffer.from([0x18, NOT])]));
  return node;
}

describe("a condition", () => {
  it.each([
    [{ node_double_value: 0 }, { kind: "number", value: 0 }],
    [{ node_boolean_value: false }, { kind: "bool", value: false }],
    [{ node_string_value: "" }, { kind: "text", value: "" }],
    [{ node_signal_id: 7 }, { kind: "signal", id: 7 }],
    [
      { node_function: { window_function: { signal_id: 7, window_type: 4 } } },
      { kind: "window", id: 7, of: "max", window: "previous" },
    ],
    [{ node_function: { window_function: { signal_id: 7 } } }, { kind: "window", id: 7, of: "min", window: "last" }],
    [{ node_function: { is_null_function: { expression: { node_signal_id: 7 } } } }, { kind: "is-null", id: 7 }],
  ])("has a node %j", (tree, node) => {
    expect(conditionOf(tree)).toEqual(node);
  });

  it("that is deeper than anything reads costs its scheme alone", () => {
    const deep = scheme({ condition_based: { condition_tree: { node_boolean_value: true } } });
    const bytes = messageBytes("CollectionScheme", deep);
    const tree = nested(1000);
    // Field 6 of the scheme again, field 3 of it: a message that comes twice is merged.
    const again = field(6, field(3, tree));
    const list = Buffer.concat([
      field(1, Buffer.concat([bytes, again])),
      field(1, messageBytes("CollectionScheme", scheme({ campaign_sync_id: "c-2" }))),
    ]);
    expect(reader.schemes(list)).toMatchObject({
      document: { schemes: [{ syncId: "c-2" }], refused: [{ problem: like(/max depth exceeded/) }] },
    });
  });

  it.each([...["<", ">", "<=", ">=", "==", "!=", "and", "or", "not", "+", "-", "*", "/"].entries()])(
    "has operator %i, %s",
    (number, operator) => {
      expect(conditionOf(operation(number, { node_signal_id: 1 }, { node_signal_id: 2 }))).toMatchObject({ operator });
    },
  );

  it("is at most 10 nodes deep", () => {
    expect(conditionOf(chain(10))).toMatchObject({ operator: "not" });
    expect(conditionOf(chain(11))).toBe("its condition is deeper than 10 nodes");
  });

  it.each([
    ["an operator without its right side", operation(AND, comparison(0, 1, 2)), "has an operator without its operand"],
    [
      "an operator that is not known",
      operation(13, { node_signal_id: 1 }, { node_signal_id: 2 }),
      "node_operator.operator: is not known",
    ],
    ["a node without content", {}, "node: has a node without content"],
    ["a number that is none", { node_double_value: Number.NaN }, like(/node_double_value: /)],
    ["a signal with id 0", { node_signal_id: 0 }, like(/node_signal_id: /)],
    [
      "a custom function",
      { node_function: { custom_function: { function_name: "abs" } } },
      "calls the custom function abs, which this agent does not have",
    ],
    ["a function without content", { node_function: {} }, "function: function: is not known"],
    [
      "a window that is not known",
      { node_function: { window_function: { signal_id: 1, window_type: 6 } } },
      "function: window_function.window_type: is not known",
    ],
    [
      "isNull of a number",
      { node_function: { is_null_function: { expression: { node_double_value: 1 } } } },
      "asks isNull of what is no signal",
    ],
    [
      "a part of a complex signal",
      { node_primitive_type_in_signal: { signal_id: 1 } },
      "reads a part of a complex signal, which no bus of this agent has",
    ],
  ])("is refused with %s", (_what, tree, problem) => {
    const found = conditionOf(tree);
    expect(found).toEqual(typeof problem === "string" ? `its condition ${problem}` : problem);
  });
});
