import { describe, expect, it } from "vitest";
import { FrameBatch } from "../../../../agent/ports/frame.ts";
import { type Capture, type CaptureOrder, MAX_MARKS } from "../../../../agent/telemetry/history/capture.ts";
import { FrameHistory, MAX_OPEN_CAPTURES } from "../../../../agent/telemetry/history/frame-history.ts";
import { HistoryFilter } from "../../../../agent/telemetry/history/history-filter.ts";

const T0 = 1_767_225_600_000_000;
const ALL = new HistoryFilter([0, 1].map((bus) => ({ kind: "bus", bus })));
const EIGHT = new Uint8Array(8);

function setUp(maxBytes = 65_536) {
  const history = new FrameHistory({ maxBytes, buses: 2 });
  history.use(ALL, 10_000);
  const batch = new FrameBatch(1);
  /** Frames whose id is their place in time: ms after T0. */
  const push = (bus: number, ...timesMs: readonly number[]): void => {
    for (const timeMs of timesMs) {
      batch.count = 0;
      batch.push(Math.abs(timeMs), 0, EIGHT, T0 + timeMs * 1000);
      history.push(bus, batch, 0);
    }
  };
  const begin = (atMs: number, order: Partial<CaptureOrder> = {}): Capture => {
    const whole = { name: "c", nowMs: atMs, beforeMs: 100, afterMs: 50, notBefore: 0, wants: ALL };
    const capture = history.begin({ ...whole, timeUs: T0 + atMs * 1000, ...order });
    if (capture === undefined) throw new TypeError("no capture");
    return capture;
  };
  return { history, push, begin };
}

/** The times of the frames it gives out, ms after T0. */
function read(capture: Capture, nowMs: number, maxFrames = 1_000_000): number[] {
  const times: number[] = [];
  capture.read(maxFrames, nowMs, (_bus, _bytes, _at, _length, _id, _flags, timeUs) => times.push((timeUs - T0) / 1000));
  return times;
}

