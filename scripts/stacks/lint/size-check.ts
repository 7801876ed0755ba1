import { Resolver } from "../resolve.ts";
import type { Template } from "../template.ts";
import { child, entriesOf, type Problem, type TemplateNode } from "../template-node.ts";

/** Bytes of a template that is sent as such (CloudFormation quotas); a larger one goes by a bucket. */
const MAX_TEMPLATE_BYTES = 51_200;
/** Characters, without white space, of a policy of AWS IoT (AWS IoT Core quotas), of all policies in a role, and of who may assume it (IAM quotas). */
const MAX_POLICY = { iot: 2048, inline: 10_240, trust: 2048 } as const;
/** Characters of a description (CloudFormation quotas). */
const MAX_DESCRIPTION = 1024;

/** What is longer than the provider takes, measured with the longest partition, region and environment that there are. */
export function sizeProblems(template: Template): readonly Problem[] {
  const resolver = new Resolver(template, { Environment: "e".repeat(16) });
  const bytes = Buffer.byteLength(template.text);
  const whole = { line: 1, column: 1 };
  const description = resolver.text(child(template.root, "Description"));
  return [
    ...(bytes > MAX_TEMPLATE_BYTES
      ? [{ ...whole, message: `${bytes} bytes; CloudFormation takes ${MAX_TEMPLATE_BYTES}` }]
      : []),
    ...(description.length > MAX_DESCRIPTION || description === ""
      ? [{ ...whole, message: `Description: must be 1 to ${MAX_DESCRIPTION} characters` }]
      : []),
    ...[...template.resources.values()].flatMap(({ logicalId, type, properties, place }) => {
      const told = (kind: keyof typeof MAX_POLICY, nodes: readonly TemplateNode[]): readonly Problem[] => {
        const length = nodes.reduce((sum, node) => sum + policyLength(resolver.value(node)), 0);
        if (length <= MAX_POLICY[kind]) return [];
        return [
          { ...place, message: `${logicalId}: ${length} characters of policy; the limit is ${MAX_POLICY[kind]}` },
        ];
      };
      const document = child(properties, "PolicyDocument");
      if (type === "AWS::IoT::Policy" && document !== undefined) return told("iot", [document]);
      if (type !== "AWS::IAM::Role") return [];
      const trust = child(properties, "AssumeRolePolicyDocument");
      const inline = child(properties, "Policies");
      const documents = (inline?.kind === "list" ? inline.items : []).flatMap((policy) =>
        entriesOf(policy).flatMap(({ key, value }) => (key === "PolicyDocument" ? [value] : [])),
      );
      return [...told("trust", trust === undefined ? [] : [trust]), ...told("inline", documents)];
    }),
  ];
}

/** Characters of a policy without white space, as AWS counts them. */
export function policyLength(document: unknown): number {
  return JSON.stringify(document).replace(/\s/g, "").length;
}
