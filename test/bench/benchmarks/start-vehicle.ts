import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { type Authority, writeIdentity } from "../cloud/certificate-authority.ts";
import type { Tpm } from "../tpm/tpm.ts";

/** The thing of this benchmark; one certificate in a file and one for the key in the TPM. */
export const THING = "bench-start";

const FRAMES = 200;
const FIRST_ID = 0x100;

/** A vehicle whose start is measured: the file of its configuration, and where the daemon answers. */
export type StartVehicle = { readonly configFile: string; readonly viewSocket: string };

/** What differs between the vehicles. */
export type VehicleRequest = {
  readonly folder: string;
  readonly messages: number;
  readonly signalsEach: number;
  /** Of the broker, or of what leads there. */
  readonly port: number;
  readonly caFile: string;
  readonly identity: Readonly<Record<string, unknown>>;
};

/** Writes the vehicle: a plain configuration with one DBC file, and a bus that is a short log. */
export function writeStartVehicle(request: VehicleRequest): StartVehicle {
  const { folder, messages, signalsEach, port, caFile, identity } = request;
  const runtimeDir = join(folder, "run");
  mkdirSync(runtimeDir, { recursive: true });
  writeFileSync(join(folder, "car.dbc"), dbcOf(messages, signalsEach));
  writeFileSync(join(folder, "drive.log"), Array.from({ length: FRAMES }, (_, n) => logLine(n)).join(""));
  const config = {
    thingName: THING,
    bench: true,
    // What tells when the start was how far.
    log: { level: "debug" },
    stateDir: join(folder, "state"),
    runtimeDir,
    buses: [{ name: "can0", driver: "replay", file: "drive.log" }],
    dbc: [{ file: "car.dbc" }],
    broker: { host: "localhost", port, caFile },
    identity,
  };
  const configFile = join(folder, "agent.yaml");
  writeFileSync(configFile, stringify(config), { mode: 0o600 });
  return { configFile, viewSocket: join(runtimeDir, "view.sock") };
}

/** A certificate whose key is in a file. */
export async function fileIdentityOf(folder: string, authority: Authority) {
  const issued = await authority.issue({ commonName: THING, usage: "client" });
  return { mode: "file", ...writeIdentity(folder, "device", issued) } as const;
}

/** A certificate for the key in the TPM. */
export async function tokenIdentityOf(folder: string, authority: Authority, tpm: Tpm) {
  const { tokenLabel, keyLabel, pinFile, storeDir, tcti, publicKeyPem } = tpm;
  const { certificatePem } = await authority.issue({ commonName: THING, usage: "client", publicKeyPem });
  const certificateFile = join(folder, "token.pem");
  writeFileSync(certificateFile, certificatePem);
  return { mode: "pkcs11", tokenLabel, keyLabel, certificateFile, pinFile, storeDir, tcti } as const;
}

function dbcOf(messages: number, signalsEach: number): string {
  const bits = Math.floor(64 / signalsEach);
  const signalOf = (message: number, at: number): string =>
    ` SG_ Signal${message}_${at} : ${at * bits}|${bits}@1+ (0.1,0) [0|0] "km/h" Vector__XXX\n`;
  const messageOf = (message: number): string =>
    `BO_ ${FIRST_ID + message} Message${message}: 8 Vector__XXX\n` +
    `${Array.from({ length: signalsEach }, (_, at) => signalOf(message, at)).join("")}\n`;
  return `VERSION ""\nBU_: Vector__XXX\n${Array.from({ length: messages }, (_, at) => messageOf(at)).join("")}`;
}

function logLine(n: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(n, 0);
  return `(1700000000.${String(n * 1000).padStart(6, "0")}) can0 100#${bytes.toString("hex").toUpperCase()}\n`;
}
