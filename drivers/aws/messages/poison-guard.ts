import { createHash } from "node:crypto";
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { z } from "zod";
import type { Clock } from "../../../agent/core/clock.ts";
import { messageOf } from "../../../agent/core/errors.ts";
import type { Log } from "../../../agent/core/log.ts";
import type { ReceivedPublish } from "../../../agent/ports/broker.ts";

/** What a message sets going may end the process a moment later: so long it is in hand, ms. */
const LINGER_MS = 1000;
/** The last messages that are kept in hand, and messages of earlier processes that are remembered. */
const MAX_IN_HAND = 8;
const MAX_SUSPECTS = 32;

const noteSchema = z.object({
  /** Of the agent that wrote it. */
  version: z.string(),
  /** Digests of the messages in hand. */
  inHand: z.array(z.string().max(64)).max(MAX_IN_HAND),
  /** How often a process ended with a message in hand, by its digest; the latest last. */
  crashes: z.array(z.tuple([z.string().max(64), z.int()])).max(MAX_SUSPECTS),
});

/** `file` is the agent's own, in a folder that exists; `maxCrashes`: a message is set aside when so many processes of this version ended with it in hand. */
export type PoisonGuardParts = {
  readonly file: string;
  readonly version: string;
  readonly maxCrashes: number;
  readonly clock: Clock;
  readonly log: Log;
};

/**
 * Remembers past the end of the process which messages were in hand when it ended: the broker delivers them again, and one that ends the
 * process must not end the next ones too. What another version of the agent ended by is no matter: the mended one, and the one that is
 * gone back to, may take it well.
 *
 * Each message costs one write without fsync: the page cache outlives a process, and a power cut is no message's doing. Where the file
 * cannot be used, every message is let through.
 */
export class PoisonGuard {
  readonly #parts: PoisonGuardParts;
  readonly #closing = new AbortController();
  #crashes: Map<string, number> | undefined;
  /** Since when (monotonic ms), by the digest, the oldest first. */
  #inHand = new Map<string, number>();
  #isLingering = false;
  #file: number | undefined;

  constructor(parts: PoisonGuardParts) {
    this.#parts = parts;
  }

  /** Whether this message may be handed over; from then on it is in hand. */
  admits(message: ReceivedPublish): boolean {
    const crashes = (this.#crashes ??= this.#open());
    const digest = digestOf(message);
    if ((crashes.get(digest) ?? 0) >= this.#parts.maxCrashes) return false;
    // One that keeps coming is in hand from its first time on: it has done no harm by the end of that.
    if (this.#inHand.has(digest)) return true;
    this.#inHand = new Map([...this.#inHand, [digest, this.#parts.clock.monotonicMs()] as const].slice(-MAX_IN_HAND));
    this.#write(crashes);
    if (!this.#isLingering) void this.#linger(crashes);
    return true;
  }

  /** The process ends in order. */
  close(): void {
    this.#closing.abort();
    if (this.#crashes !== undefined) this.#release(this.#crashes);
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  async #linger(crashes: Map<string, number>): Promise<void> {
    const { clock } = this.#parts;
    this.#isLingering = true;
    for (;;) {
      const [oldestMs] = this.#inHand.values();
      if (oldestMs === undefined) break;
      await clock.sleep(oldestMs + LINGER_MS - clock.monotonicMs(), this.#closing.signal);
      if (this.#closing.signal.aborted) return;
      this.#release(crashes, clock.monotonicMs() - LINGER_MS);
    }
    this.#isLingering = false;
  }

  /** Nothing came of the messages that have been in hand since `sinceMs` or longer. */
  #release(crashes: Map<string, number>, sinceMs = Number.POSITIVE_INFINITY): void {
    const over = [...this.#inHand].filter(([, atMs]) => atMs <= sinceMs);
    if (over.length === 0) return;
    for (const [digest] of over) {
      crashes.delete(digest);
      this.#inHand.delete(digest);
    }
    this.#write(crashes);
  }

  /** Opens the file and counts one end more for each message that was in hand. */
  #open(): Map<string, number> {
    const { file, version, log } = this.#parts;
    const { inHand, crashes } = readNote(file, version);
    const counts = new Map(crashes);
    for (const digest of inHand) {
      const count = (counts.get(digest) ?? 0) + 1;
      counts.delete(digest);
      counts.set(digest, count);
    }
    try {
      this.#file = openSync(file, "w", 0o600);
    } catch (thrown) {
      log.warn("broker.note-not-kept", { file, what: messageOf(thrown) });
    }
    const latest = new Map([...counts].slice(-MAX_SUSPECTS));
    this.#write(latest);
    return latest;
  }

  #write(crashes: ReadonlyMap<string, number>): void {
    if (this.#file === undefined) return;
    const { version } = this.#parts;
    const text = JSON.stringify({ version, inHand: [...this.#inHand.keys()], crashes: [...crashes] });
    try {
      ftruncateSync(this.#file, writeSync(this.#file, text, 0));
    } catch (thrown) {
      // A disk that is full or gone: the messages themselves go on without this guard.
      this.#parts.log.warn("broker.note-not-kept", { file: this.#parts.file, what: messageOf(thrown) });
      closeSync(this.#file);
      this.#file = undefined;
    }
  }
}

/** One that is not there, was cut in the middle or is of another version says nothing. */
function readNote(file: string, version: string): Pick<z.infer<typeof noteSchema>, "inHand" | "crashes"> {
  try {
    const note = noteSchema.parse(JSON.parse(readFileSync(file, "utf8")));
    if (note.version === version) return note;
  } catch {
    // As if there were none.
  }
  return { inHand: [], crashes: [] };
}

/** What stays the same when a message is delivered again: the rest of its life and its properties may not. */
function digestOf({
  topic,
  payload,
  responseTopic = "",
  correlationData = new Uint8Array(0),
}: ReceivedPublish): string {
  const hash = createHash("sha256");
  for (const part of [topic, responseTopic]) hash.update(part).update("\0");
  return hash.update(correlationData).update("\0").update(payload).digest("hex").slice(0, 32);
}
