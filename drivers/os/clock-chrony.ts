import { isIP } from "node:net";
import { z } from "zod";
import type { KeeperReading } from "../../agent/ports/clock-keepers.ts";
import type { RunProgram } from "../../agent/ports/update.ts";

const TIMEOUT_MS = 2000;
/** Without names: a look must not wait for a name server. By the local socket, or UDP port 323 of this machine (chronyc(1)). */
const ARGUMENTS = ["-c", "-n", "tracking"] as const;
/** Reference ids in hexadecimal that stand for nobody: none, and chronyd's own clock (`local` of chrony.conf(5)). */
const NOBODY = /^0{8}$|^7f7f0101$/i;
/** Reference clocks that are no receiver of a satellite system: PTP hardware clocks, and the RTC. */
const PTP = /^(?:PHC|PTP)/i;
/** Longest time that makes sense for an error, s: a year. What is beyond is no number of chronyd. */
const MAX_SECONDS = 31_536_000;

const seconds = z
  .string()
  .regex(/^-?\d{1,12}(?:\.\d{1,12})?$/)
  .transform(Number)
  .refine((value) => Math.abs(value) <= MAX_SECONDS);

/** The last ten fields of a line of `chronyc -c tracking`, in the order of its report. */
const tracking = z.tuple([
  seconds.describe("system time: offset"),
  seconds.describe("last offset"),
  seconds.describe("RMS offset"),
  z.string().describe("frequency"),
  z.string().describe("residual frequency"),
  z.string().describe("skew"),
  seconds.describe("root delay"),
  seconds.describe("root dispersion"),
  z.string().describe("update interval"),
  z.enum(["Normal", "Insert second", "Delete second", "Not synchronised"]),
]);

/** What chronyd says of the clock. The error is the distance to the reference: |offset| + root dispersion + root delay / 2. */
export async function askChrony(run: RunProgram, signal: AbortSignal): Promise<KeeperReading> {
  const end = await run("chronyc", ARGUMENTS, TIMEOUT_MS, signal);
  const silent = { keeper: "chrony", state: "silent", reference: "unknown", errorMs: undefined } as const;
  if (end.kind !== "exited") return { ...silent, detail: `chronyc: ${"detail" in end ? end.detail : end.kind}` };
  if (end.code !== 0) return { ...silent, detail: "chronyc: chronyd does not answer" };
  return readTracking(end.stdout) ?? { ...silent, detail: "chronyc: its answer is not understood" };
}

/** The line of `chronyc -c -n tracking`; undefined for any other. */
export function readTracking(text: string): KeeperReading | undefined {
  const fields = text.trim().split(",");
  // A name may hold commas: what is behind it has a fixed number of fields.
  const rest = tracking.safeParse(fields.slice(-10));
  const [id = "", ...before] = fields.slice(0, -10);
  const name = before.slice(0, -2).join(",");
  const stratum = Number(before.at(-2));
  if (!rest.success || before.length < 3 || !/^[0-9a-f]{8}$/i.test(id) || !Number.isInteger(stratum)) return undefined;
  const [offset, , , , , , rootDelay, rootDispersion, , leap] = rest.data;
  const searching = { keeper: "chrony", state: "searching", reference: "unknown", errorMs: undefined } as const;
  if (leap === "Not synchronised" || NOBODY.test(id)) return { ...searching, detail: "no server or receiver yet" };
  const errorMs = (Math.abs(offset) + Math.max(0, rootDispersion) + Math.max(0, rootDelay) / 2) * 1000;
  const isServer = isIP(name) !== 0;
  const reference = isServer ? "server" : PTP.test(name) ? "ptp" : "gps";
  const detail = isServer ? `server ${name}, stratum ${stratum}` : `reference clock ${name}`;
  return { keeper: "chrony", state: "synchronised", reference, errorMs, detail };
}
