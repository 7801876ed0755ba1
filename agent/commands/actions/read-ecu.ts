import { z } from "zod";
import type { EcuDid } from "../../../config/ecu.ts";
import { type DataValue, valuesOf } from "../../diagnostics/uds/data-values.ts";
import { failureText } from "../../diagnostics/uds/outcome.ts";
import type { DidReading, UdsClient } from "../../diagnostics/uds/uds-client.ts";
import type { Action, PartialResult, Prepared } from "../action.ts";
import { type Answer, type CommandRejection, rejected } from "../answer.ts";
import { alwaysSafe, invalidArguments } from "./prepare.ts";

const MAX_NAMES = 64;
/** Turns on the bus apart, for one ECU, ms. */
const READ_MS = 30_000;
const HEX = /^(?:0x)?([0-9a-f]{4})$/i;

const READ = { commandClass: "R0", keyRole: "commands", endsInRestart: false, uses: [] } as const;
const name = z.string().min(1).max(64);
const dataArguments = z.strictObject({ ecu: name, data: z.array(name).min(1).max(MAX_NAMES) });
const identityArguments = z.strictObject({ ecus: z.array(name).min(1).max(MAX_NAMES).optional() });

/** ECUs of the catalogue, by name. */
type Clients = ReadonlyMap<string, UdsClient>;

/** `ecu.read`: data identifiers of one ECU, each as JSON text; those that the catalogue has, and no others. */
export function readEcu(clients: Clients): Action {
  return {
    ...READ,
    name: "ecu.read",
    summary: "data identifiers of a control unit",
    timeoutMs: READ_MS,
    prepare: (given) => {
      const parsed = dataArguments.safeParse(given);
      if (!parsed.success) return invalidArguments(parsed.error);
      const { ecu, data } = parsed.data;
      const client = clients.get(ecu);
      if (client === undefined) return unknownEcu(ecu, clients);
      const dids = data.map((wanted) => [wanted, didOf(client, wanted)] as const);
      const missing = dids.find(([, did]) => did === undefined);
      if (missing !== undefined) return rejected("ARGUMENT_OUT_OF_RANGE", `${ecu} has no readable data ${missing[0]}`);
      const wanted = dids.flatMap(([asked, did]) => (did === undefined ? [] : [{ asked, did }]));
      return alwaysSafe(async (signal) => {
        const readings = await client.readDids([...new Set(wanted.map(({ did }) => did))], signal);
        const texts = new Map(readings.map((reading) => [reading.did, JSON.stringify(dataOf(reading))]));
        return {
          kind: "done",
          result: Object.fromEntries(wanted.map(({ asked, did }) => [asked, texts.get(did) ?? ""])),
        };
      });
    },
  };
}

/** `ecu.identity`: what the catalogue marks as identity, of some ECUs or all, each as JSON text. */
export function identifyEcus(clients: Clients): Action {
  return {
    ...READ,
    name: "ecu.identity",
    summary: "part numbers and versions of control units",
    timeoutMs: READ_MS * Math.max(1, clients.size),
    prepare: (given) => {
      const parsed = identityArguments.safeParse(given);
      if (!parsed.success) return invalidArguments(parsed.error);
      const names = parsed.data.ecus ?? [...clients.keys()];
      const missing = names.find((one) => !clients.has(one));
      if (missing !== undefined) return unknownEcu(missing, clients);
      return identifying(names.flatMap((one) => clients.get(one) ?? []));
    },
  };
}

/** One after the other; each is told as soon as it has answered. */
function identifying(clients: readonly UdsClient[]): Prepared {
  return alwaysSafe(async (signal, tell) => {
    const result: Record<string, string> = {};
    for (const [index, client] of clients.entries()) {
      const value = JSON.stringify(await identityOf(client, signal));
      result[client.ecu.name] = value;
      tell({ name: client.ecu.name, value, index, total: clients.length } satisfies PartialResult);
    }
    return { kind: "done", result } satisfies { kind: "done"; result: Answer["result"] };
  });
}

async function identityOf(client: UdsClient, signal: AbortSignal) {
  const marked = client.ecu.dids.filter(({ identity, readable }) => identity !== undefined && readable);
  const readings = await client.readDids(marked, signal);
  const read = readings.flatMap(({ did: { identity, ...did }, outcome }) =>
    outcome.kind !== "done" || identity === undefined
      ? []
      : [[identity, shown(valuesOf(did, outcome.value.bytes))] as const],
  );
  const failed = readings.find(({ outcome }) => outcome.kind !== "done")?.outcome;
  if (read.length > 0 || failed === undefined || failed.kind === "done") return { identity: Object.fromEntries(read) };
  return { problem: failureText(failed) };
}

function shown(values: readonly DataValue[]): string {
  return values.map(({ value, text }) => text ?? String(value)).join(" ");
}

function dataOf({ did, outcome }: DidReading) {
  const named = { did: did.id.toString(16).toUpperCase().padStart(4, "0"), name: did.name };
  if (outcome.kind !== "done") return { ...named, problem: failureText(outcome) };
  const values = valuesOf(did, outcome.value.bytes);
  const [first] = values;
  if (values.length === 1) return { ...named, ...valueOf(first) };
  return { ...named, values: Object.fromEntries(values.map((one) => [one.name, valueOf(one)])) };
}

function valueOf({ value, unit, text }: DataValue) {
  return { value: text ?? (typeof value === "bigint" ? String(value) : value), unit };
}

function didOf({ ecu }: UdsClient, wanted: string): EcuDid | undefined {
  const digits = HEX.exec(wanted)?.[1];
  const id = digits === undefined ? undefined : Number.parseInt(digits, 16);
  return ecu.dids.find((did) => did.readable && (did.name === wanted || did.id === id));
}

function unknownEcu(wanted: string, clients: Clients): CommandRejection {
  return rejected(
    "ARGUMENT_OUT_OF_RANGE",
    `there is no control unit ${wanted}; known: ${[...clients.keys()].join(", ")}`,
  );
}
