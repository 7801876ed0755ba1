import type { FrameBatch } from "../../ports/frame.ts";
import { Capture, type CaptureOrder } from "./capture.ts";
import { FrameRing, type VisitFrame } from "./frame-ring.ts";
import { HistoryFilter } from "./history-filter.ts";

/** Memory of the history is a multiple of this, bytes. */
const PAGE_BYTES = 4096;
/** Captures that are open at once, over all campaigns. */
export const MAX_OPEN_CAPTURES = 64;

export type HistorySettings = {
  /** Memory while anybody needs it; rounded down to whole pages of 4096, one at least. */
  readonly maxBytes: number;
  /** How many buses there are. */
  readonly buses: number;
};

/** How the history is doing. Counts are since start. */
export type HistoryFigures = {
  /** Memory that it takes; 0 while nobody needs it. */
  readonly bytes: number;
  readonly usedBytes: number;
  readonly frames: number;
  /** Receive times, wall clock; undefined when there is no frame. */
  readonly oldestUs: number | undefined;
  readonly newestUs: number | undefined;
  /** Frames overwritten although they were younger than somebody asked for: the history is shorter than that. */
  readonly overwrittenEarly: number;
  readonly openCaptures: number;
  /** Captures refused because `MAX_OPEN_CAPTURES` were open. */
  readonly refusedCaptures: number;
};

/**
 * The frames that somebody may want to see later, in the order in which they were received, whichever the bus. What it holds is in memory
 * alone, and lost when the process is killed.
 */
export class FrameHistory {
  readonly #settings: HistorySettings;
  #filter = new HistoryFilter([]);
  #ring: FrameRing | undefined;
  /** Sequence of the next frame while there is no ring. */
  #sequence = 0;
  #resumedAt = 0;
  #steppedAt = 0;
  #overwrittenEarly = 0;
  #open: Capture[] = [];
  #refused = 0;

  constructor(settings: HistorySettings) {
    this.#settings = settings;
  }

  /**
   * From now on keeps what `filter` says, for `spanMs` where the memory allows it. What it holds already stays. An empty filter frees
   * the memory: open captures end, and count what they had not read as lost.
   */
  use(filter: HistoryFilter, spanMs: number): void {
    this.#filter = filter;
    if (filter.isEmpty) return this.#free();
    const { maxBytes, buses } = this.#settings;
    const bytes = Math.max(1, Math.floor(maxBytes / PAGE_BYTES)) * PAGE_BYTES;
    this.#ring ??= new FrameRing(bytes, buses, this.#sequence);
    this.#ring.spanUs = spanMs * 1000;
  }

  /** Whether it keeps any frames. */
  get isOn(): boolean {
    return this.#ring !== undefined;
  }

  /** Sequence of the next frame that is kept. */
  get sequence(): number {
    return this.#ring?.next ?? this.#sequence;
  }

  /** Takes frame `at` of a batch if anybody wants it; call it before the frame fires a trigger. On the frame path. */
  push(bus: number, batch: FrameBatch, at: number): void {
    const ring = this.#ring;
    if (ring !== undefined && this.#filter.keeps(bus, batch.id(at), batch.flags(at))) ring.append(bus, batch, at);
  }

  /** Gives every frame that is at most so much older than the newest to `visit`, oldest first; one that is later, before a step of the clock, too. */
  visitNewest(spanMs: number, visit: VisitFrame): void {
    const ring = this.#ring;
    if (ring === undefined || ring.first === ring.next) return;
    const fromUs = ring.timeUsAt(ring.newestAt) - spanMs * 1000;
    let offset = ring.oldestAt;
    for (let sequence = ring.first; sequence < ring.next; sequence++) {
      offset = ring.offsetOf(sequence, offset);
      if (ring.timeUsAt(offset) >= fromUs) ring.give(offset, visit);
      offset = ring.after(offset);
    }
  }

  /** What was kept until now is from before a stop of the agent. */
  noteResumed(): void {
    this.#resumedAt = this.sequence;
  }

  /** The wall clock was set: the times of what was kept until now are by another clock, and no capture goes back there. */
  noteStep(): void {
    this.#steppedAt = this.sequence;
  }

  /** A capture of the history up to now and of what follows; undefined when so many are open, or nothing is kept. */
  begin(order: CaptureOrder): Capture | undefined {
    const open = this.#open.filter(({ isDone }) => !isDone);
    this.#open = open;
    if (this.#ring !== undefined && open.length < MAX_OPEN_CAPTURES) {
      const notBefore = Math.max(order.notBefore, this.#steppedAt);
      const capture = new Capture(this.#ring, { ...order, notBefore }, this.#resumedAt);
      if (notBefore > order.notBefore && capture.historyMs < order.beforeMs) capture.clockStepped = true;
      open.push(capture);
      return capture;
    }
    this.#refused += 1;
    return undefined;
  }

  figures(): HistoryFigures {
    const ring = this.#ring;
    const frames = ring === undefined ? 0 : ring.next - ring.first;
    return {
      bytes: ring?.bytes.length ?? 0,
      usedBytes: ring?.usedBytes ?? 0,
      frames,
      oldestUs: ring === undefined || frames === 0 ? undefined : ring.timeUsAt(ring.oldestAt),
      newestUs: ring === undefined || frames === 0 ? undefined : ring.timeUsAt(ring.newestAt),
      overwrittenEarly: this.#overwrittenEarly + (ring?.overwrittenEarly ?? 0),
      openCaptures: this.#open.filter(({ isDone }) => !isDone).length,
      refusedCaptures: this.#refused,
    };
  }

  #free(): void {
    for (const capture of this.#open) capture.abandon();
    this.#open = [];
    this.#sequence = this.sequence;
    this.#overwrittenEarly += this.#ring?.overwrittenEarly ?? 0;
    this.#ring = undefined;
  }
}
