import { readFileSync } from "node:fs";
import { Resolver } from "../../../../scripts/stacks/resolve.ts";
import { readTemplate, type Template } from "../../../../scripts/stacks/template.ts";
import { child } from "../../../../scripts/stacks/template-node.ts";
import { type TopicRule, topicRule } from "./rules-engine.ts";

/** A template of config/aws as a stack would have it, with what is given as `Resolver` takes it. */
export class DeployedTemplate {
  readonly template: Template;
  readonly #resolver: Resolver;

  constructor(file: string, given: Readonly<Record<string, string>> = {}) {
    const { template, problems } = readTemplate(file, readFileSync(file, "utf8"));
    if (template === undefined) throw new Error(`${file}: ${problems.map(({ message }) => message).join("; ")}`);
    this.template = template;
    this.#resolver = new Resolver(template, given);
  }

  /** The rules that the stack has. */
  rules(): TopicRule[] {
    return this.resources("AWS::IoT::TopicRule").map((properties) => topicRule.parse(properties));
  }

  /** The properties of each resource of the type. */
  resources(type: string): unknown[] {
    return [...this.template.resources.values()].flatMap((resource) => {
      const { condition, properties } = resource;
      const isThere = resource.type === type && (condition === undefined || this.#resolver.holds(condition));
      return isThere && properties !== undefined ? [this.#resolver.value(properties)] : [];
    });
  }

  /** A property below a resource, by its path. Throws for one that is not there. */
  property(logicalId: string, ...path: readonly string[]): unknown {
    let node = this.template.resources.get(logicalId)?.properties;
    for (const key of path) node = node?.kind === "list" ? node.items[Number(key)] : child(node, key);
    if (node === undefined) throw new Error(`${logicalId} has no ${path.join(".")}`);
    return this.#resolver.value(node);
  }
}
