import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { requestLocal } from "../../../drivers/os/local-socket/local-client.ts";
import { writeIdentity } from "../cloud/certificate-authority.ts";
import { startChild } from "../core/child.ts";
import { parseLine } from "../core/line-protocol.ts";
import { udpSockets } from "../core/udp-sockets.ts";
import { START_TIMEOUT_MS, until } from "../core/wait.ts";
import { buildNativeTool } from "../native/native-tool.ts";
import {
  type MappedBuses,
  mapBuses,
  type PeerCloud,
  type PeerLoad,
  peerDbc,
  writePeerVehicle,
} from "./peer-vehicle.ts";

const RECEIVER = fileURLToPath(new URL("../processes/receiver.ts", import.meta.url));
const STOP_MS = 20_000;
/** Longer than a batch and its way to the broker. */
const AGENT_SETTLE_MS = 1500;
const READER_SETTLE_MS = 300;

/** The thing of the other agent, and the common name of its certificate. */
export const PEER_THING = "bench-peer";
/** The common name of the certificate that may do everything. */
export const CLOUD_NAME = "bench-peers-cloud";

/** What a subject counted since it started; absent what it cannot know. */
export type SubjectCounts = {
  readonly received?: number | undefined;
  readonly dropped?: number | undefined;
  readonly samples?: number | undefined;
  readonly payloadBytes?: number | undefined;
};

/** A program that receives frames on buses of its own. */
export type PeerSubject = {
  readonly name: string;
  readonly buses: MappedBuses;
  readonly pid: number;
  /** How long after the last frame all that comes of it has come. */
  readonly settleMs: number;
  readonly count: () => Promise<SubjectCounts>;
  readonly stop: () => Promise<void>;
};

/** Another agent: a command for sh, and a file whose `${NAME}` are replaced by the variables that the command has too. */
export type PeerProgram = { readonly command: string; readonly configFile: string | undefined };

/** Where subjects run: their files, so many buses each, and what is asked of them. */
export type SubjectPlace = {
  readonly folder: string;
  readonly cloud: PeerCloud;
  readonly buses: number;
  readonly load: PeerLoad;
};

const status = z.object({
  buses: z.array(z.object({ received: z.number(), dropped: z.number() })),
  link: z.object({ state: z.string() }),
  collected: z.object({ samples: z.number() }),
  delivery: z.object({ deliveredBytes: z.number() }),
});
const report = z.object({ frames: z.int(), dropped: z.int().optional() });

/** The packed program of the agent, online and with its buses up. */
export async function startAgent(
  { folder, cloud, buses: count, load }: SubjectPlace,
  [program, ...options]: readonly [string, ...string[]],
): Promise<PeerSubject> {
  const buses = await mapBuses(count);
  const home = join(folder, "agent");
  const config = await writePeerVehicle(home, cloud, buses.names, load);
  const child = await startChild({
    command: program,
    args: [...options, "run", "--config", config],
    environment: { ...buses.environment, NODE_COMPILE_CACHE: join(folder, "compiled") },
    logFile: join(home, "agent.log"),
  });
  const ask = async () => {
    if (child.hasEnded()) throw new Error(`the agent has ended: ${home}/agent.log`);
    const answer = await requestLocal(join(home, "run", "view.sock"), { verb: "status" }).catch(() => undefined);
    return status.safeParse(answer).data;
  };
  const online = async () => ((await ask())?.link.state === "online" ? true : undefined);
  await until(online, { what: "the agent is online", timeoutMs: START_TIMEOUT_MS });
  return {
    name: "agent",
    buses,
    pid: child.pid,
    settleMs: AGENT_SETTLE_MS,
    count: async () => {
      const now = await ask();
      if (now === undefined) throw new Error("the agent does not answer");
      return {
        received: now.buses.reduce((sum, { received }) => sum + received, 0),
        dropped: now.buses.reduce((sum, { dropped }) => sum + dropped, 0),
        samples: now.collected.samples,
        payloadBytes: now.delivery.deliveredBytes,
      };
    },
    stop: async () => void (await child.stop(STOP_MS)),
  };
}

