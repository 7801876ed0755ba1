import { Resolver } from "../resolve.ts";
import type { Resource, Template } from "../template.ts";
import { child, type Problem, type TemplateNode, textOf, walk } from "../template-node.ts";
import { referencesIn } from "./references.ts";

/** What would lose data with its stack. */
const HOLDS_DATA: ReadonlySet<string> = new Set([
  "AWS::DynamoDB::Table",
  "AWS::S3::Bucket",
  "AWS::KMS::Key",
  "AWS::Cognito::UserPool",
  "AWS::ACMPCA::CertificateAuthority",
]);

/** Names that are not of what they are set on. */
const FOREIGN_NAMES: ReadonlySet<string> = new Set(["DomainName", "MetricName", "StageName"]);

/** Names that an account, or the world, has once: another region's stack needs another. */
const NAMES_OF_ALL_REGIONS: ReadonlySet<string> = new Set(["RoleName", "BucketName"]);

/** What this project asks of its templates beyond what CloudFormation does: names, defaults, what outlives a stack, the SQL of rules. */
export function houseProblems(template: Template): readonly Problem[] {
  const resolver = new Resolver(template);
  return [
    ...[...template.parameters.values()]
      .filter(({ defaultValue }) => defaultValue === undefined)
      .map(({ name, place }) => ({ ...place, message: `parameter ${name} has no default` })),
    ...emptyDefaults(template),
    ...(template.parameters.has("Environment")
      ? []
      : [{ line: 1, column: 1, message: "has no parameter Environment" }]),
    ...[...template.resources.values()].flatMap((resource) => [
      ...retentionProblems(resource),
      ...ruleProblems(resource),
      ...nameProblems(resource, resolver),
    ]),
    ...template.outputs.flatMap(({ name, exportName, place }) => {
      const exported = exportName === undefined ? undefined : resolver.text(exportName);
      if (exported === undefined) return [{ ...place, message: `output ${name} is not exported` }];
      return exported.startsWith("causeway-dev-") && /^[a-z0-9-]+$/.test(exported)
        ? []
        : [{ ...place, message: `output ${name}: is exported as ${exported}; names begin causeway-\${Environment}-` }];
    }),
  ];
}

/** An empty text is no value: a condition must say what it stands for, or a rule of the template that something must be given. */
function emptyDefaults({ parameters, root }: Template): readonly Problem[] {
  const compared = ["Conditions", "Rules"]
    .flatMap((section) => child(root, section) ?? [])
    .flatMap((section) => [...walk(section)])
    .flatMap((node) => (node.kind === "function" && node.name === "Equals" ? [node.argument] : []))
    .flatMap((pair) => (pair.kind === "list" && pair.items.some((item) => textOf(item) === "") ? pair.items : []))
    .flatMap((item) => (item.kind === "function" && item.name === "Ref" ? [textOf(item.argument)] : []));
  return [...parameters.values()]
    .filter(({ name, defaultValue }) => textOf(defaultValue) === "" && !compared.includes(name))
    .map(({ name, place }) => ({ ...place, message: `parameter ${name}: no condition or rule compares it with ""` }));
}

function retentionProblems({ logicalId, type, attributes, place }: Resource): readonly Problem[] {
  if (!HOLDS_DATA.has(type)) return [];
  return ["DeletionPolicy", "UpdateReplacePolicy"]
    .filter((name) => attributes.every(({ key }) => key !== name))
    .map((name) => ({ ...place, message: `${logicalId}: holds data and has no ${name}` }));
}

/** Left out, AWS IoT takes the SQL of 2015, which empties arrays without a word. */
function ruleProblems({ logicalId, type, properties, place }: Resource): readonly Problem[] {
  if (type !== "AWS::IoT::TopicRule") return [];
  const version = child(child(properties, "TopicRulePayload"), "AwsIotSqlVersion");
  if (textOf(version) === "2016-03-23") return [];
  return [{ ...(version?.place ?? place), message: `${logicalId}: AwsIotSqlVersion must be "2016-03-23"` }];
}

function nameProblems({ logicalId, type, properties }: Resource, resolver: Resolver): readonly Problem[] {
  // Named within their role, and after what they lead to.
  if (type === "AWS::IAM::RolePolicy" || type === "AWS::EC2::VPCEndpoint") return [];
  const entries = properties?.kind === "map" ? properties.entries : [];
  return entries
    .filter(({ key, value }) => /^(\w+Name|RoleAlias)$/.test(key) && isOwnName(value) && !FOREIGN_NAMES.has(key))
    .flatMap(({ key, value }) => {
      const name = resolver.text(value);
      if (NAMES_OF_ALL_REGIONS.has(key) && !namesRegion(value))
        return [
          { ...value.place, message: `${logicalId}.${key}: is ${name}; names of this kind hold \${AWS::Region}` },
        ];
      const bare = name.replace(/^(\/aws\/\w+\/|\/ecs\/|alias\/)/, "");
      return /^causeway[-_]dev([-_]|$)/.test(bare)
        ? []
        : [{ ...value.place, message: `${logicalId}.${key}: is ${name}; names begin causeway-\${Environment}-` }];
    });
}

function namesRegion(node: TemplateNode): boolean {
  return referencesIn(node).some((one) => one.kind === "ref" && one.name === "AWS::Region");
}

/** A name that is made here, and not that of something else. */
function isOwnName(node: TemplateNode): boolean {
  if (node.kind === "scalar") return true;
  return (
    [...walk(node)].every((one) => one.kind !== "function" || !["GetAtt", "ImportValue"].includes(one.name)) &&
    node.kind === "function" &&
    node.name !== "Ref"
  );
}
