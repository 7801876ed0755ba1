import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ClockKeepers, KeeperName, KeeperReading } from "../../agent/ports/clock-keepers.ts";
import type { RunProgram } from "../../agent/ports/update.ts";
import { askChrony } from "./clock-chrony.ts";
import { askNtp } from "./clock-ntp.ts";
import { askTimesync } from "./clock-timesync.ts";
import { runProgram } from "./run-program.ts";

/** What is there while a program runs: its folder, its pid file, or its socket. Of those that are not there none is asked. */
const SIGNS: Readonly<Record<KeeperName, readonly string[]>> = {
  chrony: ["chrony"],
  timesyncd: ["systemd/timesync"],
  ntp: ["ntpd.pid", "ntpsec/ntpd.pid"],
  ptp: ["ptp4l"],
};
const NTP_PORT = 123;
const BY_PTP: KeeperReading = {
  keeper: "ptp",
  state: "synchronised",
  reference: "ptp",
  errorMs: undefined,
  detail: "ptp4l",
};

/** Who is asked, and with what. All but `keepers` and `driftPpm` is for tests. */
export type ClockKeepersParts = {
  /** In the order in which they are believed. */
  readonly keepers: readonly KeeperName[];
  /** By how much the clock drifts where nobody corrects it, parts per million. */
  readonly driftPpm: number;
  /** /run. */
  readonly runFolder?: string;
  readonly run?: RunProgram;
  readonly ntpPort?: number;
  /** ms since the Unix epoch. */
  readonly wallMs?: () => number;
};

/** The programs of this machine that keep its clock. */
export function clockKeepers(parts: ClockKeepersParts): ClockKeepers {
  const { keepers, driftPpm, runFolder = "/run", run = runProgram } = parts;
  const { ntpPort = NTP_PORT, wallMs = () => Date.now() } = parts;
  const asked: Readonly<Record<KeeperName, (signal: AbortSignal) => Promise<KeeperReading>>> = {
    chrony: (signal) => askChrony(run, signal),
    timesyncd: (signal) => askTimesync({ folder: join(runFolder, "systemd/timesync"), run, wallMs, driftPpm }, signal),
    ntp: (signal) => askNtp(ntpPort, signal),
    // Only root may ask it. Whether the kernel has the clock disciplined says the rest.
    ptp: () => Promise.resolve(BY_PTP),
  };
  const isThere = (keeper: KeeperName): boolean => SIGNS[keeper].some((sign) => existsSync(join(runFolder, sign)));
  return { ask: async (signal) => await Promise.all(keepers.filter(isThere).map((keeper) => asked[keeper](signal))) };
}
