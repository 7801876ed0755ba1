import { stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { KeeperReading } from "../../agent/ports/clock-keepers.ts";
import type { RunProgram } from "../../agent/ports/update.ts";

const TIMEOUT_MS = 2000;
const SERVICE = "org.freedesktop.timesync1";
const OBJECT = ["/org/freedesktop/timesync1", `${SERVICE}.Manager`] as const;
/** By busctl, which comes with systemd: a library for D-Bus would cost more memory than all of this is worth. A line of JSON each. */
const ARGUMENTS = [
  "--json=short",
  "--timeout=2",
  "get-property",
  SERVICE,
  ...OBJECT,
  "NTPMessage",
  "ServerName",
] as const;
/** Longest time that makes sense, µs: a year. */
const MAX_US = 31_536_000_000_000;

const count = z.int().min(0);
const span = count.max(MAX_US);
/** NTPMessage of org.freedesktop.timesync1(5): the last answer of a server; spans and times in µs. */
const message = z.object({
  data: z.tuple([
    count.describe("leap"),
    count.describe("version"),
    count.describe("mode"),
    count.describe("stratum"),
    z.int().describe("precision"),
    span.describe("root delay"),
    span.describe("root dispersion"),
    z.array(count).describe("reference"),
    count.describe("originate"),
    count.describe("receive"),
    count.describe("transmit"),
    count.describe("destination"),
    z.boolean().describe("spike"),
    count.describe("packet count"),
    span.describe("jitter"),
  ]),
});
const serverName = z.object({ data: z.string().regex(/^[\w.:%-]{1,253}$/) });

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
 * What systemd-timesyncd says of the clock. The error is the distance to the root of time at the last answer (half of the server's root
 * delay and of the way to the server and back, root dispersion, jitter), and what the clock may have drifted since.
 */
export async function askTimesync(parts: TimesyncParts, signal: AbortSignal): Promise<KeeperReading> {
  const { folder, run, wallMs, driftPpm } = parts;
  const touched = await stat(join(folder, "synchronized")).catch(() => undefined);
  const about = { keeper: "timesyncd", reference: "server" } as const;
  if (touched === undefined)
    return { ...about, state: "searching", errorMs: undefined, detail: "no server has answered yet" };
  const end = await run("busctl", ARGUMENTS, TIMEOUT_MS, signal);
  const { server, distanceMs } = readTimesync(end.kind === "exited" && end.code === 0 ? end.stdout : "");
  const driftMs = (Math.max(0, wallMs() - touched.mtimeMs) * driftPpm) / 1e6;
  const errorMs = distanceMs === undefined ? undefined : distanceMs + driftMs;
  return { ...about, state: "synchronised", errorMs, detail: server === undefined ? "" : `server ${server}` };
}

/** What busctl prints: the server, and the distance to the root of time, ms. What it does not say, or nobody understands, is undefined. */
export function readTimesync(text: string): {
  readonly server: string | undefined;
  readonly distanceMs: number | undefined;
} {
  const [first = "", second = ""] = text.split("\n");
  const named = serverName.safeParse(parsed(second));
  return { server: named.data?.data, distanceMs: distanceOf(parsed(first)) };
}

function distanceOf(property: unknown): number | undefined {
  const read = message.safeParse(property);
  if (!read.success) return undefined;
  const [, , , , , rootDelay, rootDispersion, , originate, receive, transmit, destination, , packets, jitter] =
    read.data.data;
  if (packets === 0) return undefined;
  // RFC 5905, 8: the way there and back without what the server took.
  const wayUs = destination - originate - (transmit - receive);
  if (Math.abs(wayUs) > MAX_US) return undefined;
  return (rootDelay / 2 + rootDispersion + Math.max(0, wayUs) / 2 + jitter) / 1000;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // No JSON is no property: the schema refuses it.
    return undefined;
  }
}
