import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { digestOf, makeFunctionZip } from "./function-zip.ts";
import { aws, endpointStep, type Step, type Values } from "./step.ts";

/** Stacks in the order in which they stand on each other. */
export const STACKS = ["base", "iot", "records", "consumer", "app"] as const;
export type StackName = (typeof STACKS)[number];

/** What to deploy, and where. */
export type DeployOptions = {
  readonly environment: string;
  readonly region: string;
  /** Stacks to be made. */
  readonly stacks: readonly StackName[];
  readonly alarmEmail: string | undefined;
  /** Whether vehicles publish records to the rule instead of the broker. */
  readonly basicIngest: boolean;
  /** An image that is in the repository already; undefined builds one. */
  readonly imageTag: string | undefined;
  readonly signingKeyArn: string | undefined;
  /** Further parameters of stacks, NAME=VALUE, by stack. */
  readonly parameters: ReadonlyMap<StackName, readonly string[]>;
};

const ROOT = join(import.meta.dirname, "../../..");
const BUILD = join(ROOT, "build/cloud");
const DESCRIPTOR = "config/proto/telemetry.desc";
const NOT_THERE = /ResourceNotFound|ImageNotFound|RepositoryNotFound/;

/** Everything from an empty account to running stacks. Each step does nothing that is done already. */
export function deploySteps(options: DeployOptions): readonly Step[] {
  const of: Readonly<Record<StackName, (options: DeployOptions) => readonly Step[]>> = {
    base: (given) => [stack(given, "base", email(given))],
    iot: (given) => [stack(given, "iot", given.basicIngest ? [`BasicIngestRule=${ruleName(given)}`] : [])],
    records: recordsSteps,
    consumer: consumerSteps,
    app: appSteps,
  };
  return [...questions(options), ...options.stacks.flatMap((name) => of[name](options))];
}

function questions({ region }: DeployOptions): readonly Step[] {
  return [
    {
      kind: "run",
      says: "which account this is",
      command: ["aws", "sts", "get-caller-identity", "--output", "json"],
      learns: { account: "Account" },
    },
    endpointStep(region),
  ];
}

function recordsSteps(options: DeployOptions): readonly Step[] {
  const key = `descriptors/telemetry-${digestOf(readFileSync(join(ROOT, DESCRIPTOR)))}.desc`;
  return [
    upload(options, "the descriptor that rules decode by", DESCRIPTOR, key),
    stack(options, "records", [`DescriptorKey=${key}`, `BasicIngestRule=${ruleName(options)}`]),
  ];
}

function consumerSteps(options: DeployOptions): readonly Step[] {
  const { imageTag } = options;
  return [
    ...workerIdentity(options),
    ...(imageTag === undefined ? imageSteps(options) : []),
    stack(options, "consumer", [
      "IotEndpoint={endpoint}",
      "WorkerSecretArn={secret}",
      `ImageTag=${imageTag ?? "{tag}"}`,
    ]),
  ];
}

/** One certificate for all workers, and its key, in a secret. The key is in no argument, file or line of output. */
function workerIdentity({ environment, region }: DeployOptions): readonly Step[] {
  const secret = `causeway-${environment}-worker-identity`;
  const known = { unless: "secret" } as const;
  return [
    {
      kind: "run",
      says: "whether the workers have a certificate",
      command: [...aws("secretsmanager", "describe-secret", region), "--secret-id", secret],
      learns: { secret: "ARN" },
      absent: NOT_THERE,
    },
    {
      ...known,
      kind: "run",
      says: "a key and a certificate for the workers",
      command: [...aws("iot", "create-keys-and-certificate", region), "--set-as-active"],
      learns: { certificateArn: "certificateArn", certificate: "certificatePem", privateKey: "keyPair.PrivateKey" },
    },
    {
      ...known,
      kind: "run",
      says: "what they may do with it",
      command: [
        ...aws("iot", "attach-policy", region),
        "--policy-name",
        `causeway-${environment}-worker`,
        "--target",
        "{certificateArn}",
      ],
    },
    {
      ...known,
      kind: "make",
      says: "both as a secret",
      learns: "secretRequest",
      make: (values) => Promise.resolve(secretRequest(secret, environment, values)),
    },
    {
      ...known,
      kind: "run",
      says: "which is kept",
      command: [...aws("secretsmanager", "create-secret", region), "--cli-input-json", "file://{file}"],
      file: "secretRequest",
      learns: { secret: "ARN" },
    },
  ];
}

function secretRequest(name: string, environment: string, values: Values): string {
  const [certificate, privateKey] = [values.get("certificate"), values.get("privateKey")];
  return JSON.stringify({
    Name: name,
    Description: "certificate of AWS IoT and key of the consumer's workers",
    SecretString: JSON.stringify({ certificate, privateKey }),
    Tags: tagsOf(environment).map(([Key, Value]) => ({ Key, Value })),
  });
}

