import { findStart } from "./capture-start.ts";
import { CLOCK_STEP_US, type FrameRing, type VisitFrame } from "./frame-ring.ts";
import type { HistoryFilter } from "./history-filter.ts";

/** Triggers that a capture lists; further ones are counted alone. */
export const MAX_MARKS = 1000;
/** Frames that are received in its post time may still be on their way to the history so long, ms of the monotonic clock. */
const GRACE_MS = 1000;

export type CaptureOrder = {
  readonly name: string;
  /** Time of the trigger by the clock of the frames, µs: of the frame that fired it. It fires now: the history ends with that frame. */
  readonly timeUs: number;
  /** Monotonic. */
  readonly nowMs: number;
  readonly beforeMs: number;
  readonly afterMs: number;
  /** Sequence before which nothing is wanted: where its frames began to be kept, or `nextSequence` of a capture that has sent them. */
  readonly notBefore: number;
  /** The frames that it gives out. */
  readonly wants: HistoryFilter;
  /** Where another capture was left off, of which nothing is to come again. */
  readonly after?: CaptureRest | undefined;
};

/** What a capture leaves to the one that follows it: frames from after its post time lie between those that it has given out. */
export type CaptureRest = {
  /** Sequence before which nothing is left. */
  readonly from: number;
  /** Frames before this sequence that are not later than `untilUs` are given out, or will be. */
  readonly givenBefore: number;
  readonly untilUs: number;
};

/** A trigger of a capture. `sequence` is that of the first frame after it. */
export type CaptureMark = { readonly timeUs: number; readonly sequence: number };

/**
 * An interval of the history on its way out: from so long before a trigger until so long after it, both ends included.
 *
 * It reads with a cursor, slice by slice, and holds nothing back from being overwritten; what it was too slow for it counts. A bus
 * whose receive times are not of the clock of the trigger is not found.
 */
export class Capture {
  readonly name: string;
  /** Its triggers, the first of which began it. */
  readonly marks: CaptureMark[];
  marksDropped = 0;
  readonly fromUs: number;
  /** History that there was before the first trigger, ms; less than asked for where it was not kept so long, or the clock stepped. */
  readonly historyMs: number;
  /** Whether it was cut, before or after its trigger, where the wall clock was set back. */
  clockStepped: boolean;
  /** Whether some of it was received before the agent stopped and started again: it has a gap there. */
  readonly spansStop: boolean;
  /** Frames given out. */
  frames = 0;
  /** Frames that were overwritten before they were read, whoever wanted them. */
  lost = 0;
  isDone = false;
  readonly #ring: FrameRing;
  readonly #wants: HistoryFilter;
  readonly #beforeUs: number;
  readonly #afterMs: number;
  readonly #starts: Float64Array;
  /** Of each bus: time of its last frame, NaN before the first, and 1 once the clock was set back after the trigger. */
  readonly #lastUs: Float64Array;
  readonly #stepped: Uint8Array;
  #steppedAfter = false;
  #untilUs: number;
  #deadlineMs: number;
  /** Monotonic time of the first read past the deadline. */
  #dueMs: number | undefined;
  /** Where it ends, once no trigger can prolong it. */
  #end = Number.POSITIVE_INFINITY;
  #sequence: number;
  #offset: number;
  /** Sequence of the first frame that it passed over because it is from after the post time. */
  #firstAhead = Number.POSITIVE_INFINITY;
  readonly #after: CaptureRest | undefined;

  /** Frames before the sequence `resumedAt` are from before the last stop. */
  constructor(ring: FrameRing, order: CaptureOrder, resumedAt: number) {
    const { name, timeUs, nowMs, beforeMs, afterMs, wants, after } = order;
    const notBefore = Math.max(order.notBefore, after?.from ?? 0);
    this.name = name;
    this.fromUs = timeUs - beforeMs * 1000;
    this.#ring = ring;
    this.#wants = wants;
    this.#after = after;
    this.#beforeUs = beforeMs * 1000;
    this.#afterMs = afterMs;
    const start = findStart(ring, { timeUs, fromUs: this.fromUs, notBefore, wants });
    this.historyMs = (timeUs - start.wholeFromUs) / 1000;
    this.clockStepped = start.clockStepped;
    this.spansStop = start.sequence < resumedAt;
    this.#starts = start.starts;
    this.#sequence = start.sequence;
    this.#offset = start.offset;
    this.#lastUs = new Float64Array(start.starts.length).fill(Number.NaN);
    this.#stepped = new Uint8Array(start.starts.length);
    this.marks = [{ timeUs, sequence: ring.next }];
    this.#untilUs = timeUs + afterMs * 1000;
    this.#deadlineMs = nowMs + afterMs + GRACE_MS;
  }

  /** Time of the newest frame that belongs to it. */
  get untilUs(): number {
    return this.#untilUs;
  }

  /** Sequence up to which it has read. */
  get nextSequence(): number {
    return this.#sequence;
  }

