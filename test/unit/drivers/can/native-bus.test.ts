import { describe, expect, it } from "vitest";
import { createCanBus } from "../../../../drivers/can/can-bus.ts";
import { kernelHasCan } from "../../../../drivers/can/can-interface.ts";
import { loadNativeAddon } from "../../../../drivers/can/native-addon.ts";
import { frameOf, RecordingSink } from "../../../contract/can-bus.suite.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";

const parts = { clock: new ManualClock(), log: new MemoryLog(), random: () => 0.5 };
const native = {
  name: "can0",
  driver: "native",
  interface: "nocan0",
  receiveBufferBytes: 65_536,
  ringFrames: 1024,
} as const;

describe("loadNativeAddon", () => {
  it("says how to build an addon that is not there", () => {
    expect(() => loadNativeAddon("./native/build/Release/none.node")).toThrowError(
      expect.objectContaining({
        code: "bus.unsupported",
        remedy: "build it with npm run build:native, or use driver: socketcan",
      }),
    );
  });

  it("refuses a module of another shape", () => {
    expect(() => loadNativeAddon("node:os")).toThrowError(expect.objectContaining({ code: "bus.unsupported" }));
  });

  it("refuses arguments that make no sense instead of reading past them", () => {
    const addon = loadNativeAddon();
    const refused: unknown = expect.objectContaining({ code: "EINVAL" });
    const [filters, batch, onNews] = [new Uint32Array(), new Uint8Array(80), (): void => undefined];
    expect(() => addon.dropped(0)).toThrowError(refused);
    expect(() => addon.close(-1)).toThrowError(refused);
    expect(() => addon.receive(0, filters, filters)).toThrowError(refused);
    expect(() => addon.open("a-name-of-16-char", 1, 1, 0, filters, batch, onNews)).toThrowError(refused);
    expect(() => addon.open("can0", 1, 1, 0, new Uint32Array(3), batch, onNews)).toThrowError(refused);
    expect(() => addon.open("can0", 1, 1, 0, filters, new Uint8Array(79), onNews)).toThrowError(refused);
    expect(() => addon.open("can0", 1, 0, 0, filters, batch, onNews)).toThrowError(refused);
  });
});

// With a kernel CAN the same drivers run in test/contract/can-bus-kernel.test.ts and test/guest.
describe.skipIf(kernelHasCan())("a kernel without CAN (skipped: this one has CAN)", () => {
  it.each([native, { name: "can0", driver: "socketcan", interface: "nocan0" } as const])(
    "rejects to start and to send with the remedy: $driver",
    async (config) => {
      const bus = createCanBus(config, [], "any", parts);
      const sink = new RecordingSink();
      const expected = { code: "bus.unsupported", message: "nocan0: this kernel has no CAN sockets (AF_CAN)" };
      await expect(bus.start(sink)).rejects.toMatchObject(expected);
      await expect(bus.send(frameOf(1, [1]))).rejects.toMatchObject(expected);
      await bus.stop();
      expect(sink.calls).toEqual([]);
      expect(bus.counters()).toMatchObject({ received: 0, transmitted: 0 });
    },
  );
});
