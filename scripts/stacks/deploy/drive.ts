import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { stringify } from "yaml";
import { z } from "zod";
import { VEHICLE_POLICIES } from "./plan.ts";
import { aws, endpointStep, type Step, type Values } from "./step.ts";

/** A simulated vehicle, and how long it drives. */
export type DriveOptions = {
  readonly environment: string;
  readonly region: string;
  readonly thing: string;
  readonly seconds: number;
  /** Where its configuration, certificate and key go. */
  readonly folder: string;
};

const ROOT = join(import.meta.dirname, "../../..");
const CA_FILE = "/etc/ssl/certs/ca-certificates.crt";
const FRAME_MS = 10;

const DBC = `VERSION ""
BU_: Vector__XXX
BO_ 256 Engine: 8 Vector__XXX
 SG_ Speed : 0|16@1+ (0.1,0) [0|0] "km/h" Vector__XXX
 SG_ Counter : 16|16@1+ (1,0) [0|0] "" Vector__XXX
`;

const content = z.object({
  columns: z.array(
    z.object({ message: z.string(), signal: z.string(), unit: z.string().optional(), values: z.array(z.unknown()) }),
  ),
});

/**
 * From running stacks to decoded rows: a thing with a certificate in a file (`bench: true`; a vehicle has its key in the TPM and comes by
 * `causeway provision`), the agent of this checkout over a drive that is replayed, and what of it is in the table.
 */
export function driveSteps(options: DriveOptions): readonly Step[] {
  const { environment, region, thing, seconds, folder } = options;
  const config = join(folder, "agent.yaml");
  const series = JSON.stringify({ ":series": { S: `${thing}#samples` } });
  return [
    endpointStep(region),
    {
      kind: "run",
      says: "a thing",
      command: [
        ...aws("iot", "create-thing", region),
        "--thing-name",
        thing,
        "--thing-type-name",
        `causeway-${environment}-vehicle`,
      ],
    },
    {
      kind: "run",
      says: "its certificate",
      command: [...aws("iot", "create-keys-and-certificate", region), "--set-as-active"],
      learns: { certificateArn: "certificateArn", certificate: "certificatePem", privateKey: "keyPair.PrivateKey" },
    },
    {
      kind: "run",
      says: "both belong together",
      command: [
        ...aws("iot", "attach-thing-principal", region),
        "--thing-name",
        thing,
        "--principal",
        "{certificateArn}",
      ],
    },
    ...VEHICLE_POLICIES.map(
      (policy): Step => ({
        kind: "run",
        says: `it may do what vehicles do: ${policy}`,
        command: [
          ...aws("iot", "attach-policy", region),
          "--policy-name",
          `causeway-${environment}-vehicle-${policy}`,
          "--target",
          "{certificateArn}",
        ],
      }),
    ),
    {
      kind: "make",
      says: `its configuration, certificate and key, below ${folder}`,
      learns: "config",
      make: (values) => Promise.resolve(writeVehicle(options, config, values)),
    },
    {
      kind: "run",
      says: "it drives",
      command: [
        "timeout",
        "--preserve-status",
        "--signal=TERM",
        String(seconds),
        join(ROOT, "scripts/causeway"),
        "run",
        "--config",
        config,
      ],
    },
    {
      kind: "run",
      says: "what has come",
      command: [
        ...aws("dynamodb", "query", region),
        "--table-name",
        `causeway-${environment}-records`,
        "--index-name",
        "by-time",
        "--key-condition-expression",
        "series = :series",
        "--expression-attribute-values",
        series,
        "--no-scan-index-forward",
        "--max-items",
        "1",
      ],
      learns: { content: "Items.0.content.B" },
    },
    {
      kind: "make",
      says: "its newest samples",
      learns: "rows",
      make: (values) => Promise.resolve(rowsOf(values.get("content"))),
    },
  ];
}

function writeVehicle({ thing, folder, seconds }: DriveOptions, config: string, values: Values): string {
  const [certificate = "", key = "", host = ""] = ["certificate", "privateKey", "endpoint"].map((name) =>
    values.get(name),
  );
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const part of ["state", "run"]) mkdirSync(join(folder, part), { recursive: true });
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text, { mode: 0o600 });
  write("device.pem", certificate);
  write("device.key", key);
  write("car.dbc", DBC);
  const frames = Array.from({ length: (seconds * 1000) / FRAME_MS }, (_, n) => frameLine(n));
  write("drive.log", frames.join(""));
  const settings = {
    thingName: thing,
    bench: true,
    stateDir: join(folder, "state"),
    runtimeDir: join(folder, "run"),
    buses: [{ name: "can0", driver: "replay", file: "drive.log" }],
    dbc: [{ file: "car.dbc" }],
    broker: { host, caFile: CA_FILE },
    identity: { mode: "file", certificateFile: "device.pem", keyFile: "device.key" },
  };
  write("agent.yaml", stringify(settings));
  return config;
}

/** A line of a candump log: the speed goes up to 120 km/h and down again. */
function frameLine(n: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(Math.round(600 - 600 * Math.cos(n / 300)), 0);
  bytes.writeUInt16LE(n & 0xffff, 2);
  const at = 1_700_000_000 + (n * FRAME_MS) / 1000;
  return `(${at.toFixed(6)}) can0 100#${bytes.toString("hex").toUpperCase()}\n`;
}

/** The newest item's samples, a line a signal. */
function rowsOf(encoded: string | undefined): string {
  if (encoded === undefined) return "nothing has come: see the log group of the consumer, and that of AWS IoT";
  const { columns } = content.parse(JSON.parse(gunzipSync(Buffer.from(encoded, "base64")).toString("utf8")));
  return columns
    .map(({ message, signal, unit = "", values }) =>
      `${message}.${signal}\t${values.slice(-5).join(" ")} ${unit}`.trim(),
    )
    .join("\n");
}
