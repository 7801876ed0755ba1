import type { Command } from "commander";
import type { CliContext, GlobalOptions } from "./context.ts";
import { programOf, type VerbGroup } from "./root-command.ts";

/**
 * The verb groups, in the order of --help. Each file is loaded only when its verb is asked for: the daemon's start and memory
 * must not pay for the technician's tools.
 */
const GROUPS: readonly VerbGroup[] = [
  ["run", async () => (await import("./verbs/run.ts")).registerRun],
  ["status", async () => (await import("./verbs/status.ts")).registerStatus],
  ["ui", async () => (await import("./verbs/ui.ts")).registerUi],
  ["metrics", async () => (await import("./verbs/metrics.ts")).registerMetrics],
  ["provision", async () => (await import("./verbs/provision.ts")).registerProvision],
  ["connect", async () => (await import("./verbs/connect.ts")).registerConnect],
  ["doctor", async () => (await import("./verbs/doctor.ts")).registerDoctor],
  ["logs", async () => (await import("./verbs/logs.ts")).registerLogs],
  ["diag", async () => (await import("./verbs/diag.ts")).registerDiag],
  ["key", async () => (await import("./verbs/key.ts")).registerKey],
  ["csr", async () => (await import("./verbs/csr.ts")).registerCsr],
  ["cert", async () => (await import("./verbs/cert.ts")).registerCert],
  ["config", async () => (await import("./verbs/config.ts")).registerConfig],
  ["bus", async () => (await import("./verbs/bus.ts")).registerBus],
  ["can", async () => (await import("./verbs/can.ts")).registerCan],
  ["dbc", async () => (await import("./verbs/dbc.ts")).registerDbc],
  ["signals", async () => (await import("./verbs/signals.ts")).registerSignals],
  ["place", async () => (await import("./verbs/place.ts")).registerPlace],
  ["dtc", async () => (await import("./verbs/dtc.ts")).registerDtc],
  ["obd", async () => (await import("./verbs/obd.ts")).registerObd],
  ["uds", async () => (await import("./verbs/uds.ts")).registerUds],
  ["j1939", async () => (await import("./verbs/j1939.ts")).registerJ1939],
  ["isotp", async () => (await import("./verbs/isotp.ts")).registerIsotp],
  ["buffer", async () => (await import("./verbs/buffer.ts")).registerBuffer],
  ["commands", async () => (await import("./verbs/commands.ts")).registerCommands],
  ["audit", async () => (await import("./verbs/audit.ts")).registerAudit],
  ["campaign", async () => (await import("./verbs/campaign.ts")).registerCampaign],
  ["records", async () => (await import("./verbs/records.ts")).registerRecords],
  ["vehicle", async () => (await import("./verbs/vehicle.ts")).registerVehicle],
  ["jobs", async () => (await import("./verbs/jobs.ts")).registerJobs],
  ["tunnel", async () => (await import("./verbs/tunnel.ts")).registerTunnel],
  ["ota", async () => (await import("./verbs/ota.ts")).registerOta],
  ["mqtt", async () => (await import("./verbs/mqtt.ts")).registerMqtt],
  ["publish", async () => (await import("./verbs/publish.ts")).registerPublish],
  ["completion", async () => (await import("./verbs/completion.ts")).registerCompletion],
  ["man", async () => (await import("./verbs/man.ts")).registerMan],
  ["version", async () => (await import("./verbs/version.ts")).registerVersion],
];

/** What these print is made of all verbs. */
const OF_ALL_VERBS: readonly string[] = ["completion", "man"];

/** The command tree for these arguments, see `programOf`. */
export async function createProgram(
  args: readonly string[],
  context: CliContext,
  bind: (options: GlobalOptions) => void,
): Promise<Command> {
  const tellsOfAll = args.some((word) => OF_ALL_VERBS.includes(word));
  return await programOf(GROUPS, tellsOfAll ? [] : args, context, bind);
}
