import { parseArgs } from "node:util";

/** A span of seconds from the start of the drive. */
export type Span = { readonly fromS: number; readonly toS: number };

/** What one run of the bench is asked to do. */
export type BenchOptions = {
  /** Length of the drive; undefined runs until Ctrl-C, or until the log has ended. */
  readonly seconds: number | undefined;
  readonly json: boolean;
  /** Show commands to the doors of a vehicle instead of the main job. */
  readonly doors: boolean;
  /** Run a vehicle with its doors and the companion app instead of the main job. */
  readonly app: boolean;
  /** Let trouble codes come and go in a vehicle's control units instead of the main job. */
  readonly diagnostics: boolean;
  /** Play a day instead of the main job: its name or file, and how many times faster than in life. */
  readonly drive: { readonly day: string; readonly speed: number } | undefined;
  readonly rate: number;
  readonly replay:
    | { readonly logFile: string; readonly dbcFile: string; readonly speed: number; readonly loop: boolean }
    | undefined;
  /** When the broker's link is away. */
  readonly cuts: readonly Span[];
  /** Seconds at which the agent is killed. */
  readonly killsAt: readonly number[];
  /** Trust root by which the agent takes updates; undefined for an agent that takes none. */
  readonly rootFile: string | undefined;
  /** Files of campaigns that the agent runs besides its rules. */
  readonly campaigns: readonly string[];
  /** Folder that two workers of the cloud's consumer fill with Parquet files. */
  readonly sinkDir: string | undefined;
  /** Port of 127.0.0.1 at which a debugger may be attached to the agent, which then runs from its sources; undefined for the agent as a package has it. */
  readonly inspectPort: number | undefined;
  /** Port of 127.0.0.1 for the page with fault switches, 0 for any that is free; undefined where there is no page. */
  readonly uiPort: number | undefined;
  /** Undefined: .bench in the checkout. */
  readonly stateDir: string | undefined;
  readonly seed: number;
};

/** Help text of scripts/bench. */
export const BENCH_USAGE = `usage: scripts/bench [options]

Runs the main job on this machine until Ctrl-C: a simulated vehicle, a CAN bus, the agent as shipped with a key in a (software) TPM,
a broker with mutual TLS and the limits of AWS IoT Core, and two consumers that compare every record with what the vehicle sent.

  --seconds N      drive for N seconds, then let the backlog drain and stop
  --json           print one JSON object at the end instead of a view and a summary
  --rate X         X times the frames (1 is about 2000 a second)
  --cut A..B       take the broker's link away from second A to B; may be given again
  --kill-at S      kill the agent (SIGKILL) at second S; may be given again
  --replay LOG     send a candump log instead of the simulated vehicle; needs --dbc
  --dbc FILE       the DBC file for the log
  --speed X        replay X times faster; 0 as fast as the bus takes it
  --loop           begin the log again when it ends
  --seed N         another drive (default 1)
  --root FILE      let the agent take updates that this trust root allows (scripts/causeway-sign), for the hardware "bench"
  --campaign FILE  let the agent run this campaign too, and judge all that comes of it; may be given again (test/bench/campaigns has some)
  --sink DIR       let two workers of the cloud's consumer put the samples into Parquet files in an empty folder too, and count what is in them
  --doors          instead: lock and unlock the doors of a vehicle from the cloud, signed and confirmed, and try it without a signature
  --app            instead: run a vehicle with its doors, an identity provider and the companion app until Ctrl-C; prints where it is and who can sign in
  --diagnostics    instead: let trouble codes come, heal and come back in control units of OBD, UDS and J1939, with a kill of the agent and a
                   second tester between, and account for what arrives at two consumers
  --drive DAY      instead: play a day of a van, asleep and driving, in accelerated time, and judge all that comes of it: van, short, or a file
                   (test/bench/day/day-file.ts); --speed X times faster than in life (default 60)
  --inspect PORT   let a debugger attach to the agent at this port of 127.0.0.1; the agent runs from its sources then
  --ui [PORT]      show the page of causeway ui at this port of 127.0.0.1, with switches that cut the link, kill the broker, stop the bus and move the
                   clock; the bus is a hub then, whose frames go by that clock too
  --state DIR      keep the state there instead of in .bench
  --help

Exit code: 0 when every stored record arrived and every value is what was sent, or what a campaign must make of it; 1 when a record is missing or a value differs, or a
command ends otherwise than it should, or a trouble code does not arrive exactly once, or a judge of the day finds something wrong;
64 wrong options; 65 an unreadable file; 69 something could not be started, or another bench runs. State: .bench/ (shell variables in .bench/env).

Examples:
  scripts/bench
  scripts/bench --seconds 60 --json --cut 15..40
  scripts/bench --seconds 60 --campaign test/bench/campaigns/aggregates.yaml
  scripts/bench --seconds 60 --sink build/rows
  scripts/bench --ui
  scripts/bench --doors
  scripts/bench --app
  scripts/bench --diagnostics --json
  scripts/bench --drive short
  scripts/bench --replay drive.log --dbc car.dbc --speed 4
`;

