import {
  child,
  type Entry,
  entriesOf,
  type Place,
  type Problem,
  parseTemplate,
  type TemplateNode,
  textOf,
} from "./template-node.ts";

/** A parameter; `choices` where it takes nothing else. */
export type Parameter = {
  readonly name: string;
  readonly type: string;
  readonly defaultValue: TemplateNode | undefined;
  readonly place: Place;
};

/** A resource. `condition` is the name of one. */
export type Resource = {
  readonly logicalId: string;
  readonly type: string;
  readonly properties: TemplateNode | undefined;
  readonly condition: string | undefined;
  readonly attributes: readonly Entry[];
  readonly place: Place;
};

/** An output; `export` is the node of its exported name. */
export type Output = {
  readonly name: string;
  readonly value: TemplateNode | undefined;
  readonly exportName: TemplateNode | undefined;
  readonly condition: string | undefined;
  readonly place: Place;
};

/** A template, read. `file` is what its places are called by. */
export type Template = {
  readonly file: string;
  readonly text: string;
  readonly root: TemplateNode;
  readonly parameters: ReadonlyMap<string, Parameter>;
  readonly conditions: ReadonlyMap<string, Entry>;
  readonly resources: ReadonlyMap<string, Resource>;
  readonly outputs: readonly Output[];
};

const SECTIONS: ReadonlySet<string> = new Set([
  "AWSTemplateFormatVersion",
  "Description",
  "Metadata",
  "Parameters",
  "Mappings",
  "Rules",
  "Conditions",
  "Resources",
  "Outputs",
]);

/** Reads a template and says what of its outline is wrong; undefined where nothing more can be said of it. */
export function readTemplate(
  file: string,
  text: string,
): { readonly template: Template | undefined; readonly problems: readonly Problem[] } {
  const { root, problems } = parseTemplate(text);
  if (root === undefined) return { template: undefined, problems };
  const outline = entriesOf(root)
    .filter(({ key }) => !SECTIONS.has(key))
    .map(({ key, place }) => ({ ...place, message: `${key} is no section of a template` }));
  if (child(root, "Resources")?.kind !== "map") {
    outline.push({ line: 1, column: 1, message: "Resources: must be a map" });
  }
  const template: Template = {
    file,
    text,
    root,
    parameters: new Map(entriesOf(child(root, "Parameters")).map((entry) => [entry.key, parameterOf(entry)])),
    conditions: new Map(entriesOf(child(root, "Conditions")).map((entry) => [entry.key, entry])),
    resources: new Map(entriesOf(child(root, "Resources")).map((entry) => [entry.key, resourceOf(entry)])),
    outputs: entriesOf(child(root, "Outputs")).map(outputOf),
  };
  return { template, problems: [...problems, ...outline] };
}

function parameterOf({ key, place, value }: Entry): Parameter {
  return { name: key, type: textOf(child(value, "Type")) ?? "", defaultValue: child(value, "Default"), place };
}

function resourceOf({ key, place, value }: Entry): Resource {
  return {
    logicalId: key,
    type: textOf(child(value, "Type")) ?? "",
    properties: child(value, "Properties"),
    condition: textOf(child(value, "Condition")),
    attributes: entriesOf(value),
    place,
  };
}

function outputOf({ key, place, value }: Entry): Output {
  return {
    name: key,
    value: child(value, "Value"),
    exportName: child(child(value, "Export"), "Name"),
    condition: textOf(child(value, "Condition")),
    place,
  };
}
