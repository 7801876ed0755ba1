import { ChangeSignal } from "../core/change-signal.ts";
import { AgentError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { chosenUnits, type UnitCodes, unitsOf } from "../diagnostics/codes/code-desk.ts";
import type { CodeReader, CodeReaders } from "../diagnostics/codes/code-readers.ts";
import type { CodeTracker } from "../diagnostics/codes/code-tracker.ts";
import type { TroubleCodeEvent } from "../telemetry/record/encode/trouble-code.ts";
import { clearCodes, listCodes, readCodesNow, type ShownEvent, watchCodes } from "./codes-schema.ts";
import type { ServedVerb } from "./verb.ts";

/** Events that wait for one who watches and does not read; the oldest go. */
const MAX_WAITING = 1000;

export type CodesHandlerParts = {
  readonly tracker: CodeTracker;
  readonly readers: Pick<CodeReaders, "list">;
  /** Whether a technician may clear codes on a bus. */
  readonly mayClear: (bus: string) => boolean;
  readonly log: Log;
};

/** Trouble codes: `codes.list`, `codes.watch`, `codes.read`, `codes.clear`. A clear is logged before it acts. */
export function codesHandlers(parts: CodesHandlerParts): readonly ServedVerb[] {
  const { tracker, readers } = parts;
  return [
    listCodes.answeredBy(({ ecus, all }) => {
      const chosen = unitsNamed(parts, ecus);
      const codes = tracker
        .list()
        .filter((code) => chosen.some(({ origin }) => origin.bus === code.bus && origin.ecu === code.ecu))
        .filter((code) => all || code.isActive);
      const names = unitsOf(tracker, readers).map(({ name }) => name);
      return { schemaVersion: 1, codes, ecus: names, counters: tracker.counters() };
    }),
    watchCodes.answeredBy((_request, signal) => watch(tracker, signal)),
    readCodesNow.answeredBy(async ({ ecus }, signal) => ({
      schemaVersion: 1,
      units: await each(readable(parts, ecus), (reader) => reader.read(signal)),
    })),
    clearCodes.answeredBy(async ({ ecus }, signal) => ({
      schemaVersion: 1,
      units: await each(readable(parts, ecus), (reader) => clear(reader, parts, signal)),
    })),
  ];
}

type Asked = UnitCodes & { readonly reader: CodeReader };

async function each(
  units: readonly Asked[],
  act: (reader: CodeReader) => Promise<string | undefined>,
): Promise<{ readonly ecu: string; readonly problem: string | undefined }[]> {
  const outcomes: { readonly ecu: string; readonly problem: string | undefined }[] = [];
  // One after the other: a bus has room for one request at a time.
  for (const { name, reader } of units) outcomes.push({ ecu: name, problem: await act(reader) });
  return outcomes;
}

async function clear(
  { origin, clear: act }: CodeReader,
  { tracker, mayClear, log }: CodesHandlerParts,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { bus, ecu } = origin;
  if (!mayClear(bus))
    return `may not be told to clear its codes: diagnostics.buses[].technician of ${bus} has no clear`;
  log.warn("admin.codes-clear-requested", { bus, ecu });
  const problem = act === undefined ? "cannot be told to clear its codes" : await act(signal);
  if (problem === undefined) tracker.noteClear({ bus, ecu }, "agent");
  return problem;
}

function unitsNamed(
  { tracker, readers }: CodesHandlerParts,
  ecus: readonly string[] | undefined,
): readonly UnitCodes[] {
  const chosen = chosenUnits(unitsOf(tracker, readers), ecus);
  if (chosen.kind === "units") return chosen.units;
  throw new AgentError("usage.invalid", { what: chosen.problem, remedy: "see: causeway dtc list" });
}

/** Those that can be asked; throws `usage.invalid` for one that is named and cannot. */
function readable(parts: CodesHandlerParts, ecus: readonly string[] | undefined): readonly Asked[] {
  return unitsNamed(parts, ecus).flatMap((unit) => {
    const { name, reader } = unit;
    if (reader !== undefined) return [{ ...unit, reader }];
    if (ecus === undefined) return [];
    const what = `control unit ${name} tells its codes by itself, and is not asked`;
    throw new AgentError("usage.invalid", { what, remedy: "see: causeway dtc list" });
  });
}

async function* watch(tracker: Pick<CodeTracker, "watch">, signal: AbortSignal): AsyncGenerator<ShownEvent> {
  const waiting: TroubleCodeEvent[] = [];
  const changed = new ChangeSignal();
  const end = tracker.watch((event) => {
    waiting.push(event);
    if (waiting.length > MAX_WAITING) waiting.shift();
    changed.notify();
  });
  try {
    while (!signal.aborted) {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) yield shownOf(next);
      await changed.next(signal);
    }
  } finally {
    end();
  }
}

function shownOf({ number, event, timeUs, code, cleared }: TroubleCodeEvent): ShownEvent {
  return { schemaVersion: 1, number, event, timeUs, code: { ...code }, cleared };
}
