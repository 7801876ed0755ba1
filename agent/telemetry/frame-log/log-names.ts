import { extensionOf, type WrittenFormat } from "../../signals/log-formats/write-log.ts";

/** A log of the continuous log, as its name says. `startedAt` is RFC 3339 without fractions, undefined where the time was not known. */
export type LogName = {
  readonly session: number;
  readonly split: number;
  readonly startedAt: string | undefined;
};

/**
 * `00012-0003-20261129T143501Z.log`: the session, which is a run of the agent that logged a frame, the part of it, and the time of the first
 * frame in UTC, left out while the clock cannot be believed. Sorted by name they are in the order in which they were written.
 */
export function logName(session: number, split: number, startUs: number | undefined, format: WrittenFormat): string {
  const time = startUs === undefined ? "" : `-${compactTime(startUs)}`;
  return `${String(session).padStart(5, "0")}-${String(split).padStart(4, "0")}${time}${extensionOf(format)}`;
}

/** What the name of a file says; undefined for one that is none of ours. */
export function readLogName(name: string): LogName | undefined {
  const match = /^(\d{5,9})-(\d{4,9})(?:-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z)?\.(?:log|asc|blf)$/.exec(name);
  if (match === null) return undefined;
  const [, session, split, year, month, day, hour, minute, second] = match;
  const startedAt = year === undefined ? undefined : `${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
  return { session: Number(session), split: Number(split), startedAt };
}

/** Oldest first. */
export function byAge(left: LogName, right: LogName): number {
  return left.session - right.session || left.split - right.split;
}

function compactTime(us: number): string {
  return `${new Date(Math.floor(us / 1_000_000) * 1000).toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
}
