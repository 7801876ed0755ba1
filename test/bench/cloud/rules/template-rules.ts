import { readFileSync } from "node:fs";
import { LONGEST_PSEUDO, Resolver } from "../../../../scripts/stacks/resolve.ts";
import { readTemplate, type Template } from "../../../../scripts/stacks/template.ts";
import { type TopicRule, topicRule } from "./rules-engine.ts";

/**
 * A template of config/aws as a stack with `parameters` would have it; what is not given has its default. They may also say what a pseudo
 * parameter or a resource is called. What other stacks export is called by its name.
 */
export class DeployedTemplate {
  readonly #template: Template;
  readonly #resolver: Resolver;

  constructor(file: string, parameters: Readonly<Record<string, string>> = {}) {
    const { template, problems } = readTemplate(file, readFileSync(file, "utf8"));
    if (template === undefined) throw new Error(`${file}: ${problems.map(({ message }) => message).join("; ")}`);
    this.#template = template;
    const pseudo = { ...LONGEST_PSEUDO, ...parameters };
    this.#resolver = new Resolver(template, { parameters, pseudo, imported: (name) => name });
  }

  /** The rules that the stack has. */
  rules(): TopicRule[] {
    return this.resources("AWS::IoT::TopicRule").map((properties) => topicRule.parse(properties));
  }

  /** The properties of each resource of the type. */
  resources(type: string): unknown[] {
    return [...this.#template.resources.values()].flatMap((resource) => {
      const { condition, properties } = resource;
      const isThere = resource.type === type && (condition === undefined || this.#resolver.holds(condition));
      return isThere && properties !== undefined ? [this.#resolver.value(properties)] : [];
    });
  }
}
