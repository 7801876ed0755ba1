import { z } from "zod";
import type { Clock } from "../../core/clock.ts";
import type { LatestSignals } from "../../signals/latest-signals.ts";
import type { SignalEntry } from "../../signals/signal-entry.ts";
import type { Action, Outcome } from "../action.ts";
import { type Answer, type CommandRejection, rejected } from "../answer.ts";
import { alwaysSafe, invalidArguments } from "./prepare.ts";

const MAX_SIGNALS = 64;
const MAX_WAIT_MS = 30_000;
/** Between two looks at the signals, ms: none announces itself, so that the way of a frame stays short. */
const POLL_MS = 10;

const names = z.array(z.string().min(1).max(256)).min(1).max(MAX_SIGNALS);
const lastArguments = z.strictObject({ signals: names });
const readArguments = z.strictObject({ signals: names, withinMs: z.int().min(1).max(MAX_WAIT_MS).default(5000) });

export type ReadSignalsParts = { readonly signals: LatestSignals; readonly clock: Clock };

const READ = { commandClass: "R0", keyRole: "commands", endsInRestart: false } as const;

/** `signals.last`: the last known values of named signals, with their ages: of one that nobody wants, what it was when somebody did. */
export function lastSignals(parts: ReadSignalsParts): Action {
  return {
    ...READ,
    name: "signals.last",
    uses: [],
    summary: "last known values of named signals",
    timeoutMs: 1000,
    prepare: (given) => {
      const parsed = lastArguments.safeParse(given);
      if (!parsed.success) return invalidArguments(parsed.error);
      const found = findAll(parts.signals, parsed.data.signals);
      if (found.kind === "rejected") return found;
      return alwaysSafe(async () => ({ kind: "done", result: resultOf(found.signals, parts) }));
    },
  };
}

/** `signals.read`: values that arrive after the command, or a failure that names the first signal that did not. */
export function readSignals(parts: ReadSignalsParts): Action {
  return {
    ...READ,
    name: "signals.read",
    uses: [],
    summary: "values of named signals that arrive from now on",
    timeoutMs: MAX_WAIT_MS + 1000,
    prepare: (given) => {
      const parsed = readArguments.safeParse(given);
      if (!parsed.success) return invalidArguments(parsed.error);
      const found = findAll(parts.signals, parsed.data.signals);
      if (found.kind === "rejected") return found;
      return alwaysSafe((signal) => awaitFresh(found.signals, parsed.data.withinMs, parts, signal));
    },
  };
}

type Named = readonly [name: string, signal: SignalEntry];

function findAll(
  signals: LatestSignals,
  wanted: readonly string[],
): CommandRejection | { readonly kind: "found"; readonly signals: readonly Named[] } {
  const found: Named[] = [];
  for (const name of wanted) {
    const one = signals.find(name);
    if (one.kind === "unfit") return rejected("ARGUMENT_OUT_OF_RANGE", one.problem);
    found.push([name, one.signal]);
  }
  return { kind: "found", signals: found };
}

async function awaitFresh(
  wanted: readonly Named[],
  withinMs: number,
  parts: ReadSignalsParts,
  signal: AbortSignal,
): Promise<Outcome> {
  const { signals, clock } = parts;
  const before = new Map(wanted.map(([name, entry]) => [name, signals.read(entry)?.timeUs]));
  const isLate = ([name, entry]: Named): boolean => {
    const timeUs = signals.read(entry)?.timeUs;
    return timeUs === undefined || timeUs === before.get(name);
  };
  const endMs = clock.monotonicMs() + withinMs;
  const release = signals.hold(
    "signals.read",
    wanted.map(([, entry]) => entry),
  );
  try {
    while (wanted.some(isLate) && clock.monotonicMs() < endMs && !signal.aborted) await clock.sleep(POLL_MS, signal);
  } finally {
    release();
  }
  const missing = wanted.find(isLate);
  if (missing === undefined) return { kind: "done", result: resultOf(wanted, parts) };
  return { kind: "failed", code: "NO_RESPONSE", description: `${missing[0]} did not arrive within ${withinMs} ms` };
}

/** Each signal as JSON text: its physical value (a decimal text beyond 2^53), its unit and its age; `null` for one that was never seen. One that says a state has that as its value. */
function resultOf(wanted: readonly Named[], { signals, clock }: ReadSignalsParts): Answer["result"] {
  const nowUs = clock.wallUs();
  return Object.fromEntries(
    wanted.map(([name, entry]) => {
      const reading = signals.read(entry);
      if (reading === undefined) return [name, "null"];
      const { value, state, timeUs } = reading;
      const plain = typeof value === "number" && Number.isFinite(value) ? value : (state ?? String(value));
      return [name, JSON.stringify({ value: plain, unit: entry.unit, ageMs: Math.round((nowUs - timeUs) / 1000) })];
    }),
  );
}
