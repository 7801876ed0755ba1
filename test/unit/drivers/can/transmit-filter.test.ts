import { describe, expect, it } from "vitest";
import { FRAME_FLAG } from "../../../../agent/ports/frame.ts";
import { limitTransmit } from "../../../../drivers/can/transmit-filter.ts";
import { FakeCanBus } from "../../../fakes/ports/can-bus.ts";

describe("limitTransmit", () => {
  const permitted = [
    { id: 0x600, extended: false },
    { id: 0x18fe_f100, extended: true },
  ];
  const frame = (id: number, flags: number) => ({ id, flags, data: new Uint8Array(1), receivedAtUs: 0 });

  it("sends the permitted ids and nothing else, of all 11-bit ids and of both id lengths", async () => {
    const inner = new FakeCanBus("can0");
    await inner.start({ onFrames: () => undefined, onState: () => undefined });
    const bus = limitTransmit(inner, { ids: permitted });
    const sent: number[] = [];
    for (let id = 0; id < 0x800; id += 1) {
      await bus.send(frame(id, 0)).then(
        () => sent.push(id),
        (thrown: unknown) => expect(thrown).toMatchObject({ code: "bus.transmit-forbidden" }),
      );
    }
    expect(sent).toEqual([0x600]);
    const flags = [FRAME_FLAG.extended, FRAME_FLAG.remote, FRAME_FLAG.error, FRAME_FLAG.extended | FRAME_FLAG.remote];
    for (const flag of flags)
      await expect(bus.send(frame(0x600, flag))).rejects.toMatchObject({ code: "bus.transmit-forbidden" });
    await bus.send(frame(0x18fe_f100, FRAME_FLAG.extended));
    expect(inner.sent.map(({ id }) => id)).toEqual([0x600, 0x18fe_f100]);
  });

  it("sends requests of diagnostics besides, as data frames of their id length", async () => {
    const inner = new FakeCanBus("can0");
    await inner.start({ onFrames: () => undefined, onState: () => undefined });
    const requests = { allows: ({ id, extended }: { id: number; extended: boolean }) => id === 0x7df && !extended };
    const bus = limitTransmit(inner, { ids: permitted, requests });
    await bus.send(frame(0x7df, 0));
    await bus.send(frame(0x600, 0));
    for (const [id, flags] of [
      [0x7df, FRAME_FLAG.extended],
      [0x7df, FRAME_FLAG.remote],
      [0x7e0, 0],
    ]) {
      await expect(bus.send(frame(id, flags))).rejects.toMatchObject({ code: "bus.transmit-forbidden" });
    }
    expect(inner.sent.map(({ id }) => id)).toEqual([0x7df, 0x600]);
  });

  it("lets nothing through where nothing is permitted", async () => {
    await expect(limitTransmit(new FakeCanBus("can0"), { ids: [] }).send(frame(0, 0))).rejects.toMatchObject({
      code: "bus.transmit-forbidden",
    });
  });
});
