import { describe, expect, it } from "vitest";
import { frameLines, type TimeStamp } from "../../../agent/cli/frame-text.ts";

const TIMES_US = [1_735_270_496_916_858.5, 1_735_270_496_916_000, 1_735_270_498_000_001];

function lines(stamp: TimeStamp): readonly string[] {
  const line = frameLines("live", 5, stamp);
  return TIMES_US.map((receivedAtUs) => line("can0", { id: 0x123, flags: 0, data: Uint8Array.of(1), receivedAtUs }));
}

// As candump.c (can-utils) prints them: a space, the time in parentheses, then the frame as without -t, names right-aligned.
describe("frameLines", () => {
  it.each([
    ["a", ["1735270496.916858", "1735270496.916000", "1735270498.000001"]],
    ["A", ["2024-12-27 03:34:56.916858", "2024-12-27 03:34:56.916000", "2024-12-27 03:34:58.000001"]],
    ["d", ["000.000000", "000.000000", "001.084001"]],
    ["z", ["000.000000", "000.000000", "001.083143"]],
  ] as const)("writes times of kind %s", (stamp, wanted) => {
    expect(lines(stamp)).toEqual(wanted.map((time) => ` (${time})   can0  123   [1]  01`));
  });
});
