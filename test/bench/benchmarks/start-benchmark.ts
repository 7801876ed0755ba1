import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { requestLocal } from "../../../drivers/os/local-socket/local-client.ts";
import { bundle } from "../../../scripts/packaging/program-files.ts";
import { packedProgram } from "../agent/packed-program.ts";
import { type FlightProxy, type Flights, startFlightProxy } from "../broker/flight-proxy.ts";
import { type Mosquitto, startMosquitto } from "../broker/mosquitto.ts";
import { createAuthority } from "../cloud/certificate-authority.ts";
import { type Child, type ChildRequest, startChild } from "../core/child.ts";
import { monotonicMs } from "../core/monotonic.ts";
import { until } from "../core/wait.ts";
import { startTpm } from "../tpm/tpm.ts";
import { type Moments, type Slice, slicesOf } from "./start-timeline.ts";
import { fileIdentityOf, type StartVehicle, THING, tokenIdentityOf, writeStartVehicle } from "./start-vehicle.ts";
import { type Spread, spreadOf } from "./timing.ts";

/** How long it takes from asking for a process to its first PUBACK, or to its end for one that sends nothing; what of it took how long. */
export type StartFigures = {
  readonly name: string;
  readonly tookMs: Spread;
  /** Against the bare client of the same round. */
  readonly toBareClient: Spread;
  readonly slices: readonly Slice[];
};

type Subject = { readonly name: string; readonly start: (round: number) => Promise<Moments> };
type Started = { readonly tookMs: number; readonly moments: Moments };

const NAMES = { node: "node -e 0", bare: "bare client" } as const;
const PATIENCE = { timeoutMs: 60_000, everyMs: 5 } as const;
const SMALL = { messages: 60, signalsEach: 4 } as const;
const LARGE = { messages: 1200, signalsEach: 8 } as const;
const told = z.object({ delivery: z.object({ firstPubackMs: z.number().optional() }) });
const timed = z.object({ event: z.literal("agent.start-timed"), beganMs: z.number() }).catchall(z.unknown());

/** Starts each in its turn, `rounds` times, with real mosquitto and mutual TLS; a first round, which fills caches, does not count. */
export async function benchmarkStart(rounds: number): Promise<readonly StartFigures[]> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
  const authority = createAuthority(join(folder, "ca"));
  const mosquitto = await startMosquitto({ folder: join(folder, "broker"), authority, things: [THING] });
  const proxy = await startFlightProxy(mosquitto.port);
  const tpm = await startTpm({ folder: join(folder, "tpm") });
  try {
    const program = await packedProgram(join(folder, "packed"));
    const file = await fileIdentityOf(folder, authority);
    const token = await tokenIdentityOf(folder, authority, tpm);
    const way = { port: proxy.port, caFile: mosquitto.caFile };
    const agent = (name: string, size: typeof SMALL | typeof LARGE, identity: typeof file | typeof token): Subject => {
      const vehicle = writeStartVehicle({ folder: join(folder, name.replaceAll(" ", "-")), ...size, ...way, identity });
      const environment = { ...tpm.environment, CACHE_DIRECTORY: join(folder, "cache") };
      return { name, start: () => startAgent({ folder, program, environment, vehicle, proxy }) };
    };
    const subjects: readonly Subject[] = [
      { name: NAMES.node, start: () => startNode(folder) },
      { name: NAMES.bare, start: await bareClient(folder, mosquitto, file) },
      agent("key in a file", SMALL, file),
      agent("key in the TPM", SMALL, token),
      agent("large DBC file", LARGE, file),
    ];
    return figuresOf(subjects, await inTurns(subjects, rounds));
  } finally {
    await tpm.stop();
    proxy.stop();
    await mosquitto.stop();
    rmSync(folder, { recursive: true });
  }
}

/** What each subject did in each round. */
async function inTurns(subjects: readonly Subject[], rounds: number): Promise<readonly (readonly Started[])[]> {
  const runs = subjects.map((): Started[] => []);
  for (let round = 0; round <= rounds; round += 1) {
    for (const [at, subject] of subjects.entries()) {
      const moments = await subject.start(round);
      if (round > 0) runs[at]?.push({ tookMs: moments.puback ?? moments.ended ?? Number.NaN, moments });
    }
  }
  return runs;
}

