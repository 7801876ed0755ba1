import { describe, expect, it } from "vitest";
import type { FrameToSend, RawChannel } from "../../../../drivers/can/raw-channel.ts";
import { Transmitter } from "../../../../drivers/can/transmitter.ts";
import { frameOf } from "../../../contract/can-bus.suite.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";

/** A transmitter whose kernel takes a frame when `takes` says so. */
function transmitterWith(takes: () => boolean) {
  const taken: number[] = [];
  const state = { isBusOff: false, tries: 0, taken };
  const send = ({ id, data }: FrameToSend): number => {
    state.tries += 1;
    if (!takes()) return -1;
    state.taken.push(id);
    return data.length;
  };
  const nothing = (): void => undefined;
  const channel: RawChannel = {
    addListener: nothing,
    start: nothing,
    stop: nothing,
    send,
    sendFD: send,
    setRxFilters: nothing,
    setErrorFilters: nothing,
  };
  const transmitter = new Transmitter({
    bus: "can0",
    interface: "none0",
    clock: new ManualClock(),
    isBusOff: () => state.isBusOff,
    load: () => Promise.resolve({ open: () => channel }),
  });
  return { state, transmitter };
}

describe("a transmitter at bus-off", () => {
  it("gives the kernel nothing, which would be sent when the controller is back", async () => {
    const { state, transmitter } = transmitterWith(() => true);
    state.isBusOff = true;
    await expect(transmitter.send(frameOf(0x600, [1]))).rejects.toThrow("the controller is bus-off");
    expect([state.tries, transmitter.transmitted]).toEqual([0, 0]);
    state.isBusOff = false;
    await transmitter.send(frameOf(0x601, [1]));
    expect(state.taken).toEqual([0x601]);
  });

  it("gives up a frame that waits for room when the controller leaves the bus", async () => {
    const { state, transmitter } = transmitterWith(() => {
      state.isBusOff = true;
      return false;
    });
    await expect(transmitter.send(frameOf(0x600, [1]))).rejects.toThrow("the controller is bus-off");
    expect(state.tries).toBe(1);
  });
});
