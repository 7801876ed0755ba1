import type { Property, PropertyType } from "@aws-cdk/service-spec-types";
import { nearestWord } from "../../../agent/core/nearest-word.ts";
import type { Resource, Template } from "../template.ts";
import type { Problem, TemplateNode } from "../template-node.ts";
import { branchesOf, resultOf } from "./function-results.ts";
import type { ResourceSchemas } from "./resource-schemas.ts";

type Scalar = TemplateNode & { readonly kind: "scalar" };

/** Types that the schemas do not hold: what the template engine itself or a custom resource brings. */
const WITHOUT_SCHEMA = /^(Custom::|AWS::CloudFormation::CustomResource$)/;

/** Checks the properties of resources against their published schemas: which there are, which must be, of what type, from which choices. */
export class PropertyCheck {
  readonly problems: Problem[] = [];
  readonly #template: Template;
  readonly #schemas: ResourceSchemas;

  constructor(template: Template, schemas: ResourceSchemas) {
    this.#template = template;
    this.#schemas = schemas;
  }

  check({ logicalId, type, properties, place }: Resource): void {
    if (WITHOUT_SCHEMA.test(type)) return;
    const schema = this.#schemas.resource(type);
    if (schema === undefined) {
      this.#tell(
        place,
        `${logicalId}: ${type || "nothing"} is no resource type${this.#hint(type, this.#schemas.types())}`,
      );
      return;
    }
    const node = properties ?? { kind: "map", entries: [], place };
    this.#checkProperties(node, schema.properties, `${logicalId} (${type})`);
  }

  #checkProperties(node: TemplateNode, known: Readonly<Record<string, Property>>, path: string): void {
    if (node.kind !== "map") return this.#tell(node.place, `${path}: must be a map`);
    for (const { key, place, value } of node.entries) {
      const property = Object.hasOwn(known, key) ? known[key] : undefined;
      if (property === undefined) {
        this.#tell(place, `${path}: has no property ${key}${this.#hint(key, Object.keys(known))}`);
      } else {
        this.#checkValue(value, property, `${path}.${key}`);
      }
    }
    const given = new Set(node.entries.map(({ key }) => key));
    for (const [key, { required }] of Object.entries(known)) {
      if (required === true && !given.has(key)) this.#tell(node.place, `${path}: needs ${key}`);
    }
  }

  #checkValue(node: TemplateNode, { type, required }: Property, path: string): void {
    for (const branch of branchesOf(node)) {
      if (branch.kind === "function" && resultOf(branch, this.#template) === "nothing") {
        if (required === true) this.#tell(branch.place, `${path}: is needed, and may not be AWS::NoValue`);
      } else {
        this.#checkType(branch, type, path);
      }
    }
  }

  #checkType(node: TemplateNode, type: PropertyType, path: string): void {
    if (type.type === "union") return this.#checkUnion(node, type.types, path);
    if (type.type === "json") return this.#checkJson(node, path);
    if (node.kind === "function") return this.#checkCall(node, type, path);
    if (type.type === "array") {
      if (node.kind !== "list") return this.#tell(node.place, `${path}: must be a list`);
      for (const [index, item] of node.items.entries()) {
        for (const branch of branchesOf(item)) this.#checkType(branch, type.element, `${path}[${index}]`);
      }
    } else if (type.type === "map") {
      if (node.kind !== "map") return this.#tell(node.place, `${path}: must be a map`);
      for (const { key, value } of node.entries) {
        for (const branch of branchesOf(value)) this.#checkType(branch, type.element, `${path}.${key}`);
      }
    } else if (type.type === "ref") {
      this.#checkProperties(node, this.#schemas.propertiesOf(type), path);
    } else if (type.type === "tag") {
      this.#checkTag(node, path);
    } else if (node.kind !== "scalar") {
      this.#tell(node.place, `${path}: must be ${nameOf(type)}`);
    } else {
      this.#checkScalar(node, type, path);
    }
  }

  /** A union is right when one of its types is; what is told is what is wrong with the first that has the shape. */
  #checkUnion(node: TemplateNode, types: readonly PropertyType[], path: string): void {
    const found = types.map((type) => {
      const check = new PropertyCheck(this.#template, this.#schemas);
      check.#checkType(node, type, path);
      return check.problems;
    });
    if (found.some((problems) => problems.length === 0)) return;
    const deepest = found.toSorted((a, b) => (b[0]?.message.length ?? 0) - (a[0]?.message.length ?? 0))[0] ?? [];
    this.problems.push(...deepest);
  }

  #checkJson(node: TemplateNode, path: string): void {
    if (node.kind === "map" || node.kind === "list") return;
    if (node.kind === "function" && resultOf(node, this.#template) !== "list") return;
    // Written as text, it must be JSON.
    if (node.kind === "scalar" && typeof node.value === "string" && isJson(node.value)) return;
    this.#tell(node.place, `${path}: must be a map, or JSON as text`);
  }

  #checkCall(node: TemplateNode & { readonly kind: "function" }, type: PropertyType, path: string): void {
    const result = resultOf(node, this.#template);
    if (result === "condition") return this.#tell(node.place, `${path}: !${node.name} belongs into Conditions`);
    if (result === "unknown") return;
    if (type.type === "array" ? result === "text" : result === "list") {
      return this.#tell(
        node.place,
        `${path}: must be ${nameOf(type)}; !${node.name} gives ${result === "list" ? "a list" : "a text"}`,
      );
    }
    if (type.type === "ref" || type.type === "map" || type.type === "tag") {
      this.#tell(node.place, `${path}: must be a map; !${node.name} gives a text`);
    }
  }

  #checkTag(node: TemplateNode, path: string): void {
    const keys = node.kind === "map" ? node.entries.map(({ key }) => key).toSorted() : [];
    if (keys.join() !== "Key,Value") this.#tell(node.place, `${path}: must have Key and Value`);
  }

  #checkScalar(node: Scalar, type: PropertyType, path: string): void {
    const { value } = node;
    const text = String(value);
    const isRight = value !== null && isOfType(value, type);
    if (!isRight) return this.#tell(node.place, `${path}: must be ${nameOf(type)}`);
    const choices = "allowedValues" in type ? (type.allowedValues ?? []).map(String) : [];
    if (choices.length > 0 && !choices.includes(text)) {
      this.#tell(node.place, `${path}: is ${text}; takes ${choices.slice(0, 12).join(", ")}`);
    }
  }

  #hint(word: string, candidates: readonly string[]): string {
    const near = nearestWord(word, candidates);
    return near === undefined ? "" : `; ${near}?`;
  }

  #tell(place: { readonly line: number; readonly column: number }, message: string): void {
    this.problems.push({ line: place.line, column: place.column, message });
  }
}

/** CloudFormation takes "3" for a number and "true" for a yes, and a number or yes where a text is wanted. */
function isOfType(value: string | number | boolean, { type }: PropertyType): boolean {
  if (type === "integer") return /^-?\d+$/.test(String(value));
  if (type === "number")
    return typeof value !== "boolean" && String(value).trim() !== "" && Number.isFinite(Number(value));
  if (type === "boolean") return /^(true|false)$/.test(String(value));
  return type === "string" || type === "date-time";
}

function nameOf({ type }: PropertyType): string {
  const names: Readonly<Record<string, string>> = {
    string: "a text",
    integer: "a whole number",
    number: "a number",
    boolean: "true or false",
    array: "a list",
    "date-time": "a time",
  };
  return names[type] ?? "a map";
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    // Text of another kind; the caller names the place.
    return false;
  }
}
