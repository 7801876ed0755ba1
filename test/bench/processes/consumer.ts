import { readFileSync } from "node:fs";
import { io } from "aws-iot-device-sdk-v2";
import type { CampaignJudge } from "../consumers/campaign-samples.ts";
import { startClient } from "../consumers/consumer-client.ts";
import { type ConsumerConfig, consumerCommand, consumerConfig } from "../consumers/consumer-protocol.ts";
import { RecordCheck } from "../consumers/record-check.ts";
import { createReplayJudge } from "../consumers/replay-judge.ts";
import type { SampleJudge } from "../consumers/sample-judge.ts";
import { createVehicleJudge } from "../consumers/vehicle-judge.ts";
import { emit, fail, onCommands, parseLine } from "../core/line-protocol.ts";
import { readVehicle } from "../vehicle/vehicle-dbc.ts";

const REPORT_EVERY_MS = 100;

/** Every stream of every thing, shared among the consumers. */
const RECORDS = "$share/bench/dt/causeway/+/+";
/** Signal tables, for each consumer: without them a record cannot be read. */
const TABLES = "dt/causeway/+/schema/+";

/** What campaigns work out is judged by the consumer that gets all records (processes/campaign-consumer.ts). */
const JUDGED_ELSEWHERE: CampaignJudge = {
  judge: ({ workedOut }) => ({
    samples: workedOut.reduce((sum, { values }) => sum + values.length, 0),
    mismatches: 0,
    unverified: 0,
    frames: 0,
    remarks: [],
  }),
};

function judgeOf(config: ConsumerConfig, startUs: number): SampleJudge {
  const { seed, rate, thinned, repeats, logFile } = config;
  if (logFile !== undefined) return createReplayJudge(config.dbcFile, logFile);
  return createVehicleJudge({ vehicle: readVehicle(config.dbcFile), seed, rate, thinned, repeats, startUs });
}

async function main(configFile: string): Promise<void> {
  io.enable_logging(io.LogLevel.ERROR);
  const config = parseLine(consumerConfig, readFileSync(configFile, "utf8"));
  const check = new RecordCheck({
    descriptor: readFileSync(config.descriptorFile),
    thing: config.thing,
    watched: config.watched,
  });
  const campaigns = config.campaigns === undefined ? undefined : JUDGED_ELSEWHERE;
  onCommands(consumerCommand, (command) => {
    if (command.kind === "start") {
      check.start(judgeOf(config, command.startUs), { campaigns, distanceUs: command.distanceUs });
    }
  });
  await startClient(
    config,
    [RECORDS, TABLES],
    (arrival) => check.arrive(arrival),
    () => emit({ kind: "ready" }),
  );
  setInterval(() => emit(check.takeReport()), REPORT_EVERY_MS);
}

main(process.argv[2] ?? "").catch(fail);
