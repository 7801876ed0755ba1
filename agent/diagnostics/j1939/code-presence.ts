import type { Clock } from "../../core/clock.ts";
import type { FrameTap } from "../tester/frame-tap.ts";

/** What is done about a node that has codes and does not send them any more. */
export type CodePresenceParts = {
  readonly tap: FrameTap;
  readonly clock: Clock;
  /** A node that says other things says of its active codes nothing. Comes about once a second while that is so. */
  readonly noteAbsent: (source: number) => void;
};

type Sender = {
  /** Monotonic ms. */
  lastMs: number;
  heardMs: number;
  release: (() => void) | undefined;
};

/** Active codes come each second (SAE J1939-73, 5.7.1): after three they are missing. */
const MISSING_MS = 3000;
/** A node that said nothing for so long is silent, and so says nothing of its codes. */
const SILENT_MS = 1500;
/** How long it is noted that codes are absent; by then they have healed. */
const WATCHED_MS = 120_000;
const TICK_MS = 1000;
const ANY_OF_SOURCE = 0xff;

/**
 * Notes when a node that had active codes goes on without them, and tells that from one that has fallen silent altogether: only while the
 * codes are missing all frames of that node are listened to.
 */
export class CodePresence {
  readonly #parts: CodePresenceParts;
  readonly #senders = new Map<number, Sender>();
  #stopTimer: (() => void) | undefined;

  constructor(parts: CodePresenceParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#stopTimer = this.#parts.clock.every(TICK_MS, () => this.#tick());
  }

  stop(): void {
    this.#stopTimer?.();
    for (const source of this.#senders.keys()) this.#forget(source);
  }

  /** A node sends its active codes, or has begun to. Without any there is nothing that could be missing. */
  noteCodes(source: number, hasCodes: boolean): void {
    const sender = this.#senders.get(source);
    sender?.release?.();
    if (!hasCodes) this.#senders.delete(source);
    else this.#senders.set(source, { lastMs: this.#parts.clock.monotonicMs(), heardMs: 0, release: undefined });
  }

  /** A node announces active codes in several frames, which may not all come. */
  noteAnnounced(source: number): void {
    const sender = this.#senders.get(source);
    if (sender !== undefined) this.noteCodes(source, true);
  }

  #tick(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    for (const [source, sender] of this.#senders) {
      const missingMs = nowMs - sender.lastMs;
      if (missingMs < MISSING_MS) continue;
      if (missingMs > WATCHED_MS) this.#forget(source);
      else if (sender.release === undefined) this.#watch(source, sender);
      else if (nowMs - sender.heardMs < SILENT_MS) this.#parts.noteAbsent(source);
    }
  }

  #watch(source: number, sender: Sender): void {
    sender.heardMs = Number.NEGATIVE_INFINITY;
    sender.release = this.#parts.tap.on([{ id: source, mask: ANY_OF_SOURCE, extended: true }], () => {
      sender.heardMs = this.#parts.clock.monotonicMs();
    });
  }

  #forget(source: number): void {
    this.#senders.get(source)?.release?.();
    this.#senders.delete(source);
  }
}
