import { readFileSync } from "node:fs";
import { join } from "node:path";
import { LONGEST_PSEUDO, Resolver } from "../../../scripts/stacks/resolve.ts";
import { readTemplate, type Template } from "../../../scripts/stacks/template.ts";
import { child } from "../../../scripts/stacks/template-node.ts";
import { type IotPolicy, iotPolicy } from "../../bench/cloud/iot-policy.ts";
import { ANY, THING, type Use } from "./used-topics.ts";

/** A template of this project by its name, for example "iot". */
export function templateNamed(name: string): Template {
  const file = `config/aws/${name}.yaml`;
  const { template } = readTemplate(file, readFileSync(join(import.meta.dirname, "../../..", file), "utf8"));
  if (template === undefined) throw new Error(`${file} is no template`);
  return template;
}

/** Fills a template in, as a stack of the environment "dev" would be. */
export function resolverOf(template: Template, parameters: Readonly<Record<string, string>> = {}): Resolver {
  return new Resolver(template, { parameters, pseudo: LONGEST_PSEUDO, imported: (name) => name });
}

/** Policies of AWS IoT whose name holds a text, as they are in a stack with these parameters. */
export function policiesNamed(part: string, parameters: Readonly<Record<string, string>> = {}): readonly IotPolicy[] {
  const template = templateNamed("iot");
  const resolver = resolverOf(template, parameters);
  return [...template.resources.values()]
    .filter(({ type, properties }) => {
      const name = child(properties, "PolicyName");
      return type === "AWS::IoT::Policy" && name !== undefined && resolver.text(name).includes(part);
    })
    .map(({ properties }) => {
      const document = child(properties, "PolicyDocument");
      return iotPolicy.parse(document === undefined ? undefined : resolver.value(document));
    });
}

/** What policies grant, an action and a resource each, with the markers of what is used. */
export function grantsOf(policies: readonly IotPolicy[]): readonly Use[] {
  return policies
    .flatMap(({ Statement: statements }) => statements)
    .flatMap(({ Action: actions, Resource: resources }) =>
      actions.flatMap((action) => resources.map((resource) => `${action} ${resource.split(":").slice(5).join(":")}`)),
    )
    .map((grant) => grant.replaceAll("${iot:Connection.Thing.ThingName}", THING).replaceAll("*", ANY));
}
