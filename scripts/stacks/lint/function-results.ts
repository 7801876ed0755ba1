import type { Template } from "../template.ts";
import { type TemplateNode, textOf } from "../template-node.ts";

/** What a function gives: a text, a list of texts, a yes or no for conditions, nothing (AWS::NoValue), or what is not known before it runs. */
export type FunctionResult = "text" | "list" | "condition" | "nothing" | "unknown";

const RESULTS: Readonly<Record<string, FunctionResult>> = {
  And: "condition",
  Base64: "text",
  Cidr: "list",
  Condition: "condition",
  Equals: "condition",
  FindInMap: "unknown",
  GetAZs: "list",
  ImportValue: "text",
  Join: "text",
  Not: "condition",
  Or: "condition",
  Select: "text",
  Split: "list",
  Sub: "text",
};

/** What a call gives where it stands; `If` is to be looked at branch by branch. */
export function resultOf(call: TemplateNode & { readonly kind: "function" }, template: Template): FunctionResult {
  if (call.name !== "Ref") return RESULTS[call.name] ?? "unknown";
  const name = textOf(call.argument) ?? "";
  if (name === "AWS::NoValue") return "nothing";
  if (name === "AWS::NotificationARNs") return "list";
  const type = template.parameters.get(name)?.type ?? "String";
  return /^(CommaDelimitedList|List<|AWS::SSM::Parameter::Value<(CommaDelimitedList|List<))/.test(type)
    ? "list"
    : "text";
}

/** The values that an `If` may have, and theirs in turn; any other node is its own. */
export function branchesOf(node: TemplateNode): readonly TemplateNode[] {
  if (node.kind !== "function" || node.name !== "If" || node.argument.kind !== "list") return [node];
  return node.argument.items.slice(1).flatMap(branchesOf);
}
