import { createHash } from "node:crypto";
import { z } from "zod";
import type { Json } from "../core/canonical-json.ts";
import { canonicalJson } from "../core/canonical-json.ts";
import type { Clock } from "../core/clock.ts";
import type { Journal } from "../ports/journal.ts";
import type { JournalSpace } from "../ports/journal-spaces.ts";
import { PendingEntries } from "../telemetry/durable-records/pending-entries.ts";
import type { RecordSink } from "../telemetry/durable-records/record-sink.ts";
import type { AuditEntry } from "../telemetry/record/encode/audit.ts";
import type { RejectionCount } from "./rejection-budget.ts";

const SPACE: JournalSpace = "audit";
const HEAD = "head";
const PENDING: JournalSpace = "audit-pending";
/** Entries that wait for the outbox; the oldest goes beyond it, which is counted and shows as a hole in the chain. */
const MAX_PENDING = 1000;
const FIRST = "0".repeat(64);

const headSchema = z.strictObject({ number: z.int().min(0), digest: z.string().length(64) });
const entrySchema = z.strictObject({
  number: z.int().min(1),
  previous: z.string().length(64),
  digest: z.string().length(64),
  entry: z.string(),
});

/** What happened to a command; "rejected-over-budget": to so many together. */
export type AuditEvent =
  | {
      readonly event: "received" | "rejected" | "started" | "finished" | "settled";
      readonly command: string;
      readonly [fact: string]: Json | undefined;
    }
  | ({ readonly event: "rejected-over-budget" } & RejectionCount);

/** Number and digest of the newest entry, as they are stored; undefined before the first. */
export function readAuditHead(journal: Pick<Journal, "get">): Json | undefined {
  return journal.get(SPACE, HEAD);
}

/**
 * The audit trail: each entry holds the digest of the one before, so that a missing or altered one shows. Entries are written to the
 * journal together with what they tell of, and go to the control class of the outbox from there.
 */
export class AuditTrail {
  readonly #journal: Journal;
  readonly #pending: PendingEntries<AuditEntry>;
  readonly #clock: Clock;

  constructor(journal: Journal, sink: RecordSink<AuditEntry>, clock: Clock) {
    const read = (value: Json | undefined): AuditEntry => entrySchema.parse(value);
    this.#journal = journal;
    this.#pending = new PendingEntries({ journal, space: PENDING, max: MAX_PENDING, sink, read });
    this.#clock = clock;
  }

  /** Entries that waited for the outbox in vain since start: holes in the chain. */
  get dropped(): number {
    return this.#pending.dropped;
  }

  /** Adds an entry; call inside the transaction of what it tells of. */
  append(event: AuditEvent): void {
    const value = readAuditHead(this.#journal);
    const head = value === undefined ? { number: 0, digest: FIRST } : headSchema.parse(value);
    const number = head.number + 1;
    const facts = Object.entries(event).flatMap(([key, fact]) => (fact === undefined ? [] : [[key, fact] as const]));
    const at = { atUs: this.#clock.wallUs(), clockQuality: this.#clock.quality(), number };
    const entry = canonicalJson({ ...Object.fromEntries(facts), ...at });
    const digest = digestOf(head.digest, entry);
    this.#pending.add(number, { number, previous: head.digest, digest, entry });
    this.#journal.put([{ space: SPACE, key: HEAD, value: { number, digest } }]);
  }

  /** Hands over what waits; call outside a transaction. After a restart some entries come a second time, the same byte by byte. */
  flush(): void {
    this.#pending.handOver();
  }
}

/** What is wrong with a set of entries: one line each; none when they are one unbroken chain. Repeats are borne. */
export function chainProblems(entries: readonly AuditEntry[]): readonly string[] {
  const problems: string[] = [];
  const sorted = entries.toSorted((left, right) => left.number - right.number);
  let before: AuditEntry | undefined;
  for (const entry of sorted) {
    if (digestOf(entry.previous, entry.entry) !== entry.digest || numberIn(entry.entry) !== entry.number) {
      problems.push(`entry ${entry.number} was altered: its digest is not that of its content`);
    }
    if (before !== undefined && entry.number === before.number) {
      if (entry.digest !== before.digest) problems.push(`entry ${entry.number} comes in two versions`);
      continue;
    }
    if (before !== undefined && entry.number > before.number + 1) {
      problems.push(`entries ${before.number + 1} to ${entry.number - 1} are missing`);
    } else if (before !== undefined && entry.previous !== before.digest) {
      problems.push(`entry ${entry.number} does not follow from entry ${before.number}: one of them was replaced`);
    }
    before = entry;
  }
  return problems;
}

function digestOf(previous: string, entry: string): string {
  return createHash("sha256").update(Buffer.from(previous, "hex")).update(entry).digest("hex");
}

function numberIn(entry: string): unknown {
  try {
    const parsed: unknown = JSON.parse(entry);
    return typeof parsed === "object" && parsed !== null && "number" in parsed ? parsed.number : undefined;
  } catch {
    // What is not JSON has no number, and so was altered.
    return undefined;
  }
}
