import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type CanFrame, FRAME_FLAG, FrameBatch } from "../../../../agent/ports/frame.ts";
import { FrameHistory } from "../../../../agent/telemetry/history/frame-history.ts";
import { HistoryFilter } from "../../../../agent/telemetry/history/history-filter.ts";
import { KEPT_OVERHEAD_BYTES, packHistory, unpackHistory } from "../../../../agent/telemetry/history/kept-history.ts";
import { seededRandom } from "../../../bench/core/seeded-random.ts";

const T0 = 1_767_225_600_000_000;
const SEED = 8;
const BUSES = ["can0", "can1", "can2"];
const EVERYTHING = new HistoryFilter(BUSES.map((_, bus) => ({ kind: "bus", bus })));

type OnBus = CanFrame & { readonly bus: number };

function historyOf(frames: readonly OnBus[], filter = EVERYTHING, maxBytes = 1_048_576): FrameHistory {
  const history = new FrameHistory({ maxBytes, buses: 3 });
  history.use(filter, 1000);
  const batch = new FrameBatch(1);
  for (const { bus, id, flags, data, receivedAtUs } of frames) {
    batch.count = 0;
    batch.push(id, flags, data, receivedAtUs);
    history.push(bus, batch, 0);
  }
  return history;
}

function framesIn(history: FrameHistory): OnBus[] {
  const frames: OnBus[] = [];
  history.visitNewest(Number.POSITIVE_INFINITY, (bus, bytes, at, length, id, flags, receivedAtUs) => {
    frames.push({ bus, id, flags, data: bytes.slice(at, at + length), receivedAtUs });
  });
  return frames;
}

/** Frames of every kind, with times that have a fraction and step back. */
function randomFrames(count: number): OnBus[] {
  const random = seededRandom(SEED);
  const pick = (below: number): number => Math.floor(random() * below);
  return Array.from({ length: count }, () => {
    const [flags, ids, longest] = [
      [0, 0x800, 8],
      [FRAME_FLAG.extended, 2 ** 29, 8],
      [FRAME_FLAG.fd | FRAME_FLAG.bitRateSwitch | FRAME_FLAG.errorStateIndicator, 0x800, 64],
      [FRAME_FLAG.error, 2 ** 29, 8],
      [FRAME_FLAG.remote, 0x800, 8],
    ][pick(5)];
    const data = Uint8Array.from({ length: pick(longest + 1) }, () => pick(256));
    return { bus: pick(3), id: pick(ids), flags, data, receivedAtUs: T0 + random() * 1e6 };
  });
}

function packed(frames: readonly OnBus[], spanMs = 60_000): Uint8Array {
  const bytes = packHistory(historyOf(frames), BUSES, spanMs);
  if (bytes === undefined) throw new TypeError("nothing was kept");
  return bytes;
}

/** The bytes with a checksum that fits whatever was changed in them. */
function sealed(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.from(bytes);
  copy.set(createHash("sha256").update(copy.subarray(40)).digest(), 8);
  return copy;
}

