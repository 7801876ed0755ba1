import { describe, expect, it } from "vitest";
import { FrameGenerator, type GeneratedFrames } from "../../../../agent/cli/traffic/frame-generator.ts";
import { type CanFrame, FRAME_FLAG, isDataLength } from "../../../../agent/ports/frame.ts";
import { formatCansend } from "../../../../agent/signals/log-formats/candump-text.ts";

const RANDOM: GeneratedFrames = {
  id: { kind: "random" },
  length: { kind: "random" },
  payload: { kind: "random" },
  flags: 0,
  mix: undefined,
};

function frames(settings: Partial<GeneratedFrames>, count = 200, seed = 7): readonly CanFrame[] {
  const generator = new FrameGenerator({ ...RANDOM, ...settings }, seed);
  return Array.from({ length: count }, () => generator.next());
}

const has = (frame: CanFrame, flag: number): boolean => (frame.flags & flag) !== 0;

describe("FrameGenerator", () => {
  it("makes the same frames of the same seed, and others of another", () => {
    expect(frames({})).toEqual(frames({}));
    expect(frames({}, 200, 8)).not.toEqual(frames({}));
  });

  it("makes every length and keeps to 11 bits, or 29", () => {
    const classic = frames({}, 1000);
    expect([...new Set(classic.map(({ data }) => data.length))].toSorted((a, b) => a - b)).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8,
    ]);
    expect(Math.max(...classic.map(({ id }) => id))).toBeLessThanOrEqual(0x7ff);
    expect(Math.max(...frames({ flags: FRAME_FLAG.extended }, 1000).map(({ id }) => id))).toBeGreaterThan(0x1000_0000);
    const fd = frames({ flags: FRAME_FLAG.fd }, 1000);
    expect(fd.every(({ data }) => isDataLength(data.length, true))).toBe(true);
    expect(new Set(fd.map(({ data }) => data.length)).size).toBe(16);
  });

  // cangen vcan0 -I i -L i -D i -n 10 -v -v of can-utils shows these lengths and bytes.
  it("counts ids, lengths and data up as cangen does", () => {
    const counted = frames(
      { id: { kind: "increment" }, length: { kind: "increment" }, payload: { kind: "increment" } },
      10,
    );
    expect(counted.map(formatCansend)).toEqual([
      "000#00",
      "001#01",
      "002#0200",
      "003#030000",
      "004#04000000",
      "005#0500000000",
      "006#060000000000",
      "007#07000000000000",
      "008#0800000000000000",
      "009#09",
    ]);
    const [, , , ...late] = frames({ length: { kind: "fixed", bytes: 8 }, payload: { kind: "increment" } }, 260);
    expect(Buffer.from(late.at(-1)?.data ?? []).toString("hex")).toBe("0301000000000000");
  });

  it("keeps what is fixed, but for the digits that are random", () => {
    const fixed = frames({
      id: { kind: "fixed", id: 0x42a },
      length: { kind: "fixed", bytes: 4 },
      payload: { kind: "fixed", nibbles: "11xx3" },
    });
    expect(fixed.every((frame) => /^42A#11..3000$/.test(formatCansend(frame)))).toBe(true);
    expect(new Set(fixed.map(({ data }) => data[1])).size).toBeGreaterThan(50);
    expect(frames({ id: { kind: "even" } }).every(({ id }) => id % 2 === 0)).toBe(true);
    expect(frames({ id: { kind: "odd" } }).every(({ id }) => id % 2 === 1)).toBe(true);
  });

  it("mixes the kinds that the bus can carry", () => {
    const all = frames({ mix: { fd: true, remote: true } }, 400);
    const { extended, fd, bitRateSwitch, remote } = FRAME_FLAG;
    for (const flag of [extended, fd, bitRateSwitch, remote]) {
      expect(all.some((frame) => has(frame, flag)) && all.some((frame) => !has(frame, flag))).toBe(true);
    }
    expect(all.some((frame) => has(frame, fd) && has(frame, remote))).toBe(false);
    expect(
      frames({ mix: { fd: false, remote: false } }, 400).some((frame) => has(frame, fd) || has(frame, remote)),
    ).toBe(false);
  });
});
