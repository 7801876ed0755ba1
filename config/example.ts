import { Document, isMap, isScalar, isSeq } from "yaml";
import { z } from "zod";
import { agentConfig } from "./schema.ts";

/** What an integrator has to choose; everything else in the example is the schema's default. */
const CHOICES = {
  thingName: "truck-0001",
  buses: [{ name: "can0", driver: "native", interface: "can0" }],
  dbc: [{ file: "dbc/vehicle.dbc", buses: ["can0"] }],
  collect: {
    rules: [
      { signals: "*", mode: "on-change" },
      { signals: "*.*Temperature*", mode: "every", ms: 1000 },
    ],
  },
  broker: { host: "example-ats.iot.eu-central-1.amazonaws.com", caFile: "ca.pem" },
  identity: {
    mode: "pkcs11",
    tokenLabel: "causeway",
    keyLabel: "device",
    certificateFile: "/var/lib/causeway/identity/device.pem",
  },
  ota: {
    rootFile: "root.1.json",
    hardware: "gateway-2",
    gate: {
      condition: {
        signals: { speed: "VehicleSpeed.Speed", rpm: "EngineSpeed.EngineRpm" },
        all: ["speed < 0.5", "rpm < 1.0"],
      },
    },
  },
} as const;

const HEADER = ` Causeway configuration. Every setting is shown with its default; only those without one must stay.
 Check it with: causeway config validate --config FILE
 Files in agent.d/*.yaml beside this one are merged over it in name order.
 yaml-language-server: $schema=agent.schema.json`;

/** JSON Schema (draft 2020-12) of the configuration as a person writes it, for editors. */
export function configJsonSchema(): unknown {
  return z.toJSONSchema(agentConfig, { io: "input" });
}

/** A whole agent.yaml with every default and its meaning as a comment. It passes the schema as it stands. */
export function exampleConfig(): string {
  const document = new Document(agentConfig.parse(CHOICES));
  document.commentBefore = HEADER;
  if (isMap(document.contents)) describe(document.contents, [configJsonSchema()]);
  return document.toString({ lineWidth: 0 });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Writes each key's description above it; `schemas` are the alternatives that may describe `node`. */
function describe(node: unknown, schemas: readonly unknown[]): void {
  const flat = schemas.flatMap(alternatives);
  if (isSeq(node)) {
    for (const item of node.items)
      describe(
        item,
        flat.flatMap((schema) => (schema.items === undefined ? [] : [schema.items])),
      );
  }
  if (!isMap(node)) return;
  const fitting = flat.filter((schema) => fits(node, schema));
  for (const pair of node.items) {
    if (!isScalar(pair.key)) continue;
    const key = String(pair.key.value);
    const below = fitting.flatMap((schema) =>
      isRecord(schema.properties) && schema.properties[key] !== undefined ? [schema.properties[key]] : [],
    );
    const text = below
      .flatMap(alternatives)
      .map((schema) => schema.description)
      .find((description) => typeof description === "string");
    if (text !== undefined) pair.key.commentBefore = ` ${text}`;
    describe(pair.value, below);
  }
}

function alternatives(schema: unknown): Readonly<Record<string, unknown>>[] {
  if (!isRecord(schema)) return [];
  const nested = [schema.anyOf, schema.oneOf, schema.allOf].flatMap((list): unknown[] =>
    Array.isArray(list) ? list : [],
  );
  return [schema, ...nested.flatMap(alternatives)];
}

/** Whether every constant of this alternative (driver, mode) is what the map says. */
function fits(node: { get(key: string): unknown }, schema: Readonly<Record<string, unknown>>): boolean {
  if (!isRecord(schema.properties)) return false;
  return Object.entries(schema.properties).every(
    ([key, value]) => !isRecord(value) || value.const === undefined || node.get(key) === value.const,
  );
}
