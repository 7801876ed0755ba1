import { z } from "zod";
import { type RuleMessage, RuleSql, type Scope, type SqlSurroundings } from "./rule-sql.ts";
import { membersOf, type SqlValue } from "./sql-value.ts";

const roleArn = z.string();
const action = z.union([
  z.strictObject({
    DynamoDBv2: z.strictObject({ PutItem: z.strictObject({ TableName: z.string() }), RoleArn: roleArn }),
  }),
  z.strictObject({
    CloudwatchMetric: z.strictObject({
      MetricNamespace: z.string(),
      MetricName: z.string(),
      MetricValue: z.string(),
      MetricUnit: z.string(),
      RoleArn: roleArn,
    }),
  }),
  z.strictObject({ S3: z.strictObject({ BucketName: z.string(), Key: z.string(), RoleArn: roleArn }) }),
  z.strictObject({ Lambda: z.strictObject({ FunctionArn: z.string() }) }),
  z.strictObject({
    CloudwatchLogs: z.strictObject({ LogGroupName: z.string(), BatchMode: z.boolean().optional(), RoleArn: roleArn }),
  }),
]);
type Action = z.infer<typeof action>;

/** The properties of AWS::IoT::TopicRule, as far as the templates use them. */
export const topicRule = z.strictObject({
  RuleName: z.string().regex(/^\w{1,128}$/),
  TopicRulePayload: z.strictObject({
    Sql: z.string(),
    AwsIotSqlVersion: z.string().optional(),
    Description: z.string().optional(),
    RuleDisabled: z.boolean().default(false),
    Actions: z.array(action).min(1).max(10),
    ErrorAction: action.optional(),
  }),
  Tags: z.unknown().optional(),
});
export type TopicRule = z.infer<typeof topicRule>;

/** Where actions of rules end. A rejected promise is a failed action. */
export type RuleServices = {
  /** Attributes at the root of the item. */
  putItem(table: string, item: Readonly<Record<string, SqlValue>>): Promise<void>;
  putMetric(metric: {
    readonly namespace: string;
    readonly name: string;
    readonly value: number;
    readonly unit: string;
  }): Promise<void>;
  putObject(bucket: string, key: string, body: Uint8Array): Promise<void>;
  invoke(functionArn: string, event: SqlValue): Promise<void>;
  putLog(group: string, entry: SqlValue): Promise<void>;
};

type Failure = { readonly failedAction: string; readonly failedResource: string; readonly errorMessage: string };
type LoadedRule = { readonly rule: TopicRule; readonly sql: RuleSql };

/** The rules engine of AWS IoT Core, as far as the rules of config/aws use it: see the README of the bench. */
export class RulesEngine {
  readonly #rules: readonly LoadedRule[];
  readonly #surroundings: SqlSurroundings;
  readonly #services: RuleServices;

  /** Throws for a rule whose statement cannot be read. */
  constructor(rules: readonly TopicRule[], surroundings: SqlSurroundings, services: RuleServices) {
    this.#rules = rules
      .filter(({ TopicRulePayload }) => !TopicRulePayload.RuleDisabled)
      .map((rule) => ({ rule, sql: new RuleSql(rule.TopicRulePayload.Sql, rule.TopicRulePayload.AwsIotSqlVersion) }));
    this.#surroundings = surroundings;
    this.#services = services;
  }

  /** Runs each rule that `message` is for: by Basic Ingest the one that its topic names, otherwise those whose filter it fits. Gives their names. */
  async publish(message: RuleMessage): Promise<string[]> {
    const [, named, topic = message.topic] = /^\$aws\/rules\/(\w+)\/(.+)$/.exec(message.topic) ?? [];
    const seen = { ...message, topic };
    const ran: string[] = [];
    for (const { rule, sql } of this.#rules) {
      const isMeant = named === undefined ? sql.from !== undefined && fits(sql.from, topic) : rule.RuleName === named;
      if (isMeant && (await this.#run(rule, sql, seen))) ran.push(rule.RuleName);
    }
    return ran;
  }

  async #run({ RuleName, TopicRulePayload }: TopicRule, sql: RuleSql, message: RuleMessage): Promise<boolean> {
    const found = sql.run(message, this.#surroundings);
    if (found === undefined) return false;
    const failures: Failure[] = [];
    for (const one of TopicRulePayload.Actions) {
      await this.#act(one, found.result, found.scope).catch((thrown: unknown) =>
        failures.push({
          failedAction: `${Object.keys(one)[0]}Action`,
          failedResource: resourceOf(one),
          errorMessage: String(thrown),
        }),
      );
    }
    if (failures.length > 0 && TopicRulePayload.ErrorAction !== undefined) {
      const base64OriginalPayload = Buffer.from(message.payload).toString("base64");
      const { topic, clientId } = message;
      await this.#act(
        TopicRulePayload.ErrorAction,
        { ruleName: RuleName, topic, clientId, base64OriginalPayload, failures },
        found.scope,
      );
    }
    return true;
  }

  async #act(one: Action, result: SqlValue, scope: Scope): Promise<void> {
    const services = this.#services;
    if ("DynamoDBv2" in one) {
      const item = membersOf(result);
      if (item === undefined) throw new Error("the result is no object");
      return await services.putItem(scope.fill(one.DynamoDBv2.PutItem.TableName), item);
    }
    if ("CloudwatchMetric" in one) {
      const { MetricNamespace, MetricName, MetricValue, MetricUnit } = one.CloudwatchMetric;
      const value = Number(scope.fill(MetricValue));
      if (!Number.isFinite(value)) throw new Error(`${scope.fill(MetricValue)} is no value of a metric`);
      return await services.putMetric({
        namespace: scope.fill(MetricNamespace),
        name: scope.fill(MetricName),
        value,
        unit: scope.fill(MetricUnit),
      });
    }
    if ("S3" in one) {
      const body = result instanceof Uint8Array ? result : Buffer.from(JSON.stringify(result));
      return await services.putObject(scope.fill(one.S3.BucketName), scope.fill(one.S3.Key), body);
    }
    if ("Lambda" in one) return await services.invoke(one.Lambda.FunctionArn, result);
    return await services.putLog(one.CloudwatchLogs.LogGroupName, result);
  }
}

function resourceOf(one: Action): string {
  if ("DynamoDBv2" in one) return one.DynamoDBv2.PutItem.TableName;
  if ("CloudwatchMetric" in one) return one.CloudwatchMetric.MetricName;
  if ("S3" in one) return one.S3.BucketName;
  return "Lambda" in one ? one.Lambda.FunctionArn : one.CloudwatchLogs.LogGroupName;
}

/** Whether a topic fits a filter (MQTT 5.0, 4.7). */
function fits(filter: string, topic: string): boolean {
  const levels = topic.split("/");
  const wanted = filter.split("/");
  if (wanted.at(-1) === "#") return wanted.slice(0, -1).every((level, at) => level === "+" || level === levels[at]);
  return wanted.length === levels.length && wanted.every((level, at) => level === "+" || level === levels[at]);
}
