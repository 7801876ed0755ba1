import { z } from "zod";
import { type IotPolicy, iotPolicy } from "../../bench/cloud/iot-policy.ts";
import { DeployedTemplate } from "../../bench/cloud/rules/template-rules.ts";
import { ANY, THING, type Use } from "./used-topics.ts";

const policyProperties = z.looseObject({ PolicyName: z.string(), PolicyDocument: iotPolicy });

/** Policies of AWS IoT whose name holds a text, as they are in a stack with these parameters. */
export function policiesNamed(part: string, parameters: Readonly<Record<string, string>> = {}): readonly IotPolicy[] {
  return new DeployedTemplate("config/aws/iot.yaml", parameters)
    .resources("AWS::IoT::Policy")
    .map((properties) => policyProperties.parse(properties))
    .filter(({ PolicyName: name }) => name.includes(part))
    .map(({ PolicyDocument: document }) => document);
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
