import { readFileSync } from "node:fs";
import { parseDocument, type Scalar, type YAMLMap, type YAMLSeq } from "yaml";
import { z } from "zod";
import { type TopicRule, topicRule } from "./rules-engine.ts";

const template = z.looseObject({
  Parameters: z.record(z.string(), z.looseObject({ Default: z.union([z.string(), z.number()]).optional() })),
  Conditions: z.record(z.string(), z.unknown()).default({}),
  Resources: z.record(
    z.string(),
    z.looseObject({ Type: z.string(), Condition: z.string().optional(), Properties: z.unknown() }),
  ),
});

/** Functions of CloudFormation in their short form. */
const FUNCTIONS = ["Sub", "Ref", "GetAtt", "ImportValue", "If", "Equals", "Not"] as const;
const TAGS = FUNCTIONS.flatMap((name) => [
  { tag: `!${name}`, resolve: (text: string) => ({ [`!${name}`]: text }) },
  { tag: `!${name}`, collection: "seq" as const, resolve: (node: YAMLMap | YAMLSeq) => called(name, node) },
  { tag: `!${name}`, collection: "map" as const, resolve: (node: YAMLMap | YAMLSeq) => called(name, node) },
]);

/** A template of config/aws with its functions worked out, as a stack with `parameters` would have it; what is not given has its default. */
export class DeployedTemplate {
  readonly #template: z.infer<typeof template>;
  readonly #parameters: Readonly<Record<string, string>>;

  constructor(file: string, parameters: Readonly<Record<string, string>> = {}) {
    const document = parseDocument(readFileSync(file, "utf8"), { customTags: TAGS });
    const [fault] = [...document.errors, ...document.warnings];
    if (fault !== undefined) throw fault;
    this.#template = template.parse(document.toJS());
    this.#parameters = parameters;
  }

  /** The rules that the stack has. */
  rules(): TopicRule[] {
    return this.resources("AWS::IoT::TopicRule").map((properties) => topicRule.parse(properties));
  }

  /** The properties of each resource of the type, by its name in the template. References to other resources are their names. */
  resources(type: string): unknown[] {
    return Object.values(this.#template.Resources)
      .filter((resource) => resource.Type === type && this.#holds(resource.Condition))
      .map(({ Properties }) => this.#resolve(Properties));
  }

  #holds(condition: string | undefined): boolean {
    return condition === undefined || this.#resolve(this.#template.Conditions[condition]) === true;
  }

  #resolve(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((one) => this.#resolve(one));
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value);
    const [[name, argument] = ["", undefined]] = entries;
    const call = /^(?:!|Fn::)(\w+)$/.exec(name)?.[1] ?? (name === "Ref" ? name : undefined);
    if (entries.length === 1 && call !== undefined) return this.#call(call, argument);
    return Object.fromEntries(entries.map(([key, one]) => [key, this.#resolve(one)]));
  }

  #call(name: string, argument: unknown): unknown {
    const list = Array.isArray(argument) ? argument : [argument];
    switch (name) {
      case "Ref":
        return this.#named(String(argument));
      case "GetAtt":
        return String(argument);
      case "ImportValue":
        return String(this.#resolve(argument));
      case "Equals":
        return this.#resolve(list[0]) === this.#resolve(list[1]);
      case "Not":
        return this.#resolve(list[0]) !== true;
      case "If":
        return this.#resolve(this.#holds(String(list[0])) ? list[1] : list[2]);
      case "Sub": {
        const more = z.record(z.string(), z.unknown()).parse(list[1] ?? {});
        return String(list[0]).replace(/\$\{([\w:.]+)\}/g, (_, key: string) =>
          key in more ? String(this.#resolve(more[key])) : this.#named(key),
        );
      }
      default:
        throw new Error(`the bench does not know ${name} of CloudFormation`);
    }
  }

  #named(name: string): string {
    const { Default } = this.#template.Parameters[name] ?? {};
    return this.#parameters[name] ?? (Default === undefined ? name : String(Default));
  }
}

function called(name: string, node: YAMLMap | YAMLSeq | Scalar): unknown {
  const argument: unknown = node.toJSON();
  return { [`!${name}`]: argument };
}