function figuresOf(subjects: readonly Subject[], runs: readonly (readonly Started[])[]): readonly StartFigures[] {
  const bare = runs[subjects.findIndex(({ name }) => name === NAMES.bare)] ?? [];
  return subjects.map(({ name }, at) => {
    const own = runs[at] ?? [];
    return {
      name,
      tookMs: spreadOf(own.map(({ tookMs }) => tookMs)),
      toBareClient: spreadOf(own.map(({ tookMs }, round) => tookMs / (bare[round]?.tookMs ?? Number.NaN))),
      slices: slicesOf(own.map(({ moments }) => moments)),
    };
  });
}

async function startNode(folder: string): Promise<Moments> {
  const askedMs = monotonicMs();
  const child = await startChild({ command: process.execPath, args: ["-e", "0"], logFile: join(folder, "node.log") });
  await child.ended;
  return { ended: monotonicMs() - askedMs };
}

async function bareClient(
  folder: string,
  { port, caFile }: Mosquitto,
  { certificateFile, keyFile }: { readonly certificateFile: string; readonly keyFile: string },
): Promise<() => Promise<Moments>> {
  const code = join(folder, "bare");
  mkdirSync(code);
  writeFileSync(join(code, "package.json"), JSON.stringify({ type: "module" }));
  symlinkSync(join(import.meta.dirname, "../../../node_modules"), join(code, "node_modules"));
  await bundle({ bare: join(import.meta.dirname, "../processes/bare-client.ts") }, code);
  const topic = `dt/causeway/${THING}/telemetry`;
  const args = [join(code, "bare.js"), String(port), THING, caFile, certificateFile, keyFile, topic];
  return async () => {
    const askedMs = monotonicMs();
    let ackedMs: number | undefined;
    const onLine = (): void => {
      ackedMs ??= monotonicMs();
    };
    const child = await startChild({ command: process.execPath, args, logFile: join(folder, "bare.log"), onLine });
    try {
      await until(() => alive(child) && ackedMs, { what: "the PUBACK of the bare client", ...PATIENCE });
      return { puback: (ackedMs ?? Number.NaN) - askedMs };
    } finally {
      await child.stop(0);
    }
  };
}

type AgentStart = {
  readonly folder: string;
  readonly program: readonly [string, ...string[]];
  readonly environment: NonNullable<ChildRequest["environment"]>;
  readonly vehicle: StartVehicle;
  readonly proxy: FlightProxy;
};

async function startAgent({ folder, program, environment, vehicle, proxy }: AgentStart): Promise<Moments> {
  const [command, ...options] = program;
  const args = [...options, "run", "--config", vehicle.configFile];
  let line: z.infer<typeof timed> | undefined;
  const onLine = (text: string): void => {
    line ??= timed.safeParse(text.startsWith("{") ? JSON.parse(text) : undefined).data;
  };
  proxy.take();
  const askedMs = monotonicMs();
  const child = await startChild({ command, args, environment, logFile: join(folder, "agent.log"), onLine });
  try {
    const own = await until(() => alive(child) && line, { what: "the link", ...PATIENCE });
    const firstPubackMs = await until(() => firstPubackOf(child, vehicle), { what: "the first PUBACK", ...PATIENCE });
    return momentsOf(askedMs, own, firstPubackMs, proxy.take().at(-1));
  } finally {
    await child.stop(20_000);
  }
}

async function firstPubackOf(child: Child, { viewSocket }: StartVehicle): Promise<number | undefined> {
  alive(child);
  const status = await requestLocal(viewSocket, { verb: "status" }).catch(() => undefined);
  return told.safeParse(status).data?.delivery.firstPubackMs;
}

/** What the agent wrote down and what the proxy saw, on one scale. The handshake ends with the last flight of the client but those that answer CONNACK. */
function momentsOf(
  askedMs: number,
  { event: _event, beganMs, ...marks }: z.infer<typeof timed>,
  firstPubackMs: number,
  connection: Flights | undefined,
): Moments {
  const moments: Record<string, number> = { asked: 0, puback: beganMs + firstPubackMs - askedMs };
  for (const [name, atMs] of Object.entries(marks)) {
    if (typeof atMs === "number" && name.endsWith("Ms")) moments[name.slice(0, -2)] = atMs - askedMs;
  }
  if (connection === undefined) return moments;
  moments.tcp = connection.acceptedMs - askedMs;
  const { online = Number.POSITIVE_INFINITY } = moments;
  const ofClient = connection.flights.filter(({ from, atMs }) => from === "client" && atMs - askedMs < online);
  const last = ofClient.at(-1);
  if (last !== undefined) moments.tls = last.atMs - askedMs;
  return moments;
}

function alive(child: Child): true {
  if (child.hasEnded()) throw new Error("the process has ended; its log is in the folder of the benchmark");
  return true;
}
