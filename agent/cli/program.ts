import { Command, InvalidArgumentError } from "commander";
import { type CliContext, DEFAULT_CONFIG_FILE, type GlobalOptions } from "./context.ts";

type Register = (program: Command, context: CliContext) => void;

/**
 * The verb groups, in the order of --help. Each file is loaded only when its verb is asked for: the daemon's start and memory
 * must not pay for the technician's tools.
 */
const GROUPS: readonly (readonly [name: string, load: () => Promise<Register>])[] = [
  ["run", async () => (await import("./verbs/run.ts")).registerRun],
  ["status", async () => (await import("./verbs/status.ts")).registerStatus],
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
  ["publish", async () => (await import("./verbs/publish.ts")).registerPublish],
  ["version", async () => (await import("./verbs/version.ts")).registerVersion],
];

/**
 * The command tree for these arguments: the groups they name, or all of them (for --help and for a misspelt verb).
 *
 * A verb's action may throw `AgentError`; the caller prints it and maps it to its exit code. `bind` gets the parsed global
 * options before any action runs.
 */
export async function createProgram(
  args: readonly string[],
  context: CliContext,
  bind: (options: GlobalOptions) => void,
): Promise<Command> {
  const program = rootCommand(context, bind);
  const named = GROUPS.filter(([name]) => args.includes(name));
  for (const [, load] of named.length > 0 ? named : GROUPS) {
    const register = await load();
    register(program, context);
  }
  return program;
}

function rootCommand(context: CliContext, bind: (options: GlobalOptions) => void): Command {
  return new Command("causeway")
    .description("In-vehicle edge agent: CAN to MQTT 5 with nothing lost in silence")
    .option("--config <file>", "configuration file", DEFAULT_CONFIG_FILE)
    .option("--json", "one JSON object, or one a line", false)
    .option("--quiet", "only data and errors", false)
    .option("--no-color", "no colour (NO_COLOR is honoured too)")
    .option("--no-input", "never ask; fail instead")
    .option("--timeout <seconds>", "give up after this time", seconds, 30)
    .option("-v, --verbose", "say more", false)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.terminal.stdout.write(text),
      writeErr: (text) => context.terminal.stderr.write(text),
      getOutHelpWidth: () => context.terminal.stdout.columns(),
      getErrHelpWidth: () => context.terminal.stderr.columns(),
    })
    .addHelpText(
      "after",
      "\nExit codes: 0 ok, 1 failed, 2 nothing to do, 3 not running or degraded, 4 reboot required, 64 usage, 65 bad input, 69 unavailable, 75 retry, 77 permission, 78 configuration.",
    )
    .hook("preAction", (_program, action) => bind(globalOptions(action, context)));
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 86_400)) throw new InvalidArgumentError("Give seconds, more than 0 and at most 86400.");
  return value;
}

function globalOptions(action: Command, context: CliContext): GlobalOptions {
  const given = action.optsWithGlobals<{
    config: string;
    json: boolean;
    quiet: boolean;
    color: boolean;
    input: boolean;
    timeout: number;
    verbose: boolean;
  }>();
  return {
    config: given.config,
    json: given.json,
    quiet: given.quiet,
    color: given.color && context.terminal.stdout.isTerminal && context.environment.NO_COLOR === undefined,
    input: given.input,
    timeoutMs: given.timeout * 1000,
    verbose: given.verbose,
  };
}
