import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { CommandCloud } from "../../fakes/commands/command-cloud.ts";
import { writeIdentity } from "../cloud/certificate-authority.ts";

/** The thing of these benchmarks. */
export const THING = "bench-fleet";

const DBC = `VERSION ""
BU_: Vector__XXX
BO_ 256 Engine: 8 Vector__XXX
 SG_ Counter : 0|16@1+ (1,0) [0|0] "" Vector__XXX
`;
const FRAMES = 200;

/** All services for others, at their defaults where they have some. `port` is free for who scrapes. */
export function allServices(port: number): Readonly<Record<string, unknown>> {
  return {
    programs: { unnamed: {} },
    shadows: { state: {} },
    metrics: { scrape: { port }, textFile: { folder: "." }, health: {} },
    defender: {},
    security: {},
    files: { hosts: ["objects.example.com"] },
    tunnels: { services: { SSH: 22 }, regions: ["eu-central-1"], notify: true },
  };
}

/** Writes a vehicle of that thing into `folder`, its bus a log of 200 frames, its broker at `port`; gives the file of its configuration. */
export async function writeVehicle(
  folder: string,
  { authority, mosquitto }: Pick<CommandCloud, "authority" | "mosquitto">,
  change: Readonly<Record<string, unknown>>,
  port = mosquitto.port,
): Promise<string> {
  mkdirSync(join(folder, "run"), { recursive: true });
  writeFileSync(join(folder, "car.dbc"), DBC);
  writeFileSync(join(folder, "drive.log"), Array.from({ length: FRAMES }, (_, n) => logLine(n)).join(""));
  writeFileSync(join(folder, "policy.yaml"), stringify({ schemaVersion: 1, allow: [{ action: "*" }] }));
  const issued = await authority.issue({ commonName: THING, usage: "client" });
  const { certificateFile, keyFile } = writeIdentity(folder, "device", issued);
  const config = {
    thingName: THING,
    bench: true,
    stateDir: join(folder, "state"),
    runtimeDir: join(folder, "run"),
    buses: [{ name: "can0", driver: "replay", file: "drive.log" }],
    dbc: [{ file: "car.dbc" }],
    broker: { host: mosquitto.host, port, caFile: mosquitto.caFile },
    identity: { mode: "file", certificateFile, keyFile },
    commands: { policyFile: "policy.yaml" },
    ...change,
  };
  const file = join(folder, "agent.yaml");
  writeFileSync(file, stringify(config), { mode: 0o600 });
  return file;
}

function logLine(n: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(n, 0);
  return `(1700000000.${String(n * 1000).padStart(6, "0")}) can0 100#${bytes.toString("hex").toUpperCase()}\n`;
}