/** A reader that counts frames and does nothing else: the agent's own, npm socketcan, or the minimum in C. */
export async function startReader(
  kind: "native" | "socketcan" | "recvmmsg",
  { folder, buses: count }: SubjectPlace,
): Promise<PeerSubject> {
  const buses = await mapBuses(count);
  const names = buses.names.join(",");
  const lines: string[] = [];
  const command = kind === "recvmmsg" ? await buildNativeTool("recvmmsg-reader") : process.execPath;
  const child = await startChild({
    command,
    args: kind === "recvmmsg" ? [names] : [RECEIVER, kind, names],
    environment: { ...buses.environment, NODE_COMPILE_CACHE: join(folder, "compiled") },
    logFile: join(folder, `${kind}.log`),
    onLine: (line) => lines.push(line),
  });
  const next = (after: number): Promise<string> => {
    const line = () => {
      if (child.hasEnded()) throw new Error(`the reader has ended: ${folder}/${kind}.log`);
      return lines[after];
    };
    return until(line, { what: `an answer of ${kind}`, timeoutMs: START_TIMEOUT_MS });
  };
  await next(0);
  return {
    name: { native: "reader alone", socketcan: "npm socketcan", recvmmsg: "C recvmmsg" }[kind],
    buses,
    pid: child.pid,
    settleMs: READER_SETTLE_MS,
    count: async () => {
      const asked = lines.length;
      child.writeLine("report");
      const { frames, dropped } = parseLine(report, await next(asked));
      return { received: frames, dropped };
    },
    stop: async () => void (await child.stop(STOP_MS)),
  };
}

/** Another agent. It is ready when it has opened a socket on each bus. */
export async function startPeer(
  { folder, cloud, buses: count, load }: SubjectPlace,
  { command, configFile }: PeerProgram,
): Promise<PeerSubject> {
  const buses = await mapBuses(count);
  const home = join(folder, "peer");
  const variables = await writePeerFiles(home, cloud, buses, load);
  const config = join(home, "config");
  const text = configFile === undefined ? "" : readFileSync(configFile, "utf8");
  writeFileSync(config, filledText(text, variables), { mode: 0o600 });
  const child = await startChild({
    command: "/bin/sh",
    args: ["-c", command],
    environment: { ...buses.environment, ...variables, PEER_CONFIG: config },
    logFile: join(home, "peer.log"),
  });
  const listens = (): true | undefined => {
    if (child.hasEnded()) throw new Error(`the other agent has ended: ${home}/peer.log`);
    return buses.ports.every((port) => udpSockets([port]).count > 0) ? true : undefined;
  };
  await until(listens, { what: "the other agent hears its buses", timeoutMs: START_TIMEOUT_MS });
  const stop = async () => void (await child.stop(STOP_MS));
  return { name: "peer", buses, pid: child.pid, settleMs: AGENT_SETTLE_MS, count: async () => ({}), stop };
}

/** `${NAME}` of a text by their values. Throws for a name that is none. */
export function filledText(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = variables[name];
    if (value === undefined) {
      throw new Error(`the peer's configuration names \${${name}}; there are ${Object.keys(variables).join(", ")}`);
    }
    return value;
  });
}

async function writePeerFiles(home: string, { authority, mosquitto }: PeerCloud, buses: MappedBuses, load: PeerLoad) {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const dbcFile = join(home, "car.dbc");
  writeFileSync(dbcFile, peerDbc(load));
  const issued = await authority.issue({ commonName: PEER_THING, usage: "client" });
  const own = writeIdentity(home, "peer", issued);
  const cloud = writeIdentity(home, "cloud", await authority.issue({ commonName: CLOUD_NAME, usage: "client" }));
  return {
    PEER_THING,
    PEER_FOLDER: home,
    PEER_INTERFACES: buses.names.join(","),
    PEER_DBC: dbcFile,
    PEER_HOST: mosquitto.host,
    PEER_PORT: String(mosquitto.port),
    PEER_CA: mosquitto.caFile,
    PEER_CERTIFICATE: own.certificateFile,
    PEER_KEY: own.keyFile,
    PEER_CLOUD_CERTIFICATE: cloud.certificateFile,
    PEER_CLOUD_KEY: cloud.keyFile,
  };
}
