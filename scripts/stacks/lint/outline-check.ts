import { nearestWord } from "../../../agent/core/nearest-word.ts";
import type { Template } from "../template.ts";
import { child, type Entry, entriesOf, type Problem, type TemplateNode, textOf } from "../template-node.ts";

/** Keys of a parameter, a rule, a resource and an output (CloudFormation user guide). */
const KEYS = {
  Parameters: [
    "AllowedPattern",
    "AllowedValues",
    "ConstraintDescription",
    "Default",
    "Description",
    "MaxLength",
    "MaxValue",
    "MinLength",
    "MinValue",
    "NoEcho",
    "Type",
  ],
  Rules: ["Assertions", "RuleCondition"],
  Resources: [
    "Condition",
    "CreationPolicy",
    "DeletionPolicy",
    "DependsOn",
    "Metadata",
    "Properties",
    "Type",
    "UpdatePolicy",
    "UpdateReplacePolicy",
  ],
  Outputs: ["Condition", "Description", "Export", "Value"],
} as const;
const PARAMETER_TYPE = /^(String|Number|CommaDelimitedList|List<(Number|String|AWS::[\w:]+)>|AWS::[\w:]+(<.+>)?)$/;
const RETENTIONS: readonly string[] = ["Delete", "Retain", "RetainExceptOnCreate", "Snapshot"];

/** What is wrong with parameters, rules, resources and outputs before what is in them: their keys, and defaults that a parameter does not take itself. */
export function outlineProblems({ root }: Template): readonly Problem[] {
  const unknown = (["Parameters", "Rules", "Resources", "Outputs"] as const).flatMap((section) =>
    entriesOf(child(root, section)).flatMap((entry) => unknownKeys(entry, KEYS[section])),
  );
  return [
    ...unknown,
    ...entriesOf(child(root, "Parameters")).flatMap(parameterProblems),
    ...entriesOf(child(root, "Resources")).flatMap(({ key, value }) =>
      ["DeletionPolicy", "UpdateReplacePolicy"].flatMap((name) => {
        const node = child(value, name);
        if (node === undefined || RETENTIONS.includes(textOf(node) ?? "")) return [];
        return [{ ...node.place, message: `${key}.${name}: takes ${RETENTIONS.join(", ")}` }];
      }),
    ),
    ...entriesOf(child(root, "Outputs")).flatMap(({ key, place, value }) => {
      const description = child(value, "Description");
      if (description !== undefined && textOf(description) === undefined) {
        return [{ ...description.place, message: `${key}: Description must be a text` }];
      }
      return child(value, "Value") === undefined ? [{ ...place, message: `${key}: needs Value` }] : [];
    }),
  ];
}

function unknownKeys({ key: name, place, value }: Entry, known: readonly string[]): readonly Problem[] {
  if (value.kind !== "map") return [{ ...place, message: `${name}: must be a map` }];
  return value.entries
    .filter(({ key }) => !known.includes(key))
    .map(({ key, place: at }) => {
      const near = nearestWord(key, known);
      return { ...at, message: `${name}: has no property ${key}${near === undefined ? "" : `; ${near}?`}` };
    });
}

function parameterProblems({ key: name, place, value }: Entry): readonly Problem[] {
  const type = textOf(child(value, "Type")) ?? "";
  const told = (node: TemplateNode | undefined, message: string): readonly Problem[] => [
    { ...(node?.place ?? place), message: `parameter ${name}: ${message}` },
  ];
  if (!PARAMETER_TYPE.test(type)) return told(child(value, "Type"), `${type || "nothing"} is no type of parameters`);
  const description = child(value, "Description");
  if (description !== undefined && textOf(description) === undefined)
    return told(description, "Description must be a text");
  const node = child(value, "Default");
  if (node?.kind !== "scalar") return node === undefined ? [] : told(node, "Default must be a text or a number");
  const text = String(node.value ?? "");
  const choices = child(value, "AllowedValues");
  const allowed =
    choices?.kind === "list"
      ? choices.items.map((item) => String(item.kind === "scalar" ? item.value : ""))
      : undefined;
  const pattern = textOf(child(value, "AllowedPattern"));
  if (allowed !== undefined && !allowed.includes(text))
    return told(node, `Default ${text} is none of ${allowed.join(", ")}`);
  if (type === "Number" && !/^-?\d+(\.\d+)?$/.test(text)) return told(node, `Default ${text} is no number`);
  if (pattern !== undefined && !new RegExp(`^(?:${pattern})$`).test(text))
    return told(node, `Default ${text} does not fit ${pattern}`);
  return outOfRange(value, text).flatMap((message) => told(node, message));
}

function outOfRange(value: TemplateNode, text: string): readonly string[] {
  const bound = (name: string): number | undefined => {
    const node = child(value, name);
    return node?.kind === "scalar" ? Number(node.value) : undefined;
  };
  const [least, most] = [bound("MinValue"), bound("MaxValue")];
  if (least !== undefined && Number(text) < least) return [`Default ${text} is less than ${least}`];
  return most !== undefined && Number(text) > most ? [`Default ${text} is more than ${most}`] : [];
}
