import { beforeEach, describe, expect, it } from "vitest";
import { FRAME_FLAG, FrameBatch } from "../../../../agent/ports/frame.ts";
import { Delivery } from "../../../../drivers/can/delivery.ts";
import { ERROR_CLASS } from "../../../../drivers/can/error-state.ts";
import { RecordingSink } from "../../../contract/can-bus.suite.ts";

let delivery: Delivery;
let sink: RecordingSink;

beforeEach(() => {
  delivery = new Delivery();
  sink = new RecordingSink();
});

/** Two data frames around one that says bus-off. */
function batchWithBusOff(): FrameBatch {
  const batch = new FrameBatch(4);
  batch.push(0x123, 0, Uint8Array.of(1), 0);
  batch.push(ERROR_CLASS.busOff, FRAME_FLAG.error, new Uint8Array(8), 0);
  return batch;
}

describe("Delivery", () => {
  it("opens with the first state, and tells it before any frame", async () => {
    let isOpened = false;
    const opened = delivery.open(sink).then(() => {
      isOpened = true;
    });
    await Promise.resolve();
    expect(isOpened).toBe(false);
    delivery.link("up", "");
    await opened;
    delivery.frames(batchWithBusOff(), 1);
    expect(sink.calls).toEqual(["state", "frames", "state"]);
  });

  it("counts error frames apart, hands frames over and learns the state from them afterwards", () => {
    void delivery.open(sink);
    delivery.link("up", "");
    expect(delivery.isBusOff).toBe(false);
    delivery.frames(batchWithBusOff(), 1);
    expect(delivery.isBusOff).toBe(true);
    expect(sink.states).toEqual(["up", "bus-off"]);
    expect(delivery.counters(undefined, 7)).toEqual({
      received: 1,
      dropped: undefined,
      errorFrames: 1,
      transmitted: 7,
    });
  });

  it("says nothing of an empty batch", () => {
    void delivery.open(sink);
    delivery.frames(new FrameBatch(1), 0);
    expect(sink.calls).toEqual([]);
  });

  it("neither delivers nor counts while it is closed, and lets go of whoever waits for the first state", async () => {
    delivery.frames(batchWithBusOff(), 1);
    const opened = delivery.open(sink);
    delivery.close();
    await opened;
    delivery.link("up", "");
    delivery.frames(batchWithBusOff(), 1);
    expect(sink.calls).toEqual([]);
    expect(delivery.counters(0, 0)).toMatchObject({ received: 0, errorFrames: 0 });
    expect(delivery.isBusOff).toBe(false);
  });

  it("calls nothing more when its sink closes it from within", () => {
    const closing = new RecordingSink();
    void delivery.open({
      onState: (state) => closing.onState(state),
      onFrames: (batch) => {
        closing.onFrames(batch);
        delivery.close();
      },
    });
    delivery.link("up", "");
    delivery.frames(batchWithBusOff(), 1);
    expect(closing.calls).toEqual(["state", "frames"]);
  });
});
