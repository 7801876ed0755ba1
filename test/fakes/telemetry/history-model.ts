import type { CaptureOrder } from "../../../agent/telemetry/history/capture.ts";

/** A frame as the model sees it; its sequence is its place in the list. */
export type ModelFrame = {
  readonly bus: number;
  readonly id: number;
  readonly flags: number;
  readonly data: readonly number[];
  readonly timeUs: number;
};

/**
 * A capture, slow and obvious: every frame that ever came stays in a list, and what belongs to the interval is picked from it at the
 * end. Only which frames were overwritten it must be told.
 */
export class ModelCapture {
  readonly #frames: readonly ModelFrame[];
  readonly #order: CaptureOrder;
  readonly #oldest: number;
  readonly #begin: number;
  #untilUs: number;
  #deadlineMs: number;
  #dueMs: number | undefined;
  #end: number | undefined;
  #at: number;
  lost = 0;
  readonly #missed = new Set<number>();

  constructor(frames: readonly ModelFrame[], order: CaptureOrder, firstHeld: number) {
    this.#frames = frames;
    this.#order = order;
    this.#begin = frames.length;
    this.#oldest = Math.max(firstHeld, order.notBefore);
    this.#untilUs = order.timeUs + order.afterMs * 1000;
    this.#deadlineMs = order.nowMs + order.afterMs + 1000;
    this.#at = Math.min(this.#begin, ...this.#before());
  }

  /** What the frames before the trigger are, newest first, bus by bus. */
  #before(): number[] {
    return this.#buses().flatMap((bus) => this.#walkBack(bus).found);
  }

  #walkBack(bus: number): { found: number[]; reachUs: number; end: "old" | "step" | "held" } {
    const { timeUs, beforeMs } = this.#order;
    const found: number[] = [];
    let limitUs = timeUs + 1_000_000;
    for (let sequence = this.#begin - 1; sequence >= this.#oldest; sequence--) {
      const frame = this.#frames[sequence];
      if (frame.bus !== bus) continue;
      if (timeUs - frame.timeUs > beforeMs * 1000) return { found, reachUs: frame.timeUs, end: "old" };
      if (frame.timeUs > limitUs) return { found, reachUs: limitUs - 50_000, end: "step" };
      found.push(sequence);
      limitUs = frame.timeUs + 50_000;
    }
    return { found, reachUs: timeUs, end: "held" };
  }

  #buses(): number[] {
    return [...new Set(this.#frames.map(({ bus }) => bus))].filter((bus) => this.#order.wants.has(bus));
  }

  get historyMs(): number {
    const { timeUs, beforeMs } = this.#order;
    if (this.#oldest >= this.#begin) return 0;
    const walks = this.#buses()
      .filter((bus) => this.#frames.slice(this.#oldest, this.#begin).some((frame) => frame.bus === bus))
      .map((bus) => this.#walkBack(bus));
    const isCutByMemory = walks.length === 0 || walks.some(({ end }) => end === "held");
    const spans = walks.flatMap(({ end, reachUs }) => (end === "step" ? [timeUs - reachUs] : []));
    if (isCutByMemory) spans.push(timeUs - this.#frames[this.#oldest].timeUs);
    return Math.max(0, Math.min(beforeMs * 1000, ...spans)) / 1000;
  }

  extend(timeUs: number, nowMs: number, lastUs: number): boolean {
    const { beforeMs, afterMs } = this.#order;
    if (this.#end !== undefined || timeUs - beforeMs * 1000 > this.#untilUs || timeUs < lastUs - 50_000) return false;
    if (this.#hasSteppedBefore(this.#at)) return false;
    this.#untilUs = Math.max(this.#untilUs, timeUs + afterMs * 1000);
    this.#deadlineMs = Math.max(this.#deadlineMs, nowMs + afterMs + 1000);
    this.#dueMs = undefined;
    return true;
  }

  #hasSteppedBefore(end: number): boolean {
    return this.#buses().some((bus) => this.#after(bus, end).isStepped);
  }

  finish(): void {
    this.#end ??= this.#frames.length;
  }

  /** Tells of a read that looked at so many frames when `firstHeld` was the oldest that was there. */
  read(nowMs: number, firstHeld: number, looked: number): void {
    if (this.#end === undefined && this.#isOver(nowMs)) this.finish();
    const first = Math.min(firstHeld, this.#end ?? this.#frames.length);
    for (; this.#at < first; this.#at++) {
      this.lost += 1;
      this.#missed.add(this.#at);
    }
    this.#at += looked;
  }

  get isDone(): boolean {
    return this.#end !== undefined && this.#at >= this.#end;
  }

  #isOver(nowMs: number): boolean {
    const came = this.#frames.slice(this.#begin);
    const buses = [0, 1, 2].filter((bus) => this.#order.wants.has(bus));
    const newest = buses.map((bus) => came.findLast((frame) => frame.bus === bus));
    if (newest.every((frame) => frame !== undefined && frame.timeUs > this.#untilUs)) return true;
    if (nowMs < this.#deadlineMs) return false;
    if (this.#dueMs !== undefined && nowMs > this.#dueMs) return true;
    this.#dueMs ??= nowMs;
    return false;
  }

  /** The frames of a bus from its first in the interval on, until the clock is set back. */
  #after(bus: number, end: number): { found: number[]; isStepped: boolean } {
    const { timeUs, beforeMs } = this.#order;
    const found: number[] = [];
    let lastUs = Number.NEGATIVE_INFINITY;
    const before = this.#walkBack(bus).found.toReversed();
    const after = [...this.#frames.keys()].filter((sequence) => sequence >= this.#begin && sequence < end);
    for (const sequence of [...before, ...after]) {
      const frame = this.#frames[sequence];
      if (frame.bus !== bus || this.#missed.has(sequence)) continue;
      if (frame.timeUs < lastUs - 50_000) return { found, isStepped: true };
      lastUs = frame.timeUs;
      const isInside = frame.timeUs >= timeUs - beforeMs * 1000 && frame.timeUs <= this.#untilUs;
      if (isInside) found.push(sequence);
    }
    return { found, isStepped: false };
  }

  /** Whether a step of the clock has cut it. */
  get clockStepped(): boolean {
    return (
      this.#buses().some((bus) => this.#walkBack(bus).end === "step") || this.#hasSteppedBefore(this.#end ?? this.#at)
    );
  }

  /** What it should have given out in the end. */
  expected(): ModelFrame[] {
    return this.#buses()
      .flatMap((bus) => this.#after(bus, this.#end ?? this.#at).found)
      .filter((sequence) => !this.#missed.has(sequence))
      .toSorted((left, right) => left - right)
      .map((sequence) => this.#frames[sequence])
      .filter(({ bus, id, flags }) => this.#order.wants.keeps(bus, id, flags));
  }
}
