import { z } from "zod";
import { AgentError } from "../../../agent/core/errors.ts";
import { locateIn, readYamlFile } from "../../../config/yaml-file.ts";

/** List prices that an estimate needs: what one costs, and where the provider says so. */
export const PRICE_LIST = {
  iotMinutesPerMillion: ["minutes of connection, a million", "AWS IoT Core pricing, Connectivity"],
  iotMessagesPerMillion: ["messages, a million; 5 KB each", "AWS IoT Core pricing, Messaging"],
  iotShadowAndRegistryPerMillion: [
    "operations, a million; 1 KB each",
    "AWS IoT Core pricing, Device Shadow and Registry",
  ],
  iotRulesPerMillion: ["rules triggered, a million; 5 KB each", "AWS IoT Core pricing, Rules Engine"],
  iotRuleActionsPerMillion: ["actions of rules, a million; 5 KB each", "AWS IoT Core pricing, Rules Engine"],
  iotRemoteActions: ["remote actions (an execution of a job), one", "AWS IoT Device Management pricing, Jobs"],
  dynamodbWritesPerMillion: [
    "write request units, a million; 1 KB each",
    "Amazon DynamoDB pricing, on-demand capacity",
  ],
  dynamodbReadsPerMillion: ["read request units, a million; 4 KB each", "Amazon DynamoDB pricing, on-demand capacity"],
  dynamodbGbMonth: ["storage, a GB and month", "Amazon DynamoDB pricing, data storage"],
  dynamodbBackupGbMonth: ["point-in-time recovery, a GB and month", "Amazon DynamoDB pricing, backup"],
  fargateVcpuHour: ["a vCPU and hour, Linux on ARM", "AWS Fargate pricing"],
  fargateGbHour: ["a GB and hour, Linux on ARM", "AWS Fargate pricing"],
  publicIpHour: ["a public IPv4 address and hour", "Amazon VPC pricing"],
  s3GbMonth: ["storage, a GB and month", "Amazon S3 pricing, S3 Standard"],
  dataOutGb: ["to the internet, a GB", "Amazon EC2 pricing, data transfer"],
  lambdaRequestsPerMillion: ["requests, a million", "AWS Lambda pricing"],
  lambdaGbSecond: ["a GB and second, ARM", "AWS Lambda pricing"],
  httpApiPerMillion: ["requests to an HTTP API, a million", "Amazon API Gateway pricing"],
  cognitoUserMonth: ["an active user and month, Essentials", "Amazon Cognito pricing"],
  kmsKeyMonth: ["a key and month", "AWS KMS pricing"],
  kmsSignaturesPer10000: ["requests with an ECC key, ten thousand", "AWS KMS pricing"],
  logsGb: ["logs taken in, a GB", "Amazon CloudWatch pricing, Logs"],
  metricMonth: ["a metric and month", "Amazon CloudWatch pricing, Metrics"],
  alarmMonth: ["an alarm and month", "Amazon CloudWatch pricing, Alarms"],
  secretMonth: ["a secret and month", "AWS Secrets Manager pricing"],
} as const;
export type PriceName = keyof typeof PRICE_LIST;
export type Prices = { readonly currency: string; readonly of: Readonly<Record<PriceName, number>> };

const fileShape = z.strictObject({
  schemaVersion: z.literal(1),
  currency: z.string().regex(/^[A-Z]{3}$/, "must be three capital letters (ISO 4217)"),
  prices: z.record(z.string(), z.unknown()),
});
const price = z.number().min(0).max(1_000_000);

/** Reads list prices that somebody has filled in. Throws `input.malformed` that names each line without a price. */
export async function readPrices(path: string): Promise<Prices> {
  const file = await readYamlFile(path);
  const shape = fileShape.safeParse(file.value);
  if (!shape.success) {
    throw refused(
      shape.error.issues.map(
        ({ path: keys, message }) => `${locateIn([file], keys.map(key))} ${keys.join(".")}: ${message}`,
      ),
    );
  }
  const { prices, currency } = shape.data;
  const problems: string[] = [];
  const of: Partial<Record<PriceName, number>> = {};
  for (const name of names()) {
    const read = price.safeParse(prices[name]);
    const [unit, where] = PRICE_LIST[name];
    if (read.success) of[name] = read.data;
    else
      problems.push(
        `${locateIn([file], ["prices", name])} prices.${name}: has no price: ${currency} for ${unit} (${where})`,
      );
  }
  for (const name of Object.keys(prices)) {
    if (!Object.hasOwn(PRICE_LIST, name))
      problems.push(`${locateIn([file], ["prices", name])} prices.${name}: is no price that is asked for`);
  }
  if (problems.length > 0 || !isWhole(of)) throw refused(problems);
  return { currency, of };
}

/** Names of all prices. */
export function names(): readonly PriceName[] {
  return Object.keys(PRICE_LIST).filter((name): name is PriceName => Object.hasOwn(PRICE_LIST, name));
}

function isWhole(of: Partial<Record<PriceName, number>>): of is Record<PriceName, number> {
  return names().every((name) => of[name] !== undefined);
}

function key(one: PropertyKey): string | number {
  return typeof one === "symbol" ? one.toString() : one;
}

function refused(problems: readonly string[]): AgentError {
  return new AgentError("input.malformed", {
    what: problems.join("\n"),
    remedy: "copy config/aws/prices.example.yaml and fill in the list prices of your region; nothing is assumed here",
  });
}
