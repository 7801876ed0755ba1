import { describe, expect, it } from "vitest";
import { createCanBus } from "../../../../drivers/can/can-bus.ts";
import { kernelHasCan } from "../../../../drivers/can/link.ts";
import { loadNativeAddon } from "../../../../drivers/can/native-addon.ts";
import { frameOf, RecordingSink } from "../../../contract/can-bus.suite.ts";
import { ManualClock } from "../../../fakes/clock.ts";
import { MemoryLog } from "../../../fakes/log.ts";

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
    const result = new Uint32Array(2);
    expect(() => addon.take(0, new Uint8Array(80), result)).toThrowError(expect.objectContaining({ code: "EINVAL" }));
    expect(() => addon.close(-1)).toThrowError(expect.objectContaining({ code: "EINVAL" }));
    expect(() => addon.open("a-name-of-16-char", 1, 1, new Uint32Array(), () => undefined)).toThrowError(
      expect.objectContaining({ code: "EINVAL" }),
    );
    expect(() => addon.open("can0", 1, 1, new Uint32Array(3), () => undefined)).toThrowError(
      expect.objectContaining({ code: "EINVAL" }),
    );
  });
});

// With a kernel CAN the same drivers run in test/contract/can-bus-kernel.test.ts and test/guest.
describe.skipIf(kernelHasCan())("a kernel without CAN (skipped: this one has CAN)", () => {
  it.each([native, { name: "can0", driver: "socketcan", interface: "nocan0" } as const])(
    "rejects to start and to send with the remedy: $driver",
    async (config) => {
      const bus = createCanBus(config, [], parts);
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
