import { AgentError, type FaultCode } from "../core/errors.ts";

/**
 * What becomes of records while the outbox does not take them or give them out. Each step has one owner, and none decides by itself what
 * a fault means: `outboxFaultOf` and `memoryStandsIn` say it, and the bounds are below. From the disk outwards:
 *
 * 1. A write finds the disk full: `Transactions` gives up the disk reserve, evicts `FULL_DISK_EVICTIONS_BYTES` in tries, then throws
 *    `outbox.full`.
 * 2. `outbox.full`: nothing of a lower or the same class is left to evict. The `Appender` keeps the drafts, tries each stream by itself
 *    with every flush, and beyond `collect.holdBytes` throws away the oldest of the lowest class, counted.
 * 3. `outbox.unavailable`: the disk or the file. `StandbyOutbox` lets it through while the Appender keeps the drafts, and lets memory
 *    stand in after `STANDBY_AFTER_MS`; at an opening at once. It looks at the disk again every `DISK_RETRY_MS`.
 *    So it does where the key of `outbox.encryption` is not at hand.
 * 4. The file is damaged, which is `outbox.unavailable` too: `StandbyOutbox` opens it anew, which sets it aside and saves what can be
 *    read, at most once in `DISK_RETRY_MS`. A step of that salvage which the disk refuses waits for `SALVAGE_RETRY_MS`.
 * 5. Whoever drains the outbox leaves it alone for `DRAIN_BACKOFF` after a fault: `OutboxGuard`.
 *
 * `collect.holdBytes` bounds the drafts that wait in the Appender and the records that memory stands in for, each with the whole of it:
 * both are full only where memory itself refuses what waits, which is when it holds nothing but higher classes.
 *
 * Anything else that an outbox throws while records are stored is a bug, and goes up.
 */
export type OutboxFault = { readonly kind: "full" | "unavailable"; readonly error: AgentError };

/** A key that is not at hand is like a disk that is away: nothing is stored in clear instead. */
const AWAY: readonly FaultCode[] = ["outbox.unavailable", "outbox.key-unavailable", "outbox.key-exposed"];

/** Bytes to evict inside the transaction in each try when the disk is full; where the last does not help, more would not. */
export const FULL_DISK_EVICTIONS_BYTES = [0, 65_536, 1_048_576, 8_388_608] as const;
/** The disk may fail for this long before memory stands in. */
export const STANDBY_AFTER_MS = 2000;
/** Between two looks at a disk that was away, and between two openings of a damaged file. */
export const DISK_RETRY_MS = 5000;
/** After a step of a salvage that the disk refused. */
export const SALVAGE_RETRY_MS = 30_000;
/** Growing delay until the outbox is drained again. */
export const DRAIN_BACKOFF = { minMs: 500, maxMs: 30_000 } as const;

/** Why the outbox did not take records; undefined for what is not its own trouble. */
export function outboxFaultOf(thrown: unknown): OutboxFault | undefined {
  if (!(thrown instanceof AgentError)) return undefined;
  if (thrown.code === "outbox.full") return { kind: "full", error: thrown };
  return AWAY.includes(thrown.code) ? { kind: "unavailable", error: thrown } : undefined;
}

/**
 * Whether memory stands in for a disk that has refused for `failingMs`. One that cannot be opened is as good as none, also when it
 * lacks room for an empty database; one that is full while it is written has records to evict.
 */
export function memoryStandsIn(kind: OutboxFault["kind"], doing: "opening" | "writing", failingMs: number): boolean {
  if (doing === "opening") return true;
  return kind === "unavailable" && failingMs >= STANDBY_AFTER_MS;
}
