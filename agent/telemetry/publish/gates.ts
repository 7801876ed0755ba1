import { type BackoffBounds, fullJitterMs } from "../../core/backoff.ts";

/** Key of the gate that stands before every topic. */
export const EVERY_TOPIC = "";

type Gate = { attempts: number; dueMs: number; isTrying: boolean };

/**
 * Which topics may be published to now. A refusal that may pass closes the gate of its topic (or of every topic) for a full-jitter
 * delay; then one record at a time tries it, and the first success opens it. So a topic that a policy forbids costs one publish a
 * delay and holds up no other topic.
 */
export class Gates {
  readonly #bounds: BackoffBounds;
  readonly #random: () => number;
  readonly #gates = new Map<string, Gate>();

  constructor(bounds: BackoffBounds, random: () => number) {
    this.#bounds = bounds;
    this.#random = random;
  }

  admits(topic: string, nowMs: number): boolean {
    return this.#isOpen(EVERY_TOPIC, nowMs) && this.#isOpen(topic, nowMs);
  }

  /** A record goes to `topic`: nobody else passes a gate on trial until its outcome is known. */
  enter(topic: string): void {
    for (const gate of this.#before(topic)) gate.isTrying = true;
  }

  /** The broker took a record: the way is open. Gives whether a gate stood there. */
  open(topic: string): boolean {
    const wasEvery = this.#gates.delete(EVERY_TOPIC);
    return this.#gates.delete(topic) || wasEvery;
  }

  /** No word on the topic itself; a trial that was under way is over. */
  leave(topic: string): void {
    for (const gate of this.#before(topic)) gate.isTrying = false;
  }

  /** Closes the gate of `topic` or of every topic; gives how many refusals in a row that makes. Refusals of one salvo count once. */
  close(topic: string, nowMs: number): number {
    const gate = this.#gates.get(topic);
    if (gate !== undefined && !gate.isTrying && nowMs < gate.dueMs) return gate.attempts;
    const attempts = (gate?.attempts ?? 0) + 1;
    // A floor keeps a lucky draw of zero from becoming a loop without a pause.
    const waitMs = this.#bounds.minMs / 2 + fullJitterMs(attempts - 1, this.#bounds, this.#random);
    this.#gates.set(topic, { attempts, dueMs: nowMs + waitMs, isTrying: false });
    return attempts;
  }

  /** Forgets how often the topic refused; its gate stays shut as it is. */
  forgive(topic: string): void {
    const gate = this.#gates.get(topic);
    if (gate !== undefined) gate.attempts = 0;
  }

  /**
   * A new connection: what held back everything is over, and so is a trial that was under way. Gates of single topics keep their
   * delay, because a broker may end the connection over a topic that it forbids (mosquitto 2.0.11 does).
   */
  startConnection(): void {
    this.#gates.delete(EVERY_TOPIC);
    for (const gate of this.#gates.values()) gate.isTrying = false;
  }

  /** Every gate may be tried at once; how often each has refused stays known. */
  endDelays(nowMs: number): void {
    for (const gate of this.#gates.values()) gate.dueMs = nowMs;
  }

  /** Monotonic ms at which the next closed gate may be tried; undefined when none waits. */
  nextDueMs(nowMs: number): number | undefined {
    const dues = [...this.#gates.values()].map(({ dueMs }) => dueMs).filter((dueMs) => dueMs > nowMs);
    return dues.length === 0 ? undefined : Math.min(...dues);
  }

  #isOpen(topic: string, nowMs: number): boolean {
    const gate = this.#gates.get(topic);
    return gate === undefined || (nowMs >= gate.dueMs && !gate.isTrying);
  }

  #before(topic: string): readonly Gate[] {
    return [this.#gates.get(EVERY_TOPIC), this.#gates.get(topic)].filter((gate) => gate !== undefined);
  }
}
