import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { stringify } from "yaml";
import { type Status, statusSchema } from "../../../agent/local-api/status-schema.ts";
import { requestLocal } from "../../../drivers/os/local-socket/local-client.ts";
import { createAuthority, writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { type Child, startChild } from "../../bench/core/child.ts";
import { until } from "../../bench/core/wait.ts";
import { temporaryFolder } from "../core/folder.ts";

const PROGRAM = fileURLToPath(new URL("../../../scripts/causeway", import.meta.url));

const DBC = `VERSION ""
BU_: Vector__XXX
BO_ 256 Engine: 8 Vector__XXX
 SG_ Speed : 0|16@1+ (0.1,0) [0|0] "km/h" Vector__XXX
 SG_ Counter : 16|16@1+ (1,0) [0|0] "" Vector__XXX
`;

/** A folder with a configuration that needs nothing outside it: a log that is replayed, a key in a file, a broker that does not answer. */
export type DaemonHome = {
  readonly folder: string;
  readonly config: string;
  readonly dbc: string;
  readonly socket: string;
};

/** Makes the folder. `change` alters the configuration before it is written; `frames` are in the log, 1 ms apart. */
export async function daemonHome(
  change: (config: Record<string, unknown>) => void = () => undefined,
  frames = 200,
): Promise<DaemonHome> {
  const folder = temporaryFolder();
  const home = {
    folder,
    config: join(folder, "agent.yaml"),
    dbc: join(folder, "car.dbc"),
    socket: join(folder, "run", "view.sock"),
  };
  mkdirSync(join(folder, "run"));
  writeFileSync(home.dbc, DBC);
  writeFileSync(join(folder, "drive.log"), Array.from({ length: frames }, (_, n) => logLine(n)).join(""));
  const authority = createAuthority(folder);
  writeIdentity(folder, "device", await authority.issue({ commonName: "veh-1", usage: "client" }));
  const config: Record<string, unknown> = {
    thingName: "veh-1",
    bench: true,
    stateDir: join(folder, "state"),
    runtimeDir: join(folder, "run"),
    buses: [{ name: "can0", driver: "replay", file: "drive.log" }],
    dbc: [{ file: "car.dbc" }],
    broker: { host: "127.0.0.1", port: 1, caFile: "ca.pem" },
    identity: { mode: "file", certificateFile: "device.pem", keyFile: "device.key" },
  };
  change(config);
  writeFileSync(home.config, stringify(config));
  return home;
}

function logLine(n: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(n & 0xffff, 0);
  bytes.writeUInt16LE(n & 0xffff, 2);
  const seconds = 1_700_000_000 + Math.floor(n / 1000);
  return `(${seconds}.${String((n % 1000) * 1000).padStart(6, "0")}) can0 100#${bytes.toString("hex").toUpperCase()}\n`;
}

/** `causeway run` in a process of its own; its log is in `lines`. It goes when the test has finished. */
export type Daemon = {
  readonly child: Child;
  readonly lines: readonly string[];
  /** File of its stderr. */
  readonly errors: string;
  status(): Promise<Status>;
};

/** Starts the daemon and waits until its view socket answers. Throws with its log when it ends before that. */
export async function startDaemon(
  home: DaemonHome,
  environment: Readonly<Record<string, string>> = {},
  [command, ...before]: readonly string[] = [PROGRAM],
): Promise<Daemon> {
  const lines: string[] = [];
  const errors = join(home.folder, "stderr.log");
  const child = await startChild({
    command,
    args: [...before, "run", "--config", home.config],
    environment,
    logFile: errors,
    onLine: (line) => lines.push(line),
  });
  onTestFinished(async () => void (await child.stop()));
  const status = async (): Promise<Status> => statusSchema.parse(await requestLocal(home.socket, { verb: "status" }));
  await until(
    async () => {
      if (child.hasEnded()) throw new Error(`the daemon has ended: ${lines.join("\n")}${readFileSync(errors, "utf8")}`);
      return status().catch(() => undefined);
    },
    { what: "the daemon answers", timeoutMs: 20_000 },
  );
  return { child, lines, errors, status };
}

/** Starts the agent of a vehicle, and waits until it is online and hears its bus. */
export async function startOnline(home: DaemonHome, timeoutMs: number): Promise<Daemon> {
  const daemon = await startDaemon(home);
  const isReady = async (): Promise<true | undefined> => {
    const { link, buses } = await daemon.status();
    return link.state === "online" && buses[0]?.state === "up" && buses[0].decoded > 2 ? true : undefined;
  };
  await until(isReady, { what: "the vehicle is online and hears its bus", timeoutMs });
  return daemon;
}

/** How one run of the program ended, and what it printed. */
export type ProgramEnd = { readonly code: number | undefined; readonly stdout: string; readonly stderr: string };

/** Runs `causeway ARGS...` to its end. */
export async function runProgram(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<ProgramEnd> {
  const folder = temporaryFolder();
  const errors = join(folder, "stderr");
  const lines: string[] = [];
  const child = await startChild({
    command: PROGRAM,
    args,
    environment,
    logFile: errors,
    onLine: (line) => lines.push(line),
  });
  const { code } = await child.ended;
  return { code, stdout: lines.join("\n"), stderr: readFileSync(errors, "utf8") };
}
