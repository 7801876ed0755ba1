import type { Command } from "commander";
import type { Ecu, EcuDid } from "../../../config/ecu.ts";
import { AgentError, EXIT } from "../../core/errors.ts";
import { nearestWord } from "../../core/nearest-word.ts";
import { type DataValue, hexOf, valuesOf } from "../../diagnostics/uds/data-values.ts";
import { failureText } from "../../diagnostics/uds/outcome.ts";
import type { DidReading } from "../../diagnostics/uds/uds-client.ts";
import { type CliContext, printJson, printLine } from "../context.ts";
import { chosenEcus, listEcus, type UdsOptions, withClients, withUdsOptions } from "../diagnostics/uds-target.ts";
import { alignColumns } from "../text.ts";

const HEX = /^(?:0x)?([0-9a-f]{4})$/i;

/** `causeway uds read`. */
export function registerUdsRead(uds: Command, context: CliContext): void {
  const command = uds
    .command("read")
    .description("values of data identifiers, all readable ones of the catalogue where none is named")
    .argument("<ecu>", "name in the catalogue")
    .argument("[dids...]", "names in the catalogue, or four hexadecimal digits");
  command.addHelpText("after", "\nExamples:\n  causeway uds read body\n  causeway uds read body vin f18c --json");
  withUdsOptions(command).action(async (name: string, names: readonly string[], options: UdsOptions) => {
    const chosen = chosenEcus(await listEcus(context, options), [name]);
    const [{ ecu }] = chosen;
    const dids = names.length === 0 ? ecu.dids.filter(({ readable }) => readable) : names.map((did) => didOf(ecu, did));
    const [readings = []] = await withClients(context, chosen, (client) => client.readDids(dids, context.signal));
    if (context.options().json) printJson(context, { schemaVersion: 1, ecu: name, dids: readings.map(jsonOf) });
    else for (const line of alignColumns(readings.flatMap(rowsOf))) printLine(context, line);
    finish(context, readings);
  });
}

/** One of the catalogue, or one that only its number is known of. */
function didOf({ name, dids }: Ecu, wanted: string): EcuDid {
  const digits = HEX.exec(wanted)?.[1];
  const id = digits === undefined ? undefined : Number.parseInt(digits, 16);
  const found = dids.find((did) => did.name === wanted || did.id === id);
  if (found !== undefined) return found;
  if (id !== undefined) {
    return {
      id,
      name: `did_${id.toString(16).padStart(4, "0")}`,
      summary: "",
      text: "hex",
      signals: [],
      session: "default",
      readable: true,
    };
  }
  const near = nearestWord(
    wanted,
    dids.map((did) => did.name),
  );
  throw new AgentError("usage.invalid", {
    what: `${name} has no data identifier ${wanted} in the catalogue`,
    remedy: near === undefined ? "name one of causeway uds ecus --json, or its number" : `did you mean ${near}?`,
  });
}

function rowsOf({ did, outcome }: DidReading): readonly (readonly string[])[] {
  const id = did.id.toString(16).padStart(4, "0");
  if (outcome.kind !== "done") return [[id, did.name, "-", failureText(outcome)]];
  return valuesOf(did, outcome.value.bytes).map(({ name, value, unit, text }) => [
    id,
    name,
    text === undefined ? shown(value) : `${shown(value)} (${text})`,
    unit,
  ]);
}

function shown(value: DataValue["value"]): string {
  return typeof value === "number" ? String(Number(value.toPrecision(12))) : String(value);
}

function jsonOf({ did, outcome }: DidReading) {
  const named = { did: did.id.toString(16).padStart(4, "0"), name: did.name };
  if (outcome.kind !== "done") return { ...named, problem: failureText(outcome) };
  const { bytes, receivedAtUs } = outcome.value;
  return { ...named, raw: hexOf(bytes), receivedAtUs, values: valuesOf(did, bytes).map(jsonValue) };
}

/** A value as JSON has it: an integer that a float64 cannot hold is text. */
function jsonValue({ name, value, unit, text }: DataValue) {
  return { name, value: typeof value === "bigint" ? String(value) : value, unit, text };
}

function finish(context: CliContext, readings: readonly DidReading[]): void {
  const failed = readings.filter(({ outcome }) => outcome.kind !== "done");
  if (failed.length === 0) return;
  const isDead = failed.length === readings.length && failed.every(({ outcome }) => outcome.kind !== "negative");
  context.finish(isDead ? EXIT.unavailable : EXIT.degraded);
}
