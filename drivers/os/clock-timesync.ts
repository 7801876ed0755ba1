import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { KeeperReading } from "../../agent/ports/clock-keepers.ts";
import type { RunProgram } from "../../agent/ports/update.ts";

const TIMEOUT_MS = 2000;
const ARGUMENTS = ["show-timesync", "--property=ServerName", "--property=ServerAddress", "--property=NTPMessage"];
/** Units of systemd.time(7) as spans are printed, ms. */
const UNIT_MS = { us: 1e-3, ms: 1, s: 1000, min: 60_000, h: 3_600_000 } as const;

/** What systemd-timesyncd is asked with. */
export type TimesyncParts = {
  /** /run/systemd/timesync: its file `synchronized` is touched with each answer of a server (systemd-timesyncd.service(8)). */
  readonly folder: string;
  readonly run: RunProgram;
  /** ms since the Unix epoch. */
  readonly wallMs: () => number;
  /** By how much the clock drifts between two answers, parts per million. */
  readonly driftPpm: number;
};

/**
 * What systemd-timesyncd says of the clock. The error is the distance to the root of time at the last answer (root delay / 2 + root
 * dispersion + jitter), and what the clock may have drifted since.
 */
export async function askTimesync(parts: TimesyncParts, signal: AbortSignal): Promise<KeeperReading> {
  const { folder, run, wallMs, driftPpm } = parts;
  const touched = await stat(join(folder, "synchronized")).catch(() => undefined);
  const about = { keeper: "timesyncd", reference: "server" } as const;
  if (touched === undefined)
    return { ...about, state: "searching", errorMs: undefined, detail: "no server has answered yet" };
  const end = await run("timedatectl", ARGUMENTS, TIMEOUT_MS, signal);
  const { server, distanceMs } = readTimesync(end.kind === "exited" && end.code === 0 ? end.stdout : "");
  const driftMs = (Math.max(0, wallMs() - touched.mtimeMs) * driftPpm) / 1e6;
  const errorMs = distanceMs === undefined ? undefined : distanceMs + driftMs;
  return { ...about, state: "synchronised", errorMs, detail: server === undefined ? "" : `server ${server}` };
}

/** What `timedatectl show-timesync` prints: the server, and the distance to the root of time, ms. Of what it does not say both are undefined. */
export function readTimesync(text: string): {
  readonly server: string | undefined;
  readonly distanceMs: number | undefined;
} {
  const name = /^ServerName=(\S{1,253})$/m.exec(text)?.[1] ?? /^ServerAddress=(\S{1,45})$/m.exec(text)?.[1];
  const message = /^NTPMessage=\{(.*)\}$/m.exec(text)?.[1] ?? "";
  const [delayMs, dispersionMs, jitterMs] = ["RootDelay", "RootDispersion", "Jitter"].map((of) =>
    spanMs(new RegExp(`\\b${of}=([^,=]*?)(?:,|\\s*$)`).exec(message)?.[1] ?? ""),
  );
  if (delayMs === undefined || dispersionMs === undefined) return { server: name, distanceMs: undefined };
  return { server: name, distanceMs: delayMs / 2 + dispersionMs + (jitterMs ?? 0) };
}

/** A span as systemd prints it, "1min 2.5s" or "0", ms; undefined for what is none. */
function spanMs(text: string): number | undefined {
  const parts = text.trim().split(" ");
  if (text.trim() === "0") return 0;
  let sumMs = 0;
  for (const part of parts) {
    const [, number, unit] = /^(\d{1,9}(?:\.\d{1,9})?)(us|ms|s|min|h)$/.exec(part) ?? [];
    const isUnit = (name: string | undefined): name is keyof typeof UNIT_MS => name !== undefined && name in UNIT_MS;
    if (!isUnit(unit)) return undefined;
    sumMs += Number(number) * UNIT_MS[unit];
  }
  return sumMs;
}