/** Wrong use of the command line; the message is for the person who typed it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const MAX_SECONDS = 86_400 * 7;

/** Reads the command line; "help" when that is asked for. Throws `UsageError`. */
export function parseBenchOptions(args: readonly string[]): BenchOptions | "help" {
  const { values } = parsed(args);
  if (values.help === true) return "help";
  const drive = driveOf(values);
  const replay = drive === undefined ? replayOf(values) : undefined;
  for (const show of ["doors", "app", "diagnostics"] as const) {
    const others = Object.keys(values).filter((name) => ![show, "json", "state"].includes(name));
    if (values[show] === true && others.length > 0) throw new UsageError(`--${show} does not go with --${others[0]}`);
  }
  return {
    drive,
    seconds: values.seconds === undefined ? undefined : numberOf("--seconds", values.seconds, 1, MAX_SECONDS),
    json: values.json === true,
    doors: values.doors === true,
    app: values.app === true,
    diagnostics: values.diagnostics === true,
    rate: numberOf("--rate", values.rate ?? "1", 0.01, 20),
    replay,
    cuts: (values.cut ?? []).map(spanOf),
    killsAt: (values["kill-at"] ?? []).map((text) => numberOf("--kill-at", text, 0, MAX_SECONDS)),
    rootFile: values.root,
    campaigns: campaignsOf(values),
    sinkDir: values.sink,
    uiPort: uiPortOf(values),
    inspectPort: values.inspect === undefined ? undefined : numberOf("--inspect", values.inspect, 1024, 65_535),
    stateDir: values.state,
    seed: Math.floor(numberOf("--seed", values.seed ?? "1", 0, 2 ** 31 - 1)),
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: args.map((arg, at) => (arg === "--ui" && !/^\d/.test(args[at + 1] ?? "") ? "--ui=0" : arg)),
      options: {
        seconds: { type: "string" },
        json: { type: "boolean" },
        doors: { type: "boolean" },
        app: { type: "boolean" },
        drive: { type: "string" },
        diagnostics: { type: "boolean" },
        rate: { type: "string" },
        replay: { type: "string" },
        dbc: { type: "string" },
        speed: { type: "string" },
        loop: { type: "boolean" },
        cut: { type: "string", multiple: true },
        "kill-at": { type: "string", multiple: true },
        seed: { type: "string" },
        root: { type: "string" },
        campaign: { type: "string", multiple: true },
        sink: { type: "string" },
        ui: { type: "string" },
        inspect: { type: "string" },
        state: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function driveOf(values: ReturnType<typeof parsed>["values"]): BenchOptions["drive"] {
  if (values.drive === undefined) return undefined;
  const others = Object.keys(values).filter((name) => !["drive", "speed", "json", "state"].includes(name));
  if (others.length > 0) throw new UsageError(`--drive does not go with --${others[0]}`);
  return { day: values.drive, speed: numberOf("--speed", values.speed ?? "60", 1, 120) };
}

function replayOf(values: ReturnType<typeof parsed>["values"]): BenchOptions["replay"] {
  const { replay: logFile, dbc: dbcFile, speed, loop } = values;
  if (logFile === undefined) {
    if (dbcFile !== undefined || speed !== undefined || loop !== undefined) {
      throw new UsageError("--dbc, --speed and --loop go with --replay LOG");
    }
    return undefined;
  }
  if (dbcFile === undefined) throw new UsageError("--replay needs the DBC file of the log: --dbc FILE");
  return { logFile, dbcFile, speed: numberOf("--speed", speed ?? "1", 0, 1000), loop: loop === true };
}

function uiPortOf({ ui, sink }: ReturnType<typeof parsed>["values"]): number | undefined {
  if (ui === undefined) return undefined;
  // Its workers do not say when they have subscribed again, before which a broker that was killed would forget records.
  if (sink !== undefined) throw new UsageError("--ui does not go with --sink");
  return Math.floor(numberOf("--ui", ui, 0, 65_535));
}

function campaignsOf({ campaign, replay }: ReturnType<typeof parsed>["values"]): readonly string[] {
  if (campaign !== undefined && replay !== undefined) {
    throw new UsageError(
      "--campaign does not go with --replay: campaigns are judged by what the simulated vehicle sent",
    );
  }
  return campaign ?? [];
}

function spanOf(text: string): Span {
  const match = /^(\d+(?:\.\d+)?)\.\.(\d+(?:\.\d+)?)$/.exec(text);
  const span = { fromS: Number(match?.[1]), toS: Number(match?.[2]) };
  if (match === null || span.fromS >= span.toS) throw new UsageError(`--cut ${text}: give two seconds, as in 15..40`);
  return span;
}

function numberOf(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= least && value <= most)) {
    throw new UsageError(`${name} ${text}: give a number from ${least} to ${most}`);
  }
  return value;
}
