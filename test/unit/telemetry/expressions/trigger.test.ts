import { describe, expect, it } from "vitest";
import { frame, triggerBoard } from "./board.ts";

/** Samples of x in turn: [ms, value]. */
function play(board: Parameters<typeof frame>[0], samples: readonly (readonly [number, number])[], input = 0): void {
  for (const [ms, value] of samples) frame(board, input, value, ms * 1000);
}

describe("Trigger", () => {
  it("fires at the change to true, with the values that made it so", () => {
    const { board, events, values } = triggerBoard("x > 80 && rate(x) > 10.0");
    play(board, [
      [0, 0],
      [100, 90],
      [200, 95],
      [300, 10],
      [400, 99],
    ]);
    expect(events).toEqual(["begin 100", "begin 400"]);
    expect(values[0]).toEqual([
      { name: "x", value: 90 },
      { name: "rate(x)", value: 900 },
    ]);
  });

  it("does not fire again after a gap in which the condition was undefined", () => {
    const { board, events } = triggerBoard("x > 80");
    play(board, [
      [0, 90],
      [5000, 90],
      [5100, 10],
      [5200, 90],
    ]);
    expect(events).toEqual(["begin 0", "begin 5200"]);
  });

  it("waits until it has been true without a break, and fires at that moment", () => {
    const { board, events } = triggerBoard("x > 80", { forMs: 1000 });
    play(board, [
      [0, 90],
      [500, 10],
      [600, 90],
      [1000, 91],
      [1599, 92],
      [1700, 10],
    ]);
    expect(events).toEqual(["begin 1600"]);
  });

  it("breaks the wait when the condition becomes undefined", () => {
    const { board, events } = triggerBoard("x > 80 && y > 0", { forMs: 2500 });
    play(board, [[0, 1]], 1);
    play(board, [
      [0, 90],
      [1000, 90],
      [2000, 90],
      [3000, 90],
    ]);
    expect(events).toEqual([]);
  });

  it("does not take a change within the least interval, nor later", () => {
    const { board, trigger, events } = triggerBoard("x > 80", { minIntervalMs: 1000 });
    play(board, [
      [0, 90],
      [100, 10],
      [999, 90],
      [1500, 91],
      [1600, 10],
      [1700, 90],
    ]);
    expect(events).toEqual(["begin 0", "begin 1700"]);
    expect(trigger.suppressed).toBe(1);
  });

  it("fires no more than so often, counted over a restart", () => {
    const { board, trigger, events } = triggerBoard("x > 80", { maxCount: 3 });
    trigger.restore({ fired: 2, lastFiredUs: undefined });
    play(board, [
      [0, 90],
      [100, 10],
      [200, 90],
      [300, 10],
    ]);
    expect(events).toEqual(["begin 0"]);
    expect(trigger.state()).toEqual({ fired: 3, lastFiredUs: 0 });
    expect(trigger.suppressed).toBe(1);
  });

  it("is not held up by a last time in the future", () => {
    const { board, trigger, events } = triggerBoard("x > 80", { minIntervalMs: 1000 });
    trigger.restore({ fired: 1, lastFiredUs: 1e15 });
    play(board, [[0, 90]]);
    expect(events).toEqual(["begin 0"]);
  });

  it("fires again only after the release and a new change", () => {
    const { board, events } = triggerBoard("x > 80", {}, "x < 20");
    play(board, [
      [0, 90],
      [100, 70],
      [200, 90],
      [300, 10],
      [400, 90],
      [500, 10],
      [600, 90],
    ]);
    expect(events).toEqual(["begin 0", "begin 400", "begin 600"]);
  });

  it("does not take a change from before the release later", () => {
    const { board, events } = triggerBoard("x > 80", {}, "y > 0");
    play(board, [[0, 0]], 1);
    play(board, [
      [0, 90],
      [100, 10],
      [200, 90],
    ]);
    play(board, [[300, 1]], 1);
    play(board, [
      [400, 95],
      [500, 10],
      [600, 90],
    ]);
    expect(events).toEqual(["begin 0", "begin 600"]);
  });

  it("is on while the condition is true", () => {
    const { board, trigger, events } = triggerBoard("x > 80", { mode: "while", forMs: 100 });
    play(board, [
      [0, 90],
      [50, 10],
      [100, 90],
      [300, 91],
    ]);
    expect(trigger.isOn).toBe(true);
    play(board, [
      [400, 10],
      [500, 90],
    ]);
    board.tick(5_000_000);
    expect(events).toEqual(["begin 200", "end 400", "begin 600", "end 2500.001"]);
  });

  it("begins a state when the least interval is over, if it still is", () => {
    const { board, events } = triggerBoard("x > 80", { mode: "while", minIntervalMs: 1000 });
    play(board, [
      [0, 90],
      [100, 10],
      [200, 90],
      [1500, 10],
    ]);
    expect(events).toEqual(["begin 0", "end 100", "begin 1000", "end 1500"]);
  });

  it("stays on until the release", () => {
    const { board, events } = triggerBoard("x > 80", { mode: "while" }, "x < 20");
    play(board, [
      [0, 90],
      [100, 50],
      [200, 90],
      [300, 30],
      [400, 10],
      [500, 50],
      [600, 90],
    ]);
    expect(events).toEqual(["begin 0", "end 400", "begin 600"]);
  });

  it("fires by hand whatever the condition says", () => {
    const { trigger, events } = triggerBoard("x > 80");
    trigger.fire(7000);
    expect(events).toEqual(["begin 7"]);
    expect(trigger.state().fired).toBe(1);
  });

  it("keeps its waits over a step of the clock", () => {
    const { board, events } = triggerBoard("x > 80", { forMs: 1500, minIntervalMs: 5000 });
    play(board, [
      [100_000, 90],
      [101_000, 91],
      [10_000, 92],
      [10_600, 93],
      [10_700, 10],
      [14_000, 90],
    ]);
    board.tick(15_900_000);
    expect(events).toEqual(["begin 10500", "begin 15500"]);
  });
});
