/** Programs that may keep the wall clock, in the order in which they are believed where the configuration says no other. */
export const KEEPERS = ["chrony", "timesyncd", "ntp", "ptp"] as const;
export type KeeperName = (typeof KEEPERS)[number];

/** What a program that keeps the clock says of it. */
export type KeeperReading = {
  readonly keeper: KeeperName;
  /** "searching": it runs and has no time yet. "silent": it seems to run, and does not answer. */
  readonly state: "synchronised" | "searching" | "silent";
  /** What it has the time from; "gps" of a receiver through a reference clock. */
  readonly reference: "server" | "gps" | "ptp" | "unknown";
  /** How far the clock may be from the time of its reference, ms; undefined where it does not say. */
  readonly errorMs: number | undefined;
  /** For people: server, receiver, or why it does not answer. */
  readonly detail: string;
};

/** Whoever keeps the wall clock. Nobody is asked to change it. */
export interface ClockKeepers {
  /** One reading of each program that seems to run, in their order; each takes 2 s at most. Never rejects. */
  ask(signal: AbortSignal): Promise<readonly KeeperReading[]>;
}

/** A battery-backed clock. */
export type Rtc = {
  /** The kernel's: "rtc0". */
  readonly name: string;
  /** Whether the kernel has set the wall clock by it at the boot. */
  readonly hasSetClock: boolean;
  /** What it says, ms since the Unix epoch; undefined where it cannot be read. Reading takes its time on a slow bus. */
  readonly wallMs: () => number | undefined;
};