function imageSteps({ environment, region }: DeployOptions): readonly Step[] {
  const registry = `{account}.dkr.ecr.${region}.amazonaws.com`;
  const name = `causeway-${environment}-consumer`;
  const image = `${registry}/${name}:{tag}`;
  const known = { unless: "image" } as const;
  return [
    {
      kind: "run",
      says: "which version of the worker this is",
      command: ["git", "-C", ROOT, "rev-parse", "--short=12", "HEAD"],
      learns: { tag: "" },
    },
    {
      kind: "run",
      says: "whether its image is there",
      command: [...aws("ecr", "describe-images", region), "--repository-name", name, "--image-ids", "imageTag={tag}"],
      learns: { image: "" },
      absent: NOT_THERE,
    },
    {
      ...known,
      kind: "run",
      says: "the image of the worker",
      command: [
        "docker",
        "build",
        "--platform",
        "linux/arm64",
        "-f",
        join(ROOT, "agent/consumer/Dockerfile"),
        "-t",
        image,
        ROOT,
      ],
    },
    {
      ...known,
      kind: "run",
      says: "a password for the repository",
      command: ["aws", "ecr", "get-login-password", "--region", region],
      learns: { password: "" },
    },
    {
      ...known,
      kind: "run",
      says: "docker signs in",
      command: ["docker", "login", "--username", "AWS", "--password-stdin", registry],
      stdin: "password",
    },
    { ...known, kind: "run", says: "the image goes there", command: ["docker", "push", image] },
  ];
}

function appSteps(options: DeployOptions): readonly Step[] {
  const { signingKeyArn: key } = options;
  return [
    {
      kind: "make",
      says: `the companion function, joined into a zip below ${BUILD}`,
      learns: "zip",
      make: () => makeFunctionZip(ROOT, BUILD),
    },
    {
      kind: "make",
      says: "its key, which holds a digest",
      learns: "functionKey",
      make: (values) => Promise.resolve(`functions/${basename(values.get("zip") ?? "")}`),
    },
    upload(options, "the zip", "{zip}", "{functionKey}"),
    stack(options, "app", [
      "FunctionKey={functionKey}",
      "IotEndpoint={endpoint}",
      ...(key === undefined ? [] : [`SigningKeyArn=${key}`]),
    ]),
  ];
}

function stack(options: DeployOptions, name: StackName, parameters: readonly string[]): Step {
  const { environment, region } = options;
  return {
    kind: "run",
    says: `the stack ${name}`,
    command: [
      "aws",
      "cloudformation",
      "deploy",
      "--template-file",
      join(ROOT, `config/aws/${name}.yaml`),
      "--stack-name",
      `causeway-${environment}-${name}`,
      "--region",
      region,
      "--capabilities",
      "CAPABILITY_NAMED_IAM",
      "--no-fail-on-empty-changeset",
      "--tags",
      ...tagsOf(environment).map(([key, value]) => `${key}=${value}`),
      "--parameter-overrides",
      `Environment=${environment}`,
      ...parameters,
      ...(options.parameters.get(name) ?? []),
    ],
  };
}

function upload({ environment, region }: DeployOptions, says: string, from: string, key: string): Step {
  const bucket = `causeway-${environment}-artifacts-{account}-${region}`;
  const file = from.startsWith("{") ? from : join(ROOT, from);
  return { kind: "run", says, command: ["aws", "s3", "cp", file, `s3://${bucket}/${key}`, "--region", region] };
}

function email({ alarmEmail }: DeployOptions): readonly string[] {
  return alarmEmail === undefined ? [] : [`AlarmEmail=${alarmEmail}`];
}

/** Names of rules take no hyphen. */
function ruleName({ environment }: Pick<DeployOptions, "environment">): string {
  return `causeway_${environment.replaceAll("-", "_")}_records`;
}

function tagsOf(environment: string): readonly (readonly [string, string])[] {
  return [
    ["application", "causeway"],
    ["environment", environment],
  ];
}

/** Policies of vehicles by the end of their names: none can be deleted while it is attached to a certificate. */
export const VEHICLE_POLICIES = [
  "records",
  "commands",
  "cbor-commands",
  "protobuf-commands",
  "jobs",
  "artifacts",
  "campaigns",
  "changes",
  "identity",
] as const;
/** Only there where the stack is told the prefix of FleetWise. */
const FLEETWISE_POLICY = "fleetwise";

/** Takes the stacks away, the last first. What holds data stays: buckets, tables, keys, users. */
export function deleteSteps({ environment, region }: Pick<DeployOptions, "environment" | "region">): readonly Step[] {
  const name = (part: string): string => `causeway-${environment}-${part}`;
  const remove = (stackName: StackName): readonly Step[] => [
    {
      kind: "run",
      says: `the stack ${stackName} goes`,
      command: ["aws", "cloudformation", "delete-stack", "--stack-name", name(stackName), "--region", region],
    },
    {
      kind: "run",
      says: "and is gone",
      command: [
        "aws",
        "cloudformation",
        "wait",
        "stack-delete-complete",
        "--stack-name",
        name(stackName),
        "--region",
        region,
      ],
    },
  ];
  const detached = (policy: string): Step => ({
    kind: "each",
    says: `who has the policy ${policy}`,
    command: [...aws("iot", "list-targets-for-policy", region), "--policy-name", name(policy)],
    path: "targets",
    absent: NOT_THERE,
    steps: [
      {
        kind: "run",
        says: "no longer",
        command: [...aws("iot", "detach-policy", region), "--policy-name", name(policy), "--target", "{item}"],
      },
    ],
  });
  return [
    ...remove("app"),
    ...remove("consumer"),
    {
      kind: "run",
      says: "the workers' certificate and key",
      command: [
        ...aws("secretsmanager", "delete-secret", region),
        "--secret-id",
        name("worker-identity"),
        "--force-delete-without-recovery",
      ],
      absent: NOT_THERE,
    },
    ...remove("records"),
    ...["worker", "claim", ...[...VEHICLE_POLICIES, FLEETWISE_POLICY].map((part) => `vehicle-${part}`)].map(detached),
    ...remove("iot"),
    ...remove("base"),
  ];
}
