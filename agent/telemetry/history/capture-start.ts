import { CLOCK_STEP_US, type FrameRing } from "./frame-ring.ts";
import type { HistoryFilter } from "./history-filter.ts";

/** Frames of several buses come batch by batch: the newest of one bus may be so much later than a trigger on another, µs. */
const BATCH_SKEW_US = 1_000_000;

/** The history that a trigger asks for. */
export type StartSearch = {
  /** Time of the trigger, which is now: all frames that are held came before it. */
  readonly timeUs: number;
  /** Time of the oldest frame that is wanted. */
  readonly fromUs: number;
  /** Sequence before which no frame is wanted. */
  readonly notBefore: number;
  readonly wants: HistoryFilter;
};

/** What there is of it. */
export type CaptureStart = {
  /** Sequence from which on the frames of a bus are wanted, by bus; infinite for a bus that is not wanted. */
  readonly starts: Float64Array;
  /** The least of them, and where it lies. */
  readonly sequence: number;
  readonly offset: number;
  /** From when on the history is whole; `fromUs` when it has all that was asked for, the time of the trigger when there is none. */
  readonly wholeFromUs: number;
  readonly clockStepped: boolean;
};

/**
 * Walks back from the newest frame, each bus by itself, because the order in which frames of several buses come is not that of their
 * times. A bus has its history as far as its frames are not older than asked, and none is more than `CLOCK_STEP_US` later than the next:
 * there the wall clock was set back, and what lies before cannot be placed.
 */
export function findStart(ring: FrameRing, search: StartSearch): CaptureStart {
  const { timeUs, fromUs, notBefore, wants } = search;
  const oldest = Math.max(ring.first, notBefore);
  const walk = newWalk(ring, oldest, timeUs, wants);
  const start = { sequence: ring.next, offset: ring.nextAt };
  let wholeFromUs = oldest < ring.next ? fromUs : timeUs;
  let clockStepped = false;
  let offset = ring.newestAt;
  for (let sequence = ring.next - 1; sequence >= oldest && walk.openBuses > 0; sequence--) {
    const bus = ring.busAt(offset);
    const frameUs = ring.timeUsAt(offset);
    if (walk.isOpen[bus] === 1) {
      if (frameUs < fromUs) {
        close(walk, bus);
      } else if (frameUs > walk.nextUs[bus] + CLOCK_STEP_US) {
        close(walk, bus);
        clockStepped = true;
        wholeFromUs = Math.max(wholeFromUs, Math.min(timeUs, walk.nextUs[bus]));
      } else {
        walk.nextUs[bus] = frameUs;
        walk.starts[bus] = sequence;
        start.sequence = sequence;
        start.offset = offset;
      }
    }
    if (sequence > oldest) offset = ring.before(offset);
    else if (walk.openBuses > 0) wholeFromUs = Math.max(wholeFromUs, Math.min(timeUs, frameUs));
  }
  return { ...start, starts: walk.starts, wholeFromUs, clockStepped };
}

type Walk = {
  readonly starts: Float64Array;
  /** 1 for a bus whose history goes on. */
  readonly isOpen: Uint8Array;
  openBuses: number;
  /** Time of the frame of the bus that was met last. */
  readonly nextUs: Float64Array;
};

function newWalk(ring: FrameRing, oldest: number, timeUs: number, wants: HistoryFilter): Walk {
  const buses = ring.newest.length;
  const isOpen = Uint8Array.from(ring.newest, (newest, bus) => (newest >= oldest && wants.has(bus) ? 1 : 0));
  return {
    starts: Float64Array.from(ring.newest, (_, bus) => (wants.has(bus) ? ring.next : Number.POSITIVE_INFINITY)),
    isOpen,
    // Where no bus that is wanted has a frame, how far the others go back says how long there was none.
    openBuses: Math.max(
      1,
      isOpen.reduce((sum, open) => sum + open, 0),
    ),
    nextUs: new Float64Array(buses).fill(timeUs + BATCH_SKEW_US - CLOCK_STEP_US),
  };
}

function close(walk: Walk, bus: number): void {
  walk.isOpen[bus] = 0;
  walk.openBuses -= 1;
}
