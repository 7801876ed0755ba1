import { readFileSync } from "node:fs";
import { io } from "aws-iot-device-sdk-v2";
import { CampaignCheck, readCampaigns } from "../consumers/campaigns/campaign-check.ts";
import { startClient } from "../consumers/consumer-client.ts";
import { consumerCommand, consumerConfig } from "../consumers/consumer-protocol.ts";
import { emit, fail, onCommands, parseLine } from "../core/line-protocol.ts";
import { readVehicle } from "../vehicle/vehicle-dbc.ts";

const REPORT_EVERY_MS = 500;

/** Every stream, and the signal tables: to judge a campaign takes all of its records. */
const ALL = ["dt/causeway/+/+", "dt/causeway/+/schema/+"];

async function main(configFile: string): Promise<void> {
  io.enable_logging(io.LogLevel.ERROR);
  const config = parseLine(consumerConfig, readFileSync(configFile, "utf8"));
  const { seed, rate } = config;
  const check = new CampaignCheck({
    descriptor: readFileSync(config.descriptorFile),
    documents: readCampaigns(config.campaigns ?? []),
    drive: { vehicle: readVehicle(config.dbcFile), seed, rate },
  });
  onCommands(consumerCommand, (command) => {
    if (command.kind === "start") check.start(command.startUs);
    else emit({ kind: "campaigns", verdicts: check.judge(command.excuse) });
  });
  await startClient(
    config,
    ALL,
    (arrival) => check.arrive(arrival),
    () => emit({ kind: "ready" }),
  );
  setInterval(() => emit({ kind: "progress", campaigns: check.progress() }), REPORT_EVERY_MS);
}

main(process.argv[2] ?? "").catch(fail);
