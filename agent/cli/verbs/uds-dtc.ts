import { type Command, InvalidArgumentError } from "commander";
import { EXIT } from "../../core/errors.ts";
import { dtcOf3Bytes, UDS_STATUS } from "../../diagnostics/codes/trouble-code.ts";
import type { CodeStatus } from "../../diagnostics/uds/code-answers.ts";
import type { DataValue } from "../../diagnostics/uds/data-values.ts";
import { codeText, extendedValues, type KeptRecord, snapshotValues } from "../../diagnostics/uds/kept-values.ts";
import { failureText, type UdsFailure, type UdsOutcome } from "../../diagnostics/uds/outcome.ts";
import type { UdsClient } from "../../diagnostics/uds/uds-client.ts";
import { type CliContext, printJson, printLine } from "../context.ts";
import { chosenEcus, listEcus, type UdsOptions, withClients, withUdsOptions } from "../diagnostics/uds-target.ts";
import { alignColumns } from "../text.ts";

const HEAD = ["ECU", "CODE", "STATUS", "TEXT"];
const STATUS_WORDS = [
  [UDS_STATUS.testFailed, "failed"],
  [UDS_STATUS.failedThisCycle, "failed this cycle"],
  [UDS_STATUS.pending, "pending"],
  [UDS_STATUS.confirmed, "confirmed"],
  [UDS_STATUS.notCompletedSinceClear, "not tested since clear"],
  [UDS_STATUS.failedSinceClear, "failed since clear"],
  [UDS_STATUS.notCompletedThisCycle, "not tested this cycle"],
  [UDS_STATUS.warningIndicator, "warning lamp"],
] as const;

type CodesOptions = UdsOptions & { readonly mask?: number; readonly supported?: true; readonly snapshots?: true };

/** A code with what the ECU keeps with it, or why that could not be read. */
type ReadCode = CodeStatus & {
  readonly code: string;
  readonly text: string | undefined;
  readonly snapshots?: Kept;
  readonly extendedData?: Kept;
};
type Kept = { readonly records: readonly KeptRecord[] } | { readonly problem: string };
type ReadEcu = { readonly ecu: string; readonly bus: string } & (
  | { readonly codes: readonly ReadCode[] }
  | { readonly failure: UdsFailure }
);

/** `causeway uds dtc`. */
export function registerUdsCodes(uds: Command, context: CliContext): void {
  const command = uds
    .command("dtc")
    .description("trouble codes of control units, all that are on a bus where none is named")
    .argument("[ecus...]", "names in the catalogue")
    .option("--mask <bits>", "codes with one of these status bits, as 0x0d; the catalogue's where absent", maskOf)
    .option("--supported", "every code that a control unit knows, whatever its status")
    .option("--snapshots", "with what the control unit keeps with each code");
  command.addHelpText("after", "\nExamples:\n  causeway uds dtc\n  causeway uds dtc body --snapshots --json");
  withUdsOptions(command).action(async (names: readonly string[], options: CodesOptions) => {
    const chosen = chosenEcus(await listEcus(context, options), names);
    const read = await withClients(context, chosen, (client, bus) => readEcu(client, bus, options, context.signal));
    if (context.options().json) printJson(context, { schemaVersion: 1, ecus: read.map(jsonOf) });
    else printTable(context, read);
    const failed = read.filter((one) => "failure" in one).length;
    if (failed > 0) context.finish(failed === read.length ? EXIT.unavailable : EXIT.degraded);
  });
}

function maskOf(text: string): number {
  const mask = Number(text);
  if (Number.isInteger(mask) && mask >= 1 && mask <= 0xff) return mask;
  throw new InvalidArgumentError("must be 1 to 255, as 0x0d.");
}

async function readEcu(
  client: UdsClient,
  bus: string,
  { mask, supported, snapshots }: CodesOptions,
  signal: AbortSignal,
): Promise<ReadEcu> {
  const { name, troubleCodes } = client.ecu;
  const listed =
    supported === true
      ? await client.supportedCodes(signal)
      : await client.readCodes(mask ?? troubleCodes.statusMask, signal);
  if (listed.kind !== "done") return { ecu: name, bus, failure: listed };
  const codes: ReadCode[] = [];
  for (const one of listed.value.codes) {
    const code = dtcOf3Bytes(one.raw);
    const kept = snapshots === true ? await keptWith(client, one.raw, signal) : {};
    codes.push({ ...one, code, text: codeText(client.ecu, code), ...kept });
  }
  return { ecu: name, bus, codes };
}

async function keptWith(
  client: UdsClient,
  raw: number,
  signal: AbortSignal,
): Promise<Pick<ReadCode, "snapshots" | "extendedData">> {
  const { ecu } = client;
  const snapshots = await client.snapshots(raw, signal);
  const extended = await client.extendedData(raw, signal);
  return {
    snapshots: keptOf(snapshots, (records) => snapshotValues(ecu, records)),
    extendedData: keptOf(extended, (records) => extendedValues(ecu, records)),
  };
}

function keptOf<T>(outcome: UdsOutcome<T>, read: (value: T) => readonly KeptRecord[]): Kept {
  return outcome.kind === "done" ? { records: read(outcome.value) } : { problem: failureText(outcome) };
}

function printTable(context: CliContext, read: readonly ReadEcu[]): void {
  const rows = read.flatMap((one) => {
    if ("failure" in one) return [[one.ecu, "-", failureText(one.failure), ""]];
    if (one.codes.length === 0) return [[one.ecu, "no codes", "", ""]];
    return one.codes.flatMap((code) => [
      [one.ecu, code.code, statusText(code.status), code.text ?? ""],
      ...keptRows("snapshot", code.snapshots),
      ...keptRows("extended data", code.extendedData),
    ]);
  });
  for (const line of alignColumns([HEAD, ...rows])) printLine(context, line);
}

function keptRows(kind: string, kept: Kept | undefined): readonly (readonly string[])[] {
  if (kept === undefined) return [];
  if ("problem" in kept) return [["", "", kind, kept.problem]];
  return kept.records.map(({ record, values }) => ["", "", `${kind} ${record}`, values.map(valueText).join(", ")]);
}

function valueText({ name, value, unit, text }: DataValue): string {
  return `${name} ${text ?? String(value)}${unit === "" ? "" : ` ${unit}`}`;
}

function statusText(status: number): string {
  const words = STATUS_WORDS.filter(([bit]) => (status & bit) !== 0).map(([, word]) => word);
  return words.length === 0 ? "none" : words.join(", ");
}

function jsonOf(one: ReadEcu) {
  const { ecu, bus } = one;
  if ("failure" in one) return { ecu, bus, problem: failureText(one.failure) };
  return {
    ecu,
    bus,
    codes: one.codes.map(({ code, raw, status, text, snapshots, extendedData }) => ({
      code,
      raw: raw.toString(16).padStart(6, "0"),
      status,
      bits: statusText(status),
      text,
      snapshots: keptJson(snapshots),
      extendedData: keptJson(extendedData),
    })),
  };
}

function keptJson(kept: Kept | undefined) {
  if (kept === undefined || "problem" in kept) return kept;
  return kept.records.map(({ record, values }) => ({
    record,
    values: values.map(({ name, value, unit, text }) => ({
      name,
      value: typeof value === "bigint" ? String(value) : value,
      unit,
      text,
    })),
  }));
}
