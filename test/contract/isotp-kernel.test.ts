import { describe, expect, it } from "vitest";
import { createFrameIsoTp } from "../../agent/diagnostics/isotp/frame-isotp.ts";
import { BusFrameTap } from "../../agent/diagnostics/tester/frame-tap.ts";
import { EVERY_FRAME } from "../../agent/ports/can-bus.ts";
import { createIsoTp } from "../../drivers/can/isotp.ts";
import { createNativeBus } from "../../drivers/can/native-bus.ts";
import { systemClock } from "../../drivers/os/time-source.ts";
import { MemoryLog } from "../fakes/core/log.ts";
import { RecordingSink } from "./can-bus.suite.ts";
import { describeIsoTp, type IsoTpUnderTest } from "./isotp.suite.ts";
import { kernelCanMissing, VCAN } from "./kernel-can.ts";

const clock = systemClock();
const log = new MemoryLog();
const missing = kernelCanMissing();
const buffers = { receiveBufferBytes: 8_388_608, ringFrames: 65_536 };

/** Two sockets of one interface: what one sends the other receives. */
async function openOn(kind: "kernel" | "frames"): Promise<IsoTpUnderTest> {
  const settings = { ...buffers, interface: VCAN, filters: EVERY_FRAME };
  const far = createNativeBus({ ...settings, name: "far" }, { clock, log });
  const near = createNativeBus({ ...settings, name: "near" }, { clock, log });
  const farSide = new RecordingSink();
  const tap = new BusFrameTap(() => undefined);
  await far.start(farSide);
  await near.start({ onFrames: (batch) => tap.onFrames(batch), onState: () => undefined });
  const frames = createFrameIsoTp({ bus: "near", send: (frame) => near.send(frame), tap, clock });
  const config = { name: "near", driver: "native", interface: VCAN, ...buffers } as const;
  const isotp = kind === "frames" ? frames : createIsoTp(config, { frames, permits: () => true, log });
  expect(isotp.kind).toBe(kind);
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
  describeIsoTp("CAN_ISOTP", () => openOn("kernel"));
  describeIsoTp("frames, through the receive addon", () => openOn("frames"));

  it("may send nothing that is not permitted", () => {
    const config = { name: "near", driver: "native", interface: VCAN, ...buffers } as const;
    const frames = createFrameIsoTp({
      bus: "x",
      send: async () => undefined,
      tap: new BusFrameTap(() => undefined),
      clock,
    });
    const isotp = createIsoTp(config, { frames, permits: (id) => id !== 0x7e0, log });
    const address = { txId: 0x7e0, rxId: 0x7e8, extended: false };
    const sink = { onPdu: () => undefined, onFault: () => undefined };
    const settings = {
      ...({ fd: false, bitRateSwitch: false, txDataBytes: 8, padding: undefined } as const),
      blockSize: 0,
      separationUs: 0,
      maxWaitFrames: 0,
      maxPduBytes: 100,
    };
    expect(() => isotp.open(address, settings, sink)).toThrow(
      expect.objectContaining({ code: "bus.transmit-forbidden" }),
    );
  });
});