  /** For a capture that begins now, or when this one is done. */
  get rest(): CaptureRest {
    const from = Math.min(this.#sequence, this.#firstAhead);
    // Where the clock was set back times say nothing of what was given out.
    if (this.#steppedAfter) return { from: this.#sequence, givenBefore: 0, untilUs: this.#untilUs };
    return { from, givenBefore: this.#end, untilUs: this.#untilUs };
  }

  /**
   * Merges a trigger of now: the capture goes on until the post time of that one is over. Gives false, and changes nothing, when it
   * is ending, when the clock was set back since, or when the history before the new trigger does not reach back to it.
   */
  extend(timeUs: number, nowMs: number): boolean {
    const lastUs = this.marks[this.marks.length - 1].timeUs;
    if (this.#isClosing || this.#steppedAfter || timeUs < lastUs - CLOCK_STEP_US) return false;
    if (timeUs - this.#beforeUs > this.#untilUs) return false;
    this.#untilUs = Math.max(this.#untilUs, timeUs + this.#afterMs * 1000);
    this.#deadlineMs = Math.max(this.#deadlineMs, nowMs + this.#afterMs + GRACE_MS);
    this.#dueMs = undefined;
    if (this.marks.length < MAX_MARKS) this.marks.push({ timeUs, sequence: this.#ring.next });
    else this.marksDropped += 1;
    return true;
  }

  /** Ends it with the frames that are there: at a stop, or when nobody waits for more. Read on until `isDone`. */
  finish(): void {
    if (!this.#isClosing) this.#end = this.#ring.next;
  }

  /** Ends it at once; what it has not read is lost. */
  abandon(): void {
    if (this.isDone) return;
    this.finish();
    this.lost += this.#end - this.#sequence;
    this.#sequence = this.#end;
    this.isDone = true;
  }

  /**
   * Gives its next frames to `visit`, and how many frames of the history it has looked at: at most `maxFrames`. Call again until
   * `isDone`, also when it found none: its post time may not be over. `nowMs` is monotonic.
   */
  read(maxFrames: number, nowMs: number, visit: VisitFrame): number {
    if (!this.#isClosing && this.#isOver(nowMs)) this.finish();
    const end = Math.min(this.#end, this.#ring.next);
    this.#skipOverwritten(end);
    let looked = 0;
    while (looked < maxFrames && this.#sequence < end) {
      this.#offset = this.#ring.offsetOf(this.#sequence, this.#offset);
      if (!this.#isClosing && this.#isAhead()) break;
      if (this.#takesNext()) {
        this.frames += 1;
        this.#ring.give(this.#offset, visit);
      }
      this.#offset = this.#ring.after(this.#offset);
      this.#sequence += 1;
      looked += 1;
    }
    this.isDone = this.#sequence >= this.#end;
    return looked;
  }

  get #isClosing(): boolean {
    return this.#end !== Number.POSITIVE_INFINITY;
  }

  /**
   * Every bus has frames from after the post time; or the time to wait for them is over by the monotonic clock, and what had come by then has
   * had a turn of the event loop to get here.
   */
  #isOver(nowMs: number): boolean {
    const { newest, newestUs } = this.#ring;
    const [{ sequence }] = this.marks;
    let isPassed = true;
    for (let bus = 0; bus < newest.length && isPassed; bus++) {
      if (this.#wants.has(bus)) isPassed = newest[bus] >= sequence && newestUs[bus] > this.#untilUs;
    }
    if (isPassed) return true;
    if (nowMs < this.#deadlineMs) return false;
    this.#dueMs ??= nowMs;
    return nowMs > this.#dueMs;
  }

  #skipOverwritten(end: number): void {
    const first = Math.min(this.#ring.first, end);
    if (this.#sequence >= first) return;
    this.lost += first - this.#sequence;
    this.#sequence = first;
  }

  /** A frame from after the post time waits until no trigger can prolong that any more. */
  #isAhead(): boolean {
    const bus = this.#ring.busAt(this.#offset);
    return this.#sequence >= this.#starts[bus] && this.#ring.timeUsAt(this.#offset) > this.#untilUs;
  }

  /** Whether the frame at the cursor belongs to the interval. */
  #takesNext(): boolean {
    const bus = this.#ring.busAt(this.#offset);
    const timeUs = this.#ring.timeUsAt(this.#offset);
    if (this.#sequence < this.#starts[bus] || this.#stepped[bus] === 1) return false;
    if (timeUs < this.#lastUs[bus] - CLOCK_STEP_US) {
      this.#stepped[bus] = 1;
      this.#steppedAfter = true;
      this.clockStepped = true;
      return false;
    }
    this.#lastUs[bus] = timeUs;
    if (timeUs > this.#untilUs && this.#sequence < this.#firstAhead) this.#firstAhead = this.#sequence;
    if (timeUs < this.fromUs || timeUs > this.#untilUs || this.#isGiven(timeUs)) return false;
    return this.#wants.keeps(bus, this.#ring.idAt(this.#offset), this.#ring.flagsAt(this.#offset));
  }

  /** Whether the capture before has it. */
  #isGiven(timeUs: number): boolean {
    const after = this.#after;
    return after !== undefined && this.#sequence < after.givenBefore && timeUs <= after.untilUs;
  }
}
