import type { Clock } from "../../core/clock.ts";
import type { CodeTracker } from "../codes/code-tracker.ts";
import { type CodeReading, dtcOf3Bytes, type SeenCode } from "../codes/trouble-code.ts";
import type { CodeStatus } from "./code-answers.ts";
import type { DataValue } from "./data-values.ts";
import { codeText, extendedValues, type KeptRecord, snapshotValues } from "./kept-values.ts";
import type { UdsFailure } from "./outcome.ts";
import type { UdsClient } from "./uds-client.ts";

/** Codes of which snapshots are read after one poll: they take two requests each. The others are told without. */
const MAX_FREEZES = 16;

/** What polls of the codes of one ECU need. */
export type CodePollParts = {
  readonly client: UdsClient;
  readonly bus: string;
  readonly everyMs: number;
  /** Whether snapshots and extended data are read of a code that has come. */
  readonly snapshots: boolean;
  readonly codes: Pick<CodeTracker, "take" | "wantsFreeze">;
  readonly clock: Clock;
  /** Told how many codes go without their snapshots, since too many came at once. */
  readonly onSkipped?: ((count: number) => void) | undefined;
};

/** Reads the codes of one ECU again and again until `signal` aborts. A reading that fails says nothing. */
export async function pollCodes(parts: CodePollParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const reading = await readCodes(parts, signal);
    if ("codes" in reading) parts.codes.take([reading]);
    await parts.clock.sleep(parts.everyMs, signal);
  }
}

/** One reading of all codes of an ECU, with snapshots of those that have come; or why there is none. */
export async function readCodes(
  { client, bus, codes, snapshots, clock, onSkipped }: Omit<CodePollParts, "everyMs">,
  signal: AbortSignal,
): Promise<CodeReading | UdsFailure> {
  const listed = await listCodes(client, signal);
  if (!("codes" in listed)) return listed;
  const timeUs = clock.wallUs();
  const origin = { bus, ecu: client.ecu.name, protocol: "uds" } as const;
  const seen = listed.codes.map((code) => seenCode(client, code));
  const names = seen.map(({ code }) => code);
  const wanted = snapshots ? codes.wantsFreeze(origin, names) : [];
  const chosen = new Set(wanted.slice(0, MAX_FREEZES));
  if (chosen.size < wanted.length) onSkipped?.(wanted.length - chosen.size);
  const frozen: SeenCode[] = [];
  for (const one of seen) frozen.push(chosen.has(one.code) ? await withKept(client, one, signal) : one);
  return { origin, list: "by-status", codes: frozen, timeUs };
}

/** 19 02; of an ECU that does not have it 19 0A, of which those with one of the bits are taken. */
async function listCodes(
  client: UdsClient,
  signal: AbortSignal,
): Promise<{ readonly codes: readonly CodeStatus[] } | UdsFailure> {
  const { statusMask } = client.ecu.troubleCodes;
  const byStatus = await client.readCodes(statusMask, signal);
  if (byStatus.kind === "done") return byStatus.value;
  if (byStatus.kind !== "negative" || byStatus.code !== 0x12) return byStatus;
  const supported = await client.supportedCodes(signal);
  if (supported.kind !== "done") return supported;
  return { codes: supported.value.codes.filter(({ status }) => (status & statusMask) !== 0) };
}

function seenCode({ ecu }: UdsClient, { raw, status }: CodeStatus): SeenCode {
  const code = dtcOf3Bytes(raw);
  return { code, raw, status, text: codeText(ecu, code) };
}

/** Reads what the ECU keeps with a code; what it does not give is left out. */
async function withKept(client: UdsClient, seen: SeenCode, signal: AbortSignal): Promise<SeenCode> {
  const { ecu } = client;
  const snapshots = await client.snapshots(seen.raw, signal);
  const extended = await client.extendedData(seen.raw, signal);
  const kept = [
    ...(snapshots.kind === "done" ? freezeNames(snapshotValues(ecu, snapshots.value)) : []),
    ...(extended.kind === "done" ? extendedValues(ecu, extended.value).flatMap(({ values }) => values) : []),
  ];
  const counted = kept.find(({ name }) => name === ecu.troubleCodes.occurrences)?.value;
  const freeze = kept.map(({ name, value, unit, text }) => ({
    name,
    value: text ?? (typeof value === "bigint" ? String(value) : value),
    ...(unit === "" ? {} : { unit }),
  }));
  return { ...seen, freeze, occurrences: typeof counted === "number" ? counted : undefined };
}

/** The values of the first record by their names, those of others with the number of theirs. */
function freezeNames(records: readonly KeptRecord[]): readonly DataValue[] {
  return records.flatMap(({ record, values }, at) =>
    at === 0 ? values : values.map((value) => ({ ...value, name: `${value.name}@${record}` })),
  );
}
