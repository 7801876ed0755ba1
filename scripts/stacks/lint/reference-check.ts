import { nearestWord } from "../../../agent/core/nearest-word.ts";
import type { Resource, Template } from "../template.ts";
import { child, type Place, type Problem, type TemplateNode, textOf } from "../template-node.ts";
import { type Reference, referencesIn, referencesOf } from "./references.ts";
import type { ResourceSchemas } from "./resource-schemas.ts";

/** Pseudo parameters (CloudFormation user guide). */
const PSEUDO: ReadonlySet<string> = new Set([
  "AWS::AccountId",
  "AWS::NoValue",
  "AWS::NotificationARNs",
  "AWS::Partition",
  "AWS::Region",
  "AWS::StackId",
  "AWS::StackName",
  "AWS::URLSuffix",
]);

/** Whether what is named is there, what is there is used, and nothing waits for itself. */
export function referenceProblems(template: Template, schemas: ResourceSchemas): readonly Problem[] {
  const references = [...referencesIn(template.root), ...plainConditions(template)];
  return [
    ...references.flatMap((reference) => missing(reference, template, schemas)),
    ...unused(template, references),
    ...dependsOnProblems(template),
    ...conditionalProblems(template),
    ...cycles(template),
  ];
}

function missing(reference: Reference, template: Template, schemas: ResourceSchemas): readonly Problem[] {
  const { resources, parameters, conditions } = template;
  const told = (message: string): readonly Problem[] => [{ ...reference.place, message }];
  if (reference.kind === "malformed") return told(reference.message);
  const { name } = reference;
  if (reference.kind === "condition") {
    return conditions.has(name) ? [] : told(`${name} is no condition${hint(name, [...conditions.keys()])}`);
  }
  if (reference.kind === "ref") {
    const known = [...parameters.keys(), ...resources.keys()];
    if (PSEUDO.has(name) || known.includes(name)) return [];
    return told(`${name} is no parameter or resource${hint(name, [...known, ...PSEUDO])}`);
  }
  const resource = resources.get(name);
  if (resource === undefined) return told(`${name} is no resource${hint(name, [...resources.keys()])}`);
  const attributes = schemas.resource(resource.type)?.attributes;
  if (attributes === undefined || Object.hasOwn(attributes, reference.attribute)) return [];
  const names = Object.keys(attributes);
  return told(
    `${name} (${resource.type}) has no attribute ${reference.attribute}; it has ${names.join(", ") || "none"}`,
  );
}

function unused(template: Template, references: readonly Reference[]): readonly Problem[] {
  const refs = new Set(references.filter(({ kind }) => kind === "ref").map((one) => ("name" in one ? one.name : "")));
  const conditions = new Set(references.flatMap((one) => (one.kind === "condition" ? [one.name] : [])));
  return [
    ...[...template.parameters.values()]
      .filter(({ name }) => !refs.has(name))
      .map(({ name, place }) => ({ ...place, message: `parameter ${name} is not used` })),
    ...[...template.conditions.values()]
      .filter(({ key }) => !conditions.has(key))
      .map(({ key, place }) => ({ ...place, message: `condition ${key} is not used` })),
  ];
}

/** `Condition: NAME` of a resource or an output. */
function plainConditions({ root }: Template): readonly Reference[] {
  return ["Resources", "Outputs"].flatMap((section) => {
    const entries = child(root, section);
    return (entries?.kind === "map" ? entries.entries : []).flatMap(({ value }): readonly Reference[] => {
      const condition = child(value, "Condition");
      const name = textOf(condition);
      return name === undefined || condition === undefined ? [] : [{ kind: "condition", name, place: condition.place }];
    });
  });
}

function dependsOnProblems(template: Template): readonly Problem[] {
  const known = [...template.resources.keys()];
  return [...template.resources.values()].flatMap((resource) =>
    dependsOn(resource).flatMap((node) => {
      const name = textOf(node) ?? "";
      if (template.resources.has(name)) return [];
      return [{ ...node.place, message: `DependsOn: ${name} is no resource${hint(name, known)}` }];
    }),
  );
}