describe("Capture", () => {
  it("has the frames that are exactly as old, and exactly as late, as asked, and not those 1 µs beyond", () => {
    const { push, begin } = setUp();
    push(0, 899.999, 900, 999, 1000);
    const capture = begin(1000);
    push(0, 1000, 1050, 1050.001);
    expect(read(capture, 1000)).toEqual([900, 999, 1000, 1000, 1050]);
    expect([capture.historyMs, capture.clockStepped, capture.lost]).toEqual([100, false, 0]);
  });

  it("ends when every bus has passed its post time, and by the clock where one is silent", () => {
    const { push, begin } = setUp();
    push(0, 1000);
    push(1, 1000);
    const [first, second] = [begin(1000), begin(1000)];
    push(0, 1051);
    read(first, 1051);
    expect(first.isDone).toBe(false);
    push(1, 1050, 1051);
    expect([read(first, 1052), first.isDone]).toEqual([[1050], true]);
    const { push: pushOther, begin: beginOther } = setUp();
    pushOther(0, 1000);
    const silent = beginOther(1000);
    pushOther(0, 1040, 1060);
    expect(read(silent, 2049)).toEqual([1000, 1040]);
    read(silent, 2050);
    // The process may have been held up: frames of the post time get one more turn of the event loop to arrive.
    pushOther(1, 1045);
    expect(silent.isDone).toBe(false);
    expect([read(silent, 2300), silent.isDone, second.isDone]).toEqual([[1045], true, false]);
  });

  it("takes the frames of a bus whose batch comes late, on either side of the trigger", () => {
    const { push, begin } = setUp();
    push(0, 890, 950, 1000, 1300); // a batch that holds later frames too
    push(1, 900, 950, 1000);
    const capture = begin(1000);
    push(1, 1040, 1300);
    push(0, 1301);
    expect(read(capture, 1301)).toEqual([950, 1000, 900, 950, 1000, 1040]);
    expect([capture.historyMs, capture.clockStepped]).toEqual([100, false]);
  });

  it("stops where the clock was set back, and says so", () => {
    const { push, begin } = setUp();
    push(0, 3_600_000, 3_600_001, 960, 1000); // an hour back, 40 ms before the trigger
    const before = begin(1000);
    expect([read(before, 1000), before.historyMs, before.clockStepped]).toEqual([[960, 1000], 40, true]);
    push(0, 1010, 1060 - 3_600_000, 1061 - 3_600_000);
    expect([read(before, 1000), before.isDone]).toEqual([[1010], false]);
    expect(before.extend(T0 + 1_020_000, 1020)).toBe(false);
    read(before, 2060);
    expect([read(before, 2061), before.isDone]).toEqual([[], true]);
  });

  it("does not take 50 ms back for a step", () => {
    const { push, begin } = setUp();
    push(0, 1000, 950, 1000);
    const capture = begin(1000);
    push(0, 950, 1000);
    expect([read(capture, 1000), capture.clockStepped]).toEqual([[1000, 950, 1000, 950, 1000], false]);
  });

  it("merges a trigger that comes before it ends, and lists it", () => {
    const { history, push, begin } = setUp();
    push(0, 1000);
    const capture = begin(1000);
    push(0, 1040);
    expect(capture.extend(T0 + 1_040_000, 1040)).toBe(true);
    push(0, 1060, 1090, 1091);
    push(1, 1091);
    expect([read(capture, 1091), capture.isDone]).toEqual([[1000, 1040, 1060, 1090], true]);
    expect(capture.marks).toEqual([
      { timeUs: T0 + 1_000_000, sequence: 1 },
      { timeUs: T0 + 1_040_000, sequence: 2 },
    ]);
    expect(capture.extend(T0 + 1_091_000, 1091)).toBe(false);
    expect(capture.nextSequence).toBe(history.sequence);
  });

  it("leaves to the next what came after its post time and before it ended, and no frame twice", () => {
    const { push, begin } = setUp();
    push(0, 990, 1000);
    const first = begin(1000);
    push(0, 1049, 1060, 1070); // read in one go, after both
    push(1, 1045, 1051, 1065);
    expect([read(first, 1070), first.isDone]).toEqual([[990, 1000, 1049, 1045], true]);
    push(0, 1080);
    const next = begin(1080, { after: first.rest });
    push(0, 1131);
    push(1, 1131);
    expect([read(next, 1131), next.isDone]).toEqual([[1060, 1070, 1051, 1065, 1080], true]);
    // While the first still reads, the next one leaves it what is its.
    push(0, 2000);
    const slow = begin(2000);
    push(0, 2010, 2050, 2051);
    push(1, 2051);
    expect(read(slow, 2051, 1)).toEqual([2000]);
    push(0, 2060);
    const behind = begin(2060, { after: slow.rest });
    push(0, 2111);
    push(1, 2111);
    expect([read(slow, 2111), read(behind, 2111)]).toEqual([
      [2010, 2050],
      [2051, 2051, 2060],
    ]);
  });

  it("waits its whole time again after a trigger that came when it was about to end", () => {
    const { push, begin } = setUp();
    push(0, 1000);
    const capture = begin(1000);
    read(capture, 2050);
    expect(capture.extend(T0 + 1_050_000, 2050)).toBe(true);
    expect([read(capture, 3100), capture.isDone]).toEqual([[], false]);
    push(0, 1100);
    expect([read(capture, 3350), capture.isDone]).toEqual([[1100], true]);
  });

  it("is not held up by frames of a bus that it does not want", () => {
    const { push, begin } = setUp();
    push(0, 1000);
    const capture = begin(1000, { wants: new HistoryFilter([{ kind: "bus", bus: 0 }]) });
    push(1, 5000);
    push(0, 1010);
    expect(read(capture, 1010)).toEqual([1000, 1010]);
  });

  it("does not merge a trigger whose history does not reach back to it", () => {
    const { push, begin } = setUp();
    push(0, 1000);
    const capture = begin(1000);
    expect(capture.extend(T0 + 1_150_001, 1150)).toBe(false);
    expect(capture.extend(T0 + 1_150_000, 1150)).toBe(true);
  });

  it("lists so many triggers and counts the others", () => {
    const { begin } = setUp();
    const capture = begin(1000);
    for (let count = 0; count < MAX_MARKS + 4; count++) expect(capture.extend(T0 + 1_000_000, 1000)).toBe(true);
    expect([capture.marks.length, capture.marksDropped]).toEqual([MAX_MARKS, 5]);
  });

  it("says how much history there was when it was kept for less time than asked", () => {
    const { history, push, begin } = setUp();
    push(0, 970, 990);
    expect(begin(1000).historyMs).toBe(30);
    expect(begin(1000, { notBefore: 1 }).historyMs).toBe(10);
    expect(begin(1000, { notBefore: history.sequence }).historyMs).toBe(0);
    expect(setUp().begin(1000).historyMs).toBe(0);
  });

  it("does not take a bus that was silent for a history that is missing", () => {
    const { push, begin } = setUp();
    push(0, 500, 950);
    const capture = begin(1000, { wants: new HistoryFilter([{ kind: "bus", bus: 1 }]) });
    expect([capture.historyMs, read(capture, 1000)]).toEqual([100, []]);
  });

  it("counts what was overwritten before it was read", () => {
    const { push, begin } = setUp(4096); // 170 frames of 24 bytes
    push(0, ...Array.from({ length: 100 }, (_, at) => 901 + at));
    const capture = begin(1000);
    expect(read(capture, 1000, 10)).toEqual([901, 902, 903, 904, 905, 906, 907, 908, 909, 910]);
    push(0, ...Array.from({ length: 170 }, (_, at) => 1001 + at * 0.1));
    capture.finish();
    expect(read(capture, 1000)).toHaveLength(170);
    expect([capture.lost, capture.frames, capture.isDone]).toEqual([90, 180, true]);
  });

  it("reads no more than it is told, also where nothing of it is wanted", () => {
    const { push, begin } = setUp();
    push(0, ...Array.from({ length: 100 }, (_, at) => 901 + at));
    const capture = begin(1000, { wants: new HistoryFilter([{ kind: "id", bus: 0, id: 1000, extended: false }]) });
    const looked = Array.from({ length: 5 }, () => capture.read(30, 1000, () => undefined));
    expect([looked, capture.frames]).toEqual([[30, 30, 30, 10, 0], 1]);
  });
});

