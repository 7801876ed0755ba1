import { type BackoffBounds, fullJitterMs } from "../../core/backoff.ts";

/** Key of the entry that holds back every topic. */
export const EVERY_TOPIC = "";

type BackoffEntry = { attempts: number; dueMs: number; isTrying: boolean };

/**
 * Which topics may be published to now. A rejection that may pass holds back its topic (or every topic) for a full-jitter delay; then
 * one record at a time tries it, and the first success ends the back-off. So a topic that a policy forbids costs one publish a delay
 * and holds up no other topic.
 */
export class TopicBackoff {
  readonly #bounds: BackoffBounds;
  readonly #random: () => number;
  readonly #entries = new Map<string, BackoffEntry>();

  constructor(bounds: BackoffBounds, random: () => number) {
    this.#bounds = bounds;
    this.#random = random;
  }

  admits(topic: string, nowMs: number): boolean {
    return this.#isOpen(EVERY_TOPIC, nowMs) && this.#isOpen(topic, nowMs);
  }

  /** A record goes to `topic`: where it tries one that is held back, no other follows until its outcome is known. */
  beginAttempt(topic: string): void {
    for (const entry of this.#entriesOf(topic)) entry.isTrying = true;
  }

  /** The broker took a record, which ends the back-off. Gives whether there was one. */
  noteSuccess(topic: string): boolean {
    const wasEvery = this.#entries.delete(EVERY_TOPIC);
    return this.#entries.delete(topic) || wasEvery;
  }

  /** No word on the topic itself; a trial that was under way is over. */
  endTrial(topic: string): void {
    for (const entry of this.#entriesOf(topic)) entry.isTrying = false;
  }

  /** Holds `topic` or every topic back; gives how many rejections in a row that makes. Those of records that were on their way together count once. */
  noteRejection(topic: string, nowMs: number): number {
    const entry = this.#entries.get(topic);
    if (entry !== undefined && !entry.isTrying && nowMs < entry.dueMs) return entry.attempts;
    const attempts = (entry?.attempts ?? 0) + 1;
    // A floor keeps a lucky draw of zero from becoming a loop without a pause.
    const waitMs = this.#bounds.minMs / 2 + fullJitterMs(attempts - 1, this.#bounds, this.#random);
    this.#entries.set(topic, { attempts, dueMs: nowMs + waitMs, isTrying: false });
    return attempts;
  }

  /** Forgets how often the topic was rejected; its delay stays as it is. */
  reset(topic: string): void {
    const entry = this.#entries.get(topic);
    if (entry !== undefined) entry.attempts = 0;
  }

  /**
   * A new connection: what held back everything is over, and so is a trial that was under way. Single topics keep their delay,
   * because a broker may end the connection over a topic that it forbids (mosquitto 2.0.11 does).
   */
  startConnection(): void {
    this.#entries.delete(EVERY_TOPIC);
    for (const entry of this.#entries.values()) entry.isTrying = false;
  }

  /** Every topic may be tried at once; how often each was rejected stays known. */
  endDelays(nowMs: number): void {
    for (const entry of this.#entries.values()) entry.dueMs = nowMs;
  }

  /** Monotonic ms at which the next topic may be tried; undefined when none is held back. */
  nextDueMs(nowMs: number): number | undefined {
    const dues = [...this.#entries.values()].map(({ dueMs }) => dueMs).filter((dueMs) => dueMs > nowMs);
    return dues.length === 0 ? undefined : Math.min(...dues);
  }

  #isOpen(topic: string, nowMs: number): boolean {
    const entry = this.#entries.get(topic);
    return entry === undefined || (nowMs >= entry.dueMs && !entry.isTrying);
  }

  #entriesOf(topic: string): readonly BackoffEntry[] {
    return [this.#entries.get(EVERY_TOPIC), this.#entries.get(topic)].filter((entry) => entry !== undefined);
  }
}
