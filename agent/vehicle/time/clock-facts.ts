import { type ClockQuality, isBelievable } from "../../core/clock.ts";
import type { KeeperReading } from "../../ports/clock-keepers.ts";

/**
 * Who set the wall clock: a program that keeps it ("ntp": ntpd), "ptp", "gps" (a receiver, through such a program), the RTC at the boot, a
 * file with the time of an earlier boot, or nobody. "unknown": the kernel has it disciplined, and none of the programs that we know runs.
 */
export const CLOCK_SOURCES = ["chrony", "timesyncd", "ntp", "ptp", "gps", "rtc", "saved", "none", "unknown"] as const;
export type ClockSource = (typeof CLOCK_SOURCES)[number];

/** What the wall clock is worth, and by whom. */
export type ClockFacts = {
  readonly quality: ClockQuality;
  readonly source: ClockSource;
  /** How far it is from the true time at this moment, ms, an estimate; undefined where nobody knows. */
  readonly errorMs: number | undefined;
  /** For people: server, receiver, or what is missing; "" where there is nothing to say. */
  readonly detail: string;
};

/** Somebody has kept the clock, and nobody does at present. */
const UNKEPT = "nobody keeps it now";

/** What was known of the clock when somebody kept it last. `atMs` is the time since the boot, with what was suspended. */
export type KeptBefore = Pick<ClockFacts, "source" | "errorMs"> & { readonly atMs: number };

/** What a clock is judged by. */
export type ClockEvidence = {
  /** As the kernel and the machine's files say it. */
  readonly quality: ClockQuality;
  /** The kernel's bound of the error, µs; undefined where it has none. */
  readonly kernelErrorUs: number | undefined;
  /** In the order in which they are believed. */
  readonly readings: readonly KeeperReading[];
  /** Undefined where nobody has kept it since the agent started. */
  readonly before: KeptBefore | undefined;
  /** Time since the boot, with what was suspended, ms. */
  readonly nowMs: number;
  /** By how much a clock that nobody keeps is taken to drift, parts per million. */
  readonly driftPpm: number;
};

/**
 * What the clock is worth. Whether it is right is the kernel's word alone, since a program that runs may not have reached anybody; the
 * program says by whom and how well.
 */
export function judgeClock(evidence: ClockEvidence): ClockFacts {
  const { quality, kernelErrorUs, readings } = evidence;
  const known = readings.find(({ state }) => state === "synchronised");
  if (quality === "ntp" || quality === "gps") {
    const kernelMs = kernelErrorUs === undefined ? undefined : kernelErrorUs / 1000;
    if (known !== undefined) return { ...keptBy(known), errorMs: known.errorMs ?? kernelMs };
    return coasting(evidence, kernelMs);
  }
  const { before } = evidence;
  // chronyd -x, or a program that has only just found the time: it knows, and the clock does not go by it.
  const knows = known === undefined ? "" : `${known.keeper} knows the time, and has not set the clock`;
  if (isBelievable(quality) && before !== undefined) {
    return { quality, source: before.source, errorMs: grown(before, evidence), detail: knows || UNKEPT };
  }
  const source = quality === "rtc" ? "rtc" : quality === "saved" ? "saved" : "none";
  return { quality, source, errorMs: known?.errorMs, detail: knows || missing(readings) };
}

function keptBy({ keeper, reference, detail }: KeeperReading): Omit<ClockFacts, "errorMs"> {
  if (reference === "gps") return { quality: "gps", source: "gps", detail: join(keeper, detail) };
  return { quality: "ntp", source: reference === "ptp" ? "ptp" : keeper, detail };
}

/** The kernel still has the clock disciplined, and nobody says now by what. */
function coasting(evidence: ClockEvidence, kernelMs: number | undefined): ClockFacts {
  const { readings, before } = evidence;
  const running = readings[0];
  const source = before?.source ?? (running === undefined ? "unknown" : running.keeper);
  const errorMs = before === undefined ? kernelMs : grown(before, evidence);
  const detail = running === undefined ? (before === undefined ? "" : UNKEPT) : join(running.keeper, running.detail);
  return { quality: "ntp", source, errorMs, detail };
}

/** The error that was known, and what a clock that nobody corrects drifts. */
function grown({ errorMs, atMs }: KeptBefore, { nowMs, driftPpm }: ClockEvidence): number | undefined {
  return errorMs === undefined ? undefined : errorMs + (Math.max(0, nowMs - atMs) * driftPpm) / 1e6;
}

function missing(readings: readonly KeeperReading[]): string {
  const [first] = readings;
  return first === undefined ? "nobody keeps it" : join(first.keeper, first.detail);
}

function join(keeper: string, detail: string): string {
  return detail === "" ? keeper : `${keeper}: ${detail}`;
}