describe("FrameHistory", () => {
  it("takes memory while somebody wants frames, and shows how much", () => {
    const history = new FrameHistory({ maxBytes: 10_000, buses: 2 });
    expect([history.isOn, history.figures().bytes]).toEqual([false, 0]);
    const batch = new FrameBatch(1);
    batch.push(1, 0, EIGHT, T0);
    history.push(0, batch, 0);
    expect([history.sequence, history.figures().frames]).toEqual([0, 0]);
    history.use(new HistoryFilter([{ kind: "bus", bus: 1 }]), 1000);
    history.push(0, batch, 0);
    history.push(1, batch, 0);
    const figures = { bytes: 8192, usedBytes: 24, frames: 1, oldestUs: T0, newestUs: T0 };
    expect(history.figures()).toEqual({ ...figures, overwrittenEarly: 0, openCaptures: 0, refusedCaptures: 0 });
    history.use(new HistoryFilter([]), 0);
    expect([history.isOn, history.sequence, history.figures().bytes]).toEqual([false, 1, 0]);
  });

  it("counts frames that are overwritten too early over all of its life", () => {
    const { history, push } = setUp(4096);
    push(0, ...Array.from({ length: 173 }, (_, at) => at));
    expect(history.figures()).toMatchObject({ frames: 170, overwrittenEarly: 3 });
    history.use(new HistoryFilter([]), 0);
    history.use(ALL, 1);
    push(0, ...Array.from({ length: 180 }, (_, at) => at));
    expect(history.figures()).toMatchObject({ frames: 170, overwrittenEarly: 3 });
  });

  it("ends the open captures when its memory is freed, and they count what they have not read", () => {
    const { history, push, begin } = setUp();
    push(0, 990, 1000);
    const capture = begin(1000);
    expect(read(capture, 1000, 1)).toEqual([990]);
    history.use(new HistoryFilter([]), 0);
    expect([capture.isDone, capture.lost, read(capture, 1000)]).toEqual([true, 1, []]);
    history.use(ALL, 1000);
    push(0, 1100);
    expect([read(begin(1100), 1100), capture.lost]).toEqual([[1100], 1]);
  });

  it("has so many captures open and counts those it refuses", () => {
    const { history, push, begin } = setUp();
    push(0, 1000);
    const captures = Array.from({ length: MAX_OPEN_CAPTURES }, () => begin(1000));
    expect(() => begin(1000)).toThrow("no capture");
    expect(history.figures()).toMatchObject({ openCaptures: MAX_OPEN_CAPTURES, refusedCaptures: 1 });
    captures[0].finish();
    read(captures[0], 1000);
    expect([captures[0].isDone, history.figures().openCaptures]).toEqual([true, MAX_OPEN_CAPTURES - 1]);
    begin(1000);
  });

  it("says of a capture that it goes back to before a stop of the agent", () => {
    const { history, push, begin } = setUp();
    push(0, 950);
    history.noteResumed();
    push(0, 1000);
    expect([begin(1000).spansStop, begin(1000, { beforeMs: 49 }).spansStop]).toEqual([true, false]);
  });
});