function dependsOn({ attributes }: Resource): readonly TemplateNode[] {
  const node = attributes.find(({ key }) => key === "DependsOn")?.value;
  if (node === undefined) return [];
  return node.kind === "list" ? node.items : [node];
}

/** What is only there under a condition may be named only where that condition holds. */
function conditionalProblems(template: Template): readonly Problem[] {
  const users = [
    ...[...template.resources.values()].map(({ properties, condition }) => ({ node: properties, condition })),
    ...template.outputs.map(({ value, condition }) => ({ node: value, condition })),
  ];
  return users.flatMap(({ node, condition }) =>
    node === undefined ? [] : conditionalUses(node, template, impliedBy(condition, template)),
  );
}

function conditionalUses(node: TemplateNode, template: Template, holds: ReadonlySet<string>): readonly Problem[] {
  if (node.kind === "function" && node.name === "If" && node.argument.kind === "list") {
    const [condition, then, otherwise] = node.argument.items;
    const inThen = new Set([...holds, ...impliedBy(textOf(condition), template)]);
    return [
      ...(then === undefined ? [] : conditionalUses(then, template, inThen)),
      ...(otherwise === undefined ? [] : conditionalUses(otherwise, template, holds)),
    ];
  }
  if (node.kind === "list") return node.items.flatMap((item) => conditionalUses(item, template, holds));
  if (node.kind === "map") return node.entries.flatMap(({ value }) => conditionalUses(value, template, holds));
  if (node.kind !== "function") return [];
  const own = ["Ref", "GetAtt", "Sub"].includes(node.name) ? referencesOf(node) : [];
  const problems = own.flatMap((reference) => {
    const needed = "name" in reference ? template.resources.get(reference.name)?.condition : undefined;
    if (needed === undefined || holds.has(needed) || !("name" in reference)) return [];
    return [{ ...reference.place, message: `${reference.name} is only there under ${needed}` }];
  });
  return [...problems, ...conditionalUses(node.argument, template, holds)];
}

/** A condition, and those that it is true only with. */
function impliedBy(name: string | undefined, template: Template): ReadonlySet<string> {
  if (name === undefined) return new Set();
  const body = template.conditions.get(name)?.value;
  const parts =
    body?.kind === "function" && body.name === "And" && body.argument.kind === "list" ? body.argument.items : [];
  const inner = parts.flatMap((part) =>
    part.kind === "function" && part.name === "Condition" ? [...impliedBy(textOf(part.argument), template)] : [],
  );
  return new Set([name, ...inner]);
}

function cycles(template: Template): readonly Problem[] {
  const edges = new Map(
    [...template.resources.values()].map((resource) => [resource.logicalId, neededBy(resource, template)] as const),
  );
  const done = new Set<string>();
  const problems: Problem[] = [];
  const visit = (id: string, path: readonly string[]): void => {
    if (path.includes(id)) {
      const place: Place = template.resources.get(id)?.place ?? { line: 1, column: 1 };
      problems.push({ ...place, message: `waits for itself: ${[...path.slice(path.indexOf(id)), id].join(" -> ")}` });
      return;
    }
    if (done.has(id)) return;
    for (const next of edges.get(id) ?? []) visit(next, [...path, id]);
    done.add(id);
  };
  for (const id of edges.keys()) visit(id, []);
  return problems;
}

function neededBy(resource: Resource, { resources }: Template): readonly string[] {
  const named = resource.properties === undefined ? [] : referencesIn(resource.properties);
  const names = named.flatMap((one) => ("name" in one && one.kind !== "condition" ? [one.name] : []));
  return [...names, ...dependsOn(resource).map((node) => textOf(node) ?? "")].filter((name) => resources.has(name));
}

function hint(word: string, candidates: readonly string[]): string {
  const near = nearestWord(word, candidates);
  return near === undefined ? "" : `; ${near}?`;
}
