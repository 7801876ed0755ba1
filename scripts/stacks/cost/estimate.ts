import type { Assumptions } from "./assumptions.ts";
import type { PriceName } from "./prices.ts";

/** How much of something a fleet uses a month, in the unit of its price. */
export type Usage = { readonly what: string; readonly price: PriceName; readonly units: number };

const DAYS = 365.25 / 12;
const HOURS = DAYS * 24;
const MESSAGE_BYTES = 5120;
const SHADOW_BYTES = 1024;
const UNIT_BYTES = 1024;
const GB = 1024 ** 3;
/** Of a task (config/aws/consumer.yaml). */
const TASK = { vcpu: 0.5, gb: 1, fewest: 2 } as const;
/** What stands still: keys, alarms and metrics of the templates, the secret of the workers. */
const FIXED = { keys: 2, alarms: 13, metrics: 13, secrets: 1 } as const;
/** Rules of config/aws/records.yaml on the topics of all streams; each is paid for with each record, whatever its WHERE says. */
const RULES_ON_RECORDS = 2;
const FUNCTION_GB = 0.5;
/** Requests of the page for a command: state, start, and the stream of news until its end. */
const REQUESTS_A_COMMAND = 6;

/** What a fleet of so many vehicles uses a month, by what the stacks of config/aws consist of. */
export function usageOf(vehicles: number, a: Assumptions): readonly Usage[] {
  const days = vehicles * DAYS;
  const records = days * a.hoursOnlineADay * a.recordsAnHour;
  const commands = days * a.commandsADay;
  const jobs = vehicles * a.jobsAMonth;
  return [
    ...brokerUsage(vehicles, records, a),
    ...tableUsage(records, days, a),
    ...taskUsage(vehicles, a),
    { what: "commands, request and answer", price: "iotMessagesPerMillion", units: (4 * commands) / 1e6 },
    { what: "answers by a rule", price: "iotRulesPerMillion", units: (2 * commands) / 1e6 },
    { what: "into the table", price: "iotRuleActionsPerMillion", units: (2 * commands) / 1e6 },
    { what: "signatures of commands", price: "kmsSignaturesPer10000", units: commands / 1e4 },
    { what: "requests of the app", price: "httpApiPerMillion", units: (commands * REQUESTS_A_COMMAND) / 1e6 },
    { what: "runs of its function", price: "lambdaRequestsPerMillion", units: (commands * REQUESTS_A_COMMAND) / 1e6 },
    { what: "their time, 5 s a command", price: "lambdaGbSecond", units: commands * 5 * FUNCTION_GB },
    { what: "its rows, 6 a command", price: "dynamodbWritesPerMillion", units: (commands * 6) / 1e6 },
    { what: "users", price: "cognitoUserMonth", units: vehicles * a.usersAVehicle },
    { what: "jobs", price: "iotRemoteActions", units: jobs },
    { what: "their messages", price: "iotMessagesPerMillion", units: (jobs * 20) / 1e6 },
    { what: "artifacts", price: "dataOutGb", units: (jobs * a.artifactMegabytes) / 1024 },
    { what: "keys", price: "kmsKeyMonth", units: FIXED.keys },
    { what: "alarms", price: "alarmMonth", units: FIXED.alarms },
    { what: "metrics", price: "metricMonth", units: FIXED.metrics },
    { what: "secret of the workers", price: "secretMonth", units: FIXED.secrets },
  ];
}

function brokerUsage(vehicles: number, records: number, a: Assumptions): readonly Usage[] {
  const messages = records * Math.ceil(a.bytesARecord / MESSAGE_BYTES);
  const shadow = vehicles * DAYS * a.shadowUpdatesADay;
  return [
    { what: "connections", price: "iotMinutesPerMillion", units: (vehicles * DAYS * a.hoursOnlineADay * 60) / 1e6 },
    { what: "records in", price: "iotMessagesPerMillion", units: messages / 1e6 },
    { what: "records out, to the workers", price: "iotMessagesPerMillion", units: messages / 1e6 },
    { what: "rules that look at records", price: "iotRulesPerMillion", units: (messages * RULES_ON_RECORDS) / 1e6 },
    {
      what: "shadow of campaigns",
      price: "iotShadowAndRegistryPerMillion",
      units: (shadow * Math.ceil(8192 / SHADOW_BYTES)) / 1e6,
    },
    { what: "logs of AWS IoT and of functions", price: "logsGb", units: (vehicles * 0.5) / 1024 },
  ];
}

function tableUsage(records: number, days: number, a: Assumptions): readonly Usage[] {
  // The index makes a record's write count twice; the account of seqs is one more.
  const perRecord = 2 * Math.ceil(a.bytesAtRest / UNIT_BYTES) + (1 + a.lastKnownUnits) / a.recordsACommit;
  const stored = (records / DAYS) * a.keepDays * a.bytesAtRest * 2;
  return [
    { what: "writes of records", price: "dynamodbWritesPerMillion", units: (records * perRecord) / 1e6 },
    { what: "reads", price: "dynamodbReadsPerMillion", units: (days * a.queriesADay * 16 * 0.5) / 1e6 },
    { what: "storage, with its index", price: "dynamodbGbMonth", units: stored / GB },
    { what: "point-in-time recovery", price: "dynamodbBackupGbMonth", units: stored / GB },
    { what: "uploads and artifacts", price: "s3GbMonth", units: (a.artifactMegabytes * 10) / 1024 },
  ];
}

function taskUsage(vehicles: number, a: Assumptions): readonly Usage[] {
  const meanRecords = (vehicles * a.hoursOnlineADay * a.recordsAnHour) / 24 / 3600;
  // At the busiest hour they are as many as the peak asks for; over the day scaling keeps to the mean.
  const tasks = Math.max(TASK.fewest, Math.ceil((meanRecords * (1 + a.peakFactor)) / 2 / a.recordsASecondATask));
  return [
    { what: `workers, ${tasks} tasks: vCPU`, price: "fargateVcpuHour", units: tasks * TASK.vcpu * HOURS },
    { what: "workers: memory", price: "fargateGbHour", units: tasks * TASK.gb * HOURS },
    { what: "workers: addresses", price: "publicIpHour", units: tasks * HOURS },
  ];
}
