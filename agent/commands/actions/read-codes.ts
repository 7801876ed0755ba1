import { z } from "zod";
import { chosenUnits, type UnitCodes, unitsOf } from "../../diagnostics/codes/code-desk.ts";
import type { CodeReaders } from "../../diagnostics/codes/code-readers.ts";
import type { CodeTracker } from "../../diagnostics/codes/code-tracker.ts";
import type { CodeState } from "../../telemetry/record/encode/trouble-code.ts";
import type { Action, Outcome, PartialResult } from "../action.ts";
import { rejected } from "../answer.ts";
import { alwaysSafe, invalidArguments } from "./prepare.ts";

const MAX_UNITS = 64;
/** Reading control units one after the other takes this long at most: slow ones say "response pending" for minutes. */
const TIMEOUT_MS = 300_000;
const PROTOCOLS = { obd: "ISO 15765-4", uds: "ISO 14229", j1939: "SAE J1939" } as const;

const codesArguments = z.strictObject({
  ecus: z.array(z.string().min(1).max(100)).min(1).max(MAX_UNITS).optional(),
  freeze: z.boolean().default(false),
  fresh: z.boolean().default(false),
  report: z.boolean().default(false),
});

export type ReadCodesParts = {
  readonly tracker: Pick<CodeTracker, "list">;
  readonly readers: Pick<CodeReaders, "list">;
  /** Sends a report of all active codes, as one that was asked for; of one control unit where it is named. */
  readonly report: (ecu: string | undefined) => void;
};

/**
 * `dtc.read`: the active and permanent trouble codes of each control unit, as the agent knows them, or `fresh` from the control unit. With
 * `report` they come as a record too.
 */
export function readCodes(parts: ReadCodesParts): Action {
  return {
    name: "dtc.read",
    commandClass: "R0",
    keyRole: "commands",
    endsInRestart: false,
    summary: "active trouble codes of control units",
    uses: [],
    timeoutMs: TIMEOUT_MS,
    prepare: (given) => {
      const parsed = codesArguments.safeParse(given);
      if (!parsed.success) return invalidArguments(parsed.error);
      const { ecus, freeze, fresh, report } = parsed.data;
      const chosen = chosenUnits(unitsOf(parts.tracker, parts.readers), ecus);
      if (chosen.kind === "unfit") return rejected("ARGUMENT_OUT_OF_RANGE", chosen.problem);
      return alwaysSafe(async (signal, tell) => {
        const result = await readAll(chosen.units, { freeze, fresh }, parts, { signal, tell });
        if (report) for (const ecu of ecus ?? [undefined]) parts.report(ecu);
        return { kind: "done", result } satisfies Outcome;
      });
    },
  };
}

type How = { readonly freeze: boolean; readonly fresh: boolean };
type Running = { readonly signal: AbortSignal; readonly tell: (part: PartialResult) => void };

async function readAll(
  units: readonly UnitCodes[],
  how: How,
  parts: ReadCodesParts,
  { signal, tell }: Running,
): Promise<Record<string, string>> {
  const result: Record<string, string> = {};
  for (const [index, unit] of units.entries()) {
    const value = await readUnit(unit, how, parts, signal);
    result[unit.name] = value;
    tell({ name: unit.name, value, index, total: units.length });
  }
  return result;
}

async function readUnit(unit: UnitCodes, how: How, parts: ReadCodesParts, signal: AbortSignal): Promise<string> {
  if (!how.fresh) return unitText(unit, how.freeze);
  if (unit.reader === undefined) return JSON.stringify({ problem: "tells its codes by itself, and cannot be asked" });
  const problem = await unit.reader.read(signal);
  if (problem !== undefined) return JSON.stringify({ problem });
  const now = unitsOf(parts.tracker, parts.readers).find(({ name }) => name === unit.name) ?? unit;
  return unitText(now, how.freeze);
}

function unitText({ origin, codes }: UnitCodes, withFreeze: boolean): string {
  return JSON.stringify({
    protocol: PROTOCOLS[origin.protocol],
    codes: codes.map((code) => ({
      code: code.code,
      text: code.text,
      status: statusOf(code),
      bits: code.status,
      occurrences: code.ecuOccurrences ?? code.occurrences,
      firstSeenMs: Math.floor(code.firstSeenUs / 1000),
      lastSeenMs: Math.floor(code.lastSeenUs / 1000),
      odometerKm: code.odometerKm,
      ...(withFreeze && code.freeze.length > 0 && { freeze: freezeOf(code) }),
    })),
  });
}

function statusOf({ protocol, isActive, isConfirmed, isPending }: CodeState): string {
  if (!isActive) return "permanent";
  if (protocol === "j1939" && isConfirmed) return "active";
  if (isConfirmed) return "confirmed";
  return isPending ? "pending" : "active";
}

/** By name, with the time when the code appeared or came back, since no control unit tells that of its freeze data. */
function freezeOf({ freeze, sinceUs }: CodeState): Record<string, unknown> {
  const timeMs = Math.floor(sinceUs / 1000);
  return Object.fromEntries(freeze.map(({ name, value, unit }) => [name, { value, unit, timeMs }]));
}
