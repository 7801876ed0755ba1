import { describe, expect, it } from "vitest";
import { BusMeter } from "../../../../agent/cli/traffic/bus-meter.ts";
import { idLines, loadLine } from "../../../../agent/cli/traffic/load-text.ts";
import { FRAME_FLAG } from "../../../../agent/ports/frame.ts";

const RATES = { bitrate: 500_000, dataBitrate: undefined };

function frame(id: number, receivedAtUs: number, data: Uint8Array = new Uint8Array(0), flags = 0) {
  return { id, flags, data, receivedAtUs };
}

describe("BusMeter", () => {
  it("reckons the load of a second as canbusload of can-utils does, with and without its -e", () => {
    const meter = new BusMeter(RATES);
    // canframelen.c has 117 bits for 7A7#17ACA8... exactly and 135 at most with 8 bytes: of this one 112 and 135.
    const data = Uint8Array.of(0x17, 0xac, 0xa8, 0xc2, 0x6b, 0x33, 0x7a, 0xe9);
    for (let at = 0; at < 1000; at += 1) meter.add(frame(0x7a7, at * 1000, data));
    const { load, frames, framesPerSecond, bytesPerSecond } = meter.window(1);
    expect(load?.exact).toBeCloseTo((1000 * 112) / 500_000, 9);
    expect(load?.most).toBeCloseTo((1000 * 135) / 500_000, 9);
    expect({ frames, framesPerSecond, bytesPerSecond }).toEqual({
      frames: 1000,
      framesPerSecond: 1000,
      bytesPerSecond: 8000,
    });
    expect(meter.window(1)).toMatchObject({ frames: 0, load: { exact: 0, most: 0 } });
    expect(meter.peak).toBeCloseTo(0.224, 9);
    expect(meter.total(2)).toMatchObject({ frames: 1000, framesPerSecond: 500 });
  });

  it("reckons the data of FD frames with a switched bit rate by their own rate", () => {
    const { fd, bitRateSwitch } = FRAME_FLAG;
    const meter = new BusMeter({ bitrate: 500_000, dataBitrate: 2_000_000 });
    meter.add(frame(0x555, 0, new Uint8Array(8).fill(0x55), fd | bitRateSwitch));
    const slow = new BusMeter({ bitrate: 500_000, dataBitrate: undefined });
    slow.add(frame(0x555, 0, new Uint8Array(8).fill(0x55), fd | bitRateSwitch));
    // 29 bits slow, 97 fast, and no run of five equal bits.
    expect(meter.total(1).load?.exact).toBeCloseTo(29 / 500_000 + 97 / 2_000_000, 9);
    expect(slow.total(1).load?.exact).toBeCloseTo(126 / 500_000, 9);
  });

  it("tells rate, gaps and jitter of each id by the times of its frames", () => {
    const meter = new BusMeter(RATES);
    for (const ms of [0, 10, 22, 30]) meter.add(frame(0x100, ms * 1000));
    meter.add(frame(0x100, 5, new Uint8Array(3), FRAME_FLAG.extended));
    const [base, extended] = meter.ids(1);
    // Gaps of 10, 12 and 8 ms: mean 10, standard deviation sqrt(8 / 3).
    expect(base).toMatchObject({
      id: 0x100,
      extended: false,
      frames: 4,
      gapUs: { least: 8000, mean: 10_000, most: 12_000 },
    });
    expect(base?.perSecond).toBeCloseTo(100, 9);
    expect(base?.jitterUs).toBeCloseTo(1000 * Math.sqrt(8 / 3), 6);
    expect(extended).toMatchObject({
      extended: true,
      frames: 1,
      length: 3,
      perSecond: 1,
      gapUs: undefined,
      jitterUs: undefined,
    });
  });

  it("counts error frames apart, and tells no load without a bit rate", () => {
    const meter = new BusMeter({ bitrate: undefined, dataBitrate: undefined });
    meter.add(frame(4, 0, new Uint8Array(8), FRAME_FLAG.error));
    meter.add(frame(1, 0));
    expect(meter.total(1)).toMatchObject({ frames: 1, errorFrames: 1, load: undefined });
    expect(meter.ids(1)).toHaveLength(1);
    expect(loadLine("can0", meter, meter.total(1))).toBe(
      "can0  load unknown: no bit rate  1 frames/s  0 B/s  1 error frame",
    );
  });

  it("keeps no more than 4096 ids apart, and counts the rest", () => {
    const meter = new BusMeter(RATES);
    for (let id = 0; id < 5000; id += 1) meter.add(frame(id, id, new Uint8Array(0), FRAME_FLAG.extended));
    expect(meter.ids(1)).toHaveLength(4096);
    expect(meter.otherFrames).toBe(904);
    expect(meter.total(1).frames).toBe(5000);
  });
});

describe("idLines", () => {
  it("sorts the ids by what is asked for", () => {
    const meter = new BusMeter(RATES);
    for (let at = 0; at < 5; at += 1) meter.add(frame(0x200, at * 10_000));
    for (let at = 0; at < 3; at += 1) meter.add(frame(0x100, at * at * 100_000, new Uint8Array(8)));
    const first = (sort: "id" | "rate" | "load" | "jitter"): string | undefined =>
      idLines(meter.ids(1), sort)[1]?.slice(0, 3);
    expect([first("id"), first("rate"), first("load"), first("jitter")]).toEqual(["100", "200", "100", "100"]);
    expect(idLines(meter.ids(1), "id")).toEqual([
      "ID   BYTES  FRAMES   PER S  GAP MIN     MEAN      MAX   JITTER    LOAD",
      "100      8       3    5.00    100.0    200.0    300.0    100.0   0.1 %",
      "200      0       5   100.0   10.000   10.000   10.000    0.000   0.1 %",
    ]);
  });
});
