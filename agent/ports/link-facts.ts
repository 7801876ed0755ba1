/** What a modem says of itself, in ModemManager's words (ModemManager-enums.h). */
export type ModemFacts = {
  /** Network interfaces of it, as the kernel calls them. */
  readonly interfaces: readonly string[];
  /** "failed", "locked", "disabled", "searching", "registered", "connected" ... */
  readonly state: string;
  /** Why it failed: "sim-missing", "sim-error" ...; "" where it has not. */
  readonly failure: string;
  /** "home", "roaming", "searching", "denied", "idle", "emergency-only" or "unknown". */
  readonly registration: string;
  /** Name of the network's operator, else its code (MCC and MNC); "" where it is not known. */
  readonly operator: string;
  /** Access technologies in use, best first: "5g lte"; "" where there is none. */
  readonly technology: string;
  /** Undefined where it is not known. */
  readonly signalPercent: number | undefined;
  /** Of the cell, where the modem is asked for it; undefined where it is not known. */
  readonly rsrpDbm: number | undefined;
  readonly rsrqDb: number | undefined;
};

/** Who tells of modems. */
export interface ModemSource {
  /** `onModems` gets all that there are at each change; undefined when nobody tells any more. Returns at once. */
  start(onModems: (modems: readonly ModemFacts[] | undefined) => void): void;
  stop(): void;
}

/** Who knows which network interfaces are metered. */
export interface MeteredSource {
  /** `onMetered` gets, at each change, the interfaces of which that is known; undefined when nobody tells any more. Returns at once. */
  start(onMetered: (metered: ReadonlyMap<string, boolean> | undefined) => void): void;
  stop(): void;
}
