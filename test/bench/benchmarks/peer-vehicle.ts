import { randomInt } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { Mosquitto } from "../broker/mosquitto.ts";
import { type Authority, writeIdentity } from "../cloud/certificate-authority.ts";
import { udpSockets } from "../core/udp-sockets.ts";
import { buildNativeTool } from "../native/native-tool.ts";

/** The thing of the agent in these benchmarks. */
export const AGENT_THING = "bench-peers";

const MESSAGES = 60;
const FIRST_ID = 0x100;
const EVERY_MS = 100;
const FIRST_PORT = 10_000;
/** Of net.ipv4.ip_local_port_range: from there on the kernel hands out ports by itself. */
const FIRST_EPHEMERAL_PORT = 32_768;
const PORT_ATTEMPTS = 100;

/** The signals of one message of frame-generator.c: bits, name, and whether it is among the 150 (A and B of each message, C of every other one). */
const LAYOUT = [
  { name: "A", bits: 16, isCollected: () => true },
  { name: "B", bits: 16, isCollected: () => true },
  { name: "C", bits: 8, isCollected: (message: number) => message % 2 === 0 },
  { name: "D", bits: 8, isCollected: () => false },
  ...["E", "F", "G", "H"].map((name) => ({ name, bits: 4, isCollected: () => false })),
] as const;

/** What the agent collects: 150 signals of a bus each 100 ms, or each of its 480 from every frame. */
export type PeerLoad = "thinned" | "everything";

/** The DBC of what frame-generator.c sends: 60 messages, of which it names 150 signals, or all 480. */
export function peerDbc(load: PeerLoad): string {
  const lines = ['VERSION ""', "NS_ :", "BS_:", "BU_: ECU"];
  for (let message = 0; message < MESSAGES; message += 1) {
    lines.push(`BO_ ${FIRST_ID + message} Message${message}: 8 ECU`);
    let start = 0;
    for (const { name, bits, isCollected } of LAYOUT) {
      const scale = bits === 16 ? 0.1 : 1;
      if (load === "everything" || isCollected(message)) {
        lines.push(` SG_ ${name}${message} : ${start}|${bits}@1+ (${scale},0) [0|${(2 ** bits - 1) * scale}] "" ECU`);
      }
      start += bits;
    }
  }
  return `${lines.join("\n")}\n`;
}

/** Names of so many buses, the port of each, and the environment in which programs have them as CAN interfaces. */
export type MappedBuses = {
  readonly names: readonly string[];
  readonly ports: readonly number[];
  readonly environment: { readonly LD_PRELOAD: string; readonly CAUSEWAY_CAN_MAPPING: string };
};

/** Builds the mapping of CAN sockets to loopback datagrams, for buses of their own. */
export async function mapBuses(count: number): Promise<MappedBuses> {
  const library = await buildNativeTool("can-mapping");
  const names = Array.from({ length: count }, (_, at) => `can${at}`);
  const ports = freeDatagramPorts(count);
  const mapping = names.map((name, at) => `${name}=${ports[at]}`).join(",");
  return { names, ports, environment: { LD_PRELOAD: library, CAUSEWAY_CAN_MAPPING: mapping } };
}

/** Neighbouring ports that no datagram socket has: nobody is told of a second one, and both would get the frames of both. */
function freeDatagramPorts(count: number): readonly number[] {
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt += 1) {
    const first = randomInt(FIRST_PORT, FIRST_EPHEMERAL_PORT - count);
    const ports = Array.from({ length: count }, (_, at) => first + at);
    if (udpSockets(ports).count === 0) return ports;
  }
  throw new Error(`no ${count} neighbouring ports without datagram sockets`);
}

/** Where the agent connects to. */
export type PeerCloud = { readonly authority: Authority; readonly mosquitto: Mosquitto };

/** Writes the agent's configuration into `folder`, with DBC, certificate and key: all at its defaults but for what it collects. Gives the file. */
export async function writePeerVehicle(
  folder: string,
  { authority, mosquitto }: PeerCloud,
  buses: readonly string[],
  load: PeerLoad,
): Promise<string> {
  mkdirSync(join(folder, "run"), { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, "car.dbc"), peerDbc(load));
  const issued = await authority.issue({ commonName: AGENT_THING, usage: "client" });
  const { certificateFile, keyFile } = writeIdentity(folder, "device", issued);
  const config = {
    thingName: AGENT_THING,
    bench: true,
    stateDir: join(folder, "state"),
    runtimeDir: join(folder, "run"),
    buses: buses.map((name) => ({ name, driver: "native", interface: name })),
    dbc: [{ file: "car.dbc" }],
    collect: { rules: [{ signals: "*", mode: "every", ms: load === "everything" ? 0 : EVERY_MS }] },
    broker: { host: mosquitto.host, port: mosquitto.port, caFile: mosquitto.caFile },
    identity: { mode: "file", certificateFile, keyFile },
  };
  const file = join(folder, "agent.yaml");
  writeFileSync(file, stringify(config), { mode: 0o600 });
  return file;
}
