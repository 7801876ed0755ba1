import { describe, expect, it } from "vitest";
import type { BusState } from "../../../../agent/ports/can-bus.ts";
import { FRAME_FLAG, FrameBatch } from "../../../../agent/ports/frame.ts";
import { BusStateTracker, CONTROLLER_STATUS, ERROR_CLASS } from "../../../../drivers/can/error-state.ts";

function createTracker(): { readonly tracker: BusStateTracker; readonly states: BusState[] } {
  const states: BusState[] = [];
  return { tracker: new BusStateTracker((state) => states.push(state)), states };
}

function errorFrame(tracker: BusStateTracker, errorClass: number, status = 0): void {
  const batch = new FrameBatch(1);
  batch.push(errorClass, FRAME_FLAG.error, Uint8Array.of(0, status, 0, 0, 0, 0, 0, 0), 0);
  tracker.frames(batch, 1);
}

function dataFrame(tracker: BusStateTracker): void {
  const batch = new FrameBatch(1);
  batch.push(0x123, 0, Uint8Array.of(1), 0);
  tracker.frames(batch, 0);
}

describe("BusStateTracker", () => {
  it("reports each change of the link once", () => {
    const { tracker, states } = createTracker();
    for (const link of ["down", "down", "up", "up", "absent", "up"] as const) tracker.link(link, "");
    expect(states).toEqual(["down", "up", "absent", "up"]);
  });

  it("goes error-passive on either counter and back on warning level, active or restart", () => {
    const { tracker, states } = createTracker();
    tracker.link("up", "");
    for (const passive of [0x10, 0x20]) {
      for (const end of [CONTROLLER_STATUS.active, 0x04, 0x08]) {
        errorFrame(tracker, ERROR_CLASS.controller, passive);
        errorFrame(tracker, ERROR_CLASS.controller, end);
      }
    }
    errorFrame(tracker, ERROR_CLASS.controller, 0x30);
    errorFrame(tracker, ERROR_CLASS.restarted);
    expect(states).toEqual(["up", ...Array.from({ length: 7 }, () => ["error-passive", "up"]).flat()]);
  });

  it("stays error-passive while frames still arrive, but takes a frame as the end of bus-off", () => {
    const { tracker, states } = createTracker();
    tracker.link("up", "");
    errorFrame(tracker, ERROR_CLASS.controller, CONTROLLER_STATUS.passive);
    dataFrame(tracker);
    expect(states).toEqual(["up", "error-passive"]);
    errorFrame(tracker, ERROR_CLASS.busOff);
    dataFrame(tracker);
    expect(states).toEqual(["up", "error-passive", "bus-off", "up"]);
  });

  it("learns nothing from other error classes, or from one without its data bytes", () => {
    const { tracker, states } = createTracker();
    tracker.link("up", "");
    errorFrame(tracker, 0x008);
    errorFrame(tracker, 0x020);
    const batch = new FrameBatch(1);
    batch.push(ERROR_CLASS.controller, FRAME_FLAG.error, new Uint8Array(), 0);
    tracker.frames(batch, 1);
    expect(states).toEqual(["up"]);
  });

  it("forgets the error state when the interface was down", () => {
    const { tracker, states } = createTracker();
    tracker.link("up", "");
    errorFrame(tracker, ERROR_CLASS.busOff);
    tracker.link("down", "");
    tracker.link("up", "");
    expect(states).toEqual(["up", "bus-off", "down", "up"]);
  });
});
