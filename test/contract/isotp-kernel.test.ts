import { describe, expect, it } from "vitest";
import { DEFAULT_ISOTP } from "../../agent/diagnostics/isotp/default-settings.ts";
import { createFrameIsoTp } from "../../agent/diagnostics/isotp/frame-isotp.ts";
import { BusFrameTap } from "../../agent/diagnostics/tester/frame-tap.ts";
import { EVERY_FRAME } from "../../agent/ports/can-bus.ts";
import { createIsoTp } from "../../drivers/can/isotp.ts";
import { createNativeBus } from "../../drivers/can/native-bus.ts";
import { systemClock } from "../../drivers/os/time-source.ts";
import { until } from "../bench/core/wait.ts";
import { MemoryLog } from "../fakes/core/log.ts";
import { FakeIsoTp } from "../fakes/diagnostics/isotp.ts";
import { IsoTpRecorder } from "../fakes/diagnostics/isotp-line.ts";
import { addVcan, ip } from "../guest/vcan.ts";
import { RecordingSink } from "./can-bus.suite.ts";
import { describeIsoTp, type IsoTpUnderTest } from "./isotp.suite.ts";
import { kernelCanMissing, VCAN } from "./kernel-can.ts";

const clock = systemClock();
const log = new MemoryLog();
const missing = kernelCanMissing();
const buffers = { receiveBufferBytes: 8_388_608, ringFrames: 65_536 };

/** Two sockets of one interface: what one sends the other receives. */
async function openKernel(): Promise<IsoTpUnderTest> {
  const settings = { ...buffers, interface: VCAN, filters: EVERY_FRAME };
  const far = createNativeBus({ ...settings, name: "far" }, { clock, log });
  const near = createNativeBus({ ...settings, name: "near" }, { clock, log });
  const farSide = new RecordingSink();
  const tap = new BusFrameTap(() => undefined);
  await far.start(farSide);
  await near.start({ onFrames: (batch) => tap.onFrames(batch), onState: () => undefined });
  const frames = createFrameIsoTp({ bus: "near", send: (frame) => near.send(frame), tap, clock });
  const config = { name: "near", driver: "native", interface: VCAN, ...buffers } as const;
  const isotp = createIsoTp(config, { frames, permits: () => true, log });
  expect(isotp.kind).toBe("kernel");
  return {
    isotp,
    deliver: (frame) => far.send(frame),
    sent: () => farSide.frames,
    dispose: async () => {
      frames.close();
      await near.stop();
      await far.stop();
    },
  };
}

describe.skipIf(missing !== undefined)(`on the kernel${missing === undefined ? "" : ` (${missing})`}`, () => {
  describeIsoTp("CAN_ISOTP", openKernel);

  it("tells that its interface is down or gone, and sends again when it is back", async () => {
    await addVcan("isotp0");
    const config = { name: "near", driver: "native", interface: "isotp0", ...buffers } as const;
    const isotp = createIsoTp(config, { frames: new FakeIsoTp(), permits: () => true, log });
    const sink = new IsoTpRecorder();
    const channel = isotp.open({ txId: 0x7e0, rxId: 0x7e8, extended: false }, DEFAULT_ISOTP, sink);
    const told = async (count: number): Promise<void> => {
      await until(() => sink.events.length >= count || undefined, { what: `${count} events`, timeoutMs: 20_000 });
    };
    try {
      await channel.send(Uint8Array.of(1));
      await ip("link", "set", "isotp0", "down");
      await told(1);
      await expect(channel.send(Uint8Array.of(2))).rejects.toThrow(
        expect.objectContaining({ code: "bus.unavailable" }),
      );
      await ip("link", "set", "isotp0", "up");
      await channel.send(Uint8Array.of(3));
      await ip("link", "delete", "isotp0");
      await told(2);
      expect(new Set(sink.events)).toEqual(new Set(["bus.unavailable"]));
      await expect(channel.send(Uint8Array.of(4))).rejects.toThrow(
        expect.objectContaining({ code: "bus.unavailable" }),
      );
      await addVcan("isotp0");
      await channel.send(Uint8Array.of(5));
    } finally {
      isotp.close();
      await ip("link", "delete", "isotp0");
    }
  });
});