describe("a kept history", () => {
  it(`comes back frame by frame, and takes no more bytes than it did in memory (seed ${SEED})`, () => {
    const frames = randomFrames(2000);
    const history = historyOf(frames);
    const bytes = packed(frames);
    expect(bytes.length).toBeLessThan(history.figures().usedBytes + KEPT_OVERHEAD_BYTES);
    const next = historyOf([]);
    expect(unpackHistory(bytes, next, BUSES)).toEqual({ kind: "unpacked", frames: 2000, skipped: 0 });
    expect(framesIn(next)).toEqual(frames);
  });

  it("holds what is exactly as old as asked, and nothing that is older", () => {
    const at = (ms: number): OnBus => ({
      bus: 0,
      id: ms,
      flags: 0,
      data: new Uint8Array(2),
      receivedAtUs: T0 + ms * 1000,
    });
    const next = historyOf([]);
    unpackHistory(packed([at(999), at(1000), at(1500), at(2000)], 1000), next, BUSES);
    expect(framesIn(next).map(({ id }) => id)).toEqual([1000, 1500, 2000]);
  });

  it("is nothing when there are no frames, or nobody wants any", () => {
    expect(packHistory(historyOf([]), BUSES, 1000)).toBeUndefined();
    expect(packHistory(new FrameHistory({ maxBytes: 4096, buses: 1 }), BUSES, 1000)).toBeUndefined();
  });

  it("finds its buses by name, and leaves out what is not wanted any more", () => {
    const frames = randomFrames(300);
    const wants = new HistoryFilter([{ kind: "bus", bus: 1 }]);
    const next = historyOf([], wants);
    const expected = frames.filter(({ bus }) => bus === 2).map((frame) => ({ ...frame, bus: 1 }));
    const skipped = frames.length - expected.length;
    expect(unpackHistory(packed(frames), next, ["can1", "can2"])).toEqual({
      kind: "unpacked",
      frames: expected.length,
      skipped,
    });
    expect(framesIn(next)).toEqual(expected);
  });

  it("lets captures know of the gap that the stop made", () => {
    const next = historyOf([]);
    const [frame] = randomFrames(1);
    unpackHistory(packed([frame]), next, BUSES);
    const order = { name: "c", timeUs: frame.receivedAtUs, nowMs: 0, beforeMs: 10, afterMs: 0, notBefore: 0 };
    expect(next.begin({ ...order, wants: EVERYTHING })?.spansStop).toBe(true);
  });

  it("is refused when a byte is missing, too many, or changed", () => {
    const bytes = packed(randomFrames(20));
    const refused = (damaged: Uint8Array): boolean => {
      const next = historyOf([], EVERYTHING, 4096);
      const { kind } = unpackHistory(damaged, next, BUSES);
      return kind === "damaged" && next.sequence === 0;
    };
    for (let end = 0; end < bytes.length; end++) expect(refused(bytes.subarray(0, end))).toBe(true);
    for (let at = 0; at < bytes.length; at++) expect(refused(bytes.with(at, bytes[at] ^ (1 << (at % 8))))).toBe(true);
    expect(refused(Buffer.concat([bytes, Buffer.of(0)]))).toBe(true);
    expect(refused(bytes)).toBe(false);
  });

  it("is refused whole, with the reason, when its checksum is right and its content is not", () => {
    const one = { bus: 1, id: 0x123, flags: 0, data: new Uint8Array(8), receivedAtUs: T0 };
    const bytes = packed([one, one]);
    const last = bytes.length - 23;
    const problemOf = (changed: Uint8Array): string => {
      const next = historyOf([]);
      const found = unpackHistory(sealed(changed), next, BUSES);
      expect(next.sequence).toBe(0);
      return found.kind === "damaged" ? found.problem : "";
    };
    const put = (at: number, ...values: readonly number[]): Uint8Array => {
      const copy = Uint8Array.from(bytes);
      copy.set(values, at);
      return copy;
    };
    const malformed = "frame 2 of 2 is malformed";
    expect(problemOf(put(last, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f))).toBe(malformed); // NaN
    expect(problemOf(put(last + 9, 0x08))).toBe(malformed); // 0x823 with 11 bits
    expect(problemOf(put(last + 12, 0x40))).toBe(malformed); // a flag that there is not
    expect(problemOf(put(last + 13, 3))).toBe(malformed); // a bus without a name
    expect(problemOf(put(last + 14, 65))).toBe(malformed);
    expect(problemOf(put(last + 14, 9))).toBe("it ends in frame 2 of 2");
    expect(problemOf(put(last + 14, 7))).toBe("1 bytes follow its last frame");
    expect(problemOf(bytes.subarray(0, last + 14))).toBe("it ends in frame 2 of 2");
    expect(problemOf(put(40, 0xff, 0xff, 0xff, 0xff))).toBe("its head is malformed");
    expect(problemOf(put(44, 0x5b))).toBe("its head is malformed");
    expect(problemOf(Buffer.from(bytes).fill("}", 44, 60))).toBe("its head is malformed");
    expect(problemOf(put(0, 0))).toBe("it is no kept history");
  });
});
