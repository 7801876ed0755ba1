import type { Parameter, Resource, Template } from "./template.ts";
import { child, entriesOf, type TemplateNode, textOf } from "./template-node.ts";

/** Where a stack of tests and checks stands: the longest names that AWS has. */
const LONGEST_PSEUDO = {
  "AWS::Partition": "aws-us-gov",
  "AWS::Region": "ap-southeast-1",
  "AWS::AccountId": "123456789012",
  "AWS::URLSuffix": "amazonaws.com",
  "AWS::StackName": "causeway-environment-consumer",
} as const;

/**
 * Values of a template as CloudFormation would fill them in. `given` may say what a parameter is, and what a pseudo parameter or a
 * resource is called; otherwise parameters have their defaults, and resources the names in the template or else their logical ids.
 * What another stack exports is called by its name.
 */
export class Resolver {
  readonly #template: Template;
  readonly #given: Readonly<Record<string, string>>;

  constructor(template: Template, given: Readonly<Record<string, string>> = {}) {
    this.#template = template;
    this.#given = { ...LONGEST_PSEUDO, ...given };
  }

  /** The value of a node; undefined for AWS::NoValue. */
  value(node: TemplateNode): unknown {
    if (node.kind === "scalar") return node.value;
    if (node.kind === "list") return node.items.map((item) => this.value(item)).filter((item) => item !== undefined);
    if (node.kind === "map") {
      const entries = node.entries.map(({ key, value }) => [key, this.value(value)] as const);
      return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
    }
    return this.#call(node.name, node.argument);
  }

  /** The value of a node as text. */
  text(node: TemplateNode | undefined): string {
    return textValue(node === undefined ? undefined : this.value(node));
  }

  /** Whether a condition holds. */
  holds(name: string): boolean {
    const condition = this.#template.conditions.get(name)?.value;
    return condition !== undefined && this.#isTrue(condition);
  }

  /** What `Ref` of a resource gives where its name is a property that is set (AWS documentation: return values of the types used here). */
  nameOf(resource: Resource): string {
    const named = entriesOf(resource.properties).find(({ key }) => NAMES.has(key));
    return named === undefined ? resource.logicalId : this.text(named.value);
  }

  #call(name: string, argument: TemplateNode): unknown {
    const items = argument.kind === "list" ? argument.items : [argument];
    const [first, second, third] = items;
    switch (name) {
      case "Ref":
        return this.#ref(textOf(argument) ?? "");
      case "GetAtt":
        return this.#attribute(items.map((item) => this.text(item)).join("."));
      case "Sub":
        return this.#substituted(this.text(first), second);
      case "ImportValue":
        return this.text(argument);
      case "If":
        return this.holds(textOf(first) ?? "") ? this.#optional(second) : this.#optional(third);
      case "Join":
        return second === undefined ? "" : this.#list(second).join(this.text(first));
      case "Split":
        return this.text(second).split(this.text(first));
      case "Select":
        return second === undefined ? "" : (this.#list(second)[Number(this.text(first))] ?? "");
      case "GetAZs":
        return ["a", "b", "c"].map((zone) => `${this.#given["AWS::Region"] ?? ""}${zone}`);
      case "Base64":
        return Buffer.from(this.text(argument)).toString("base64");
      default:
        return this.#isTrue({ kind: "function", name, argument, place: argument.place });
    }
  }

  #optional(node: TemplateNode | undefined): unknown {
    return node === undefined ? undefined : this.value(node);
  }

  #list(node: TemplateNode): readonly string[] {
    const value = this.value(node);
    return Array.isArray(value) ? value.map(String) : [String(value)];
  }

  #ref(name: string): unknown {
    if (name === "AWS::NoValue") return undefined;
    const parameter = this.#template.parameters.get(name);
    if (parameter !== undefined) return this.#parameter(parameter);
    const given = this.#given[name];
    if (given !== undefined) return given;
    const resource = this.#template.resources.get(name);
    return resource === undefined ? name : this.nameOf(resource);
  }

  #parameter({ name, type, defaultValue: node }: Parameter): unknown {
    const text = this.#given[name] ?? (node?.kind === "scalar" ? String(node.value ?? "") : "");
    return /List/.test(type) ? text.split(",") : text;
  }

  #attribute(path: string): string {
    const [id = "", ...rest] = path.split(".");
    const resource = this.#template.resources.get(id);
    const name = resource === undefined ? id : this.nameOf(resource);
    const { "AWS::Partition": partition, "AWS::Region": region, "AWS::AccountId": account } = this.#given;
    return rest.join(".") === "Arn"
      ? `arn:${partition}:${serviceOf(resource)}:${region}:${account}:${name}`
      : `${name}.${rest.join(".")}`;
  }

  #substituted(text: string, given: TemplateNode | undefined): string {
    return text.replace(/\$\{([^{}]+)\}/g, (_, inner: string) => {
      if (inner.startsWith("!")) return `\${${inner.slice(1)}}`;
      const own = child(given, inner.trim());
      if (own !== undefined) return this.text(own);
      return inner.includes(".") ? this.#attribute(inner.trim()) : textValue(this.#ref(inner.trim()));
    });
  }

  #isTrue(node: TemplateNode): boolean {
    if (node.kind !== "function") return false;
    const items = node.argument.kind === "list" ? node.argument.items : [node.argument];
    switch (node.name) {
      case "Condition":
        return this.holds(textOf(node.argument) ?? "");
      case "Not":
        return items[0] !== undefined && !this.#isTrue(items[0]);
      case "And":
        return items.every((item) => this.#isTrue(item));
      case "Or":
        return items.some((item) => this.#isTrue(item));
      default:
        return node.name === "Equals" && this.text(items[0]) === this.text(items[1]);
    }
  }
}

/** Properties that are the name of what has them. */
const NAMES: ReadonlySet<string> = new Set([
  "PolicyName",
  "ThingTypeName",
  "TemplateName",
  "TableName",
  "BucketName",
  "FunctionName",
  "RoleName",
  "RoleAlias",
  "RuleName",
  "TopicName",
  "LogGroupName",
  "RepositoryName",
  "ClusterName",
  "ServiceName",
  "AlarmName",
]);

function textValue(value: unknown): string {
  if (Array.isArray(value)) return value.map(textValue).join(",");
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

function serviceOf(resource: Resource | undefined): string {
  return (resource?.type.split("::")[1] ?? "").toLowerCase();
}
