import type { ClockQuality } from "./core/clock.ts";
import type { BusCounters, BusFacts, BusState, LinkStatus, OutboxStats } from "./ports.ts";

/** What the daemon says of itself on view.sock; `causeway status --json` prints it as it is. Counts are since start. */
export type Status = {
  readonly schemaVersion: 1;
  readonly version: string;
  readonly thing: string;
  readonly pid: number;
  readonly uptimeMs: number;
  readonly bootId: string;
  readonly clockQuality: ClockQuality;
  readonly signalTable: { readonly id: string; readonly messages: number; readonly signals: number };
  readonly buses: readonly ({
    readonly name: string;
    readonly state: BusState;
    readonly detail: string;
    readonly decoded: number;
  } & BusFacts &
    BusCounters)[];
  readonly link: LinkStatus & { readonly host: string; readonly port: number; readonly key: string };
  readonly collected: {
    readonly samples: number;
    readonly records: number;
    readonly payloadBytes: number;
    readonly discardedSamples: number;
  };
  readonly outbox: OutboxStats;
  readonly delivery: {
    readonly delivered: number;
    readonly deliveredBytes: number;
    readonly refused: number;
    readonly retried: number;
    readonly inFlight: number;
    /** From process start to the first PUBACK, ms; undefined before it. */
    readonly firstPubackMs: number | undefined;
  };
  readonly rssBytes: number;
};
