import { describe } from "vitest";
import { EVERY_FRAME } from "../../agent/ports/can-bus.ts";
import { FRAME_FLAG } from "../../agent/ports/frame.ts";
import { createNativeBus } from "../../drivers/can/native-bus.ts";
import { createSocketcanBus } from "../../drivers/can/socketcan-bus.ts";
import { systemClock } from "../../drivers/os/time-source.ts";
import { MemoryLog } from "../fakes/core/log.ts";
import { describeCanBus } from "./can-bus.suite.ts";
import { kernelCanMissing, openOnKernel, VCAN } from "./kernel-can.ts";

const parts = { clock: systemClock(), log: new MemoryLog() };
const missing = kernelCanMissing();

const settings = { name: "can0", interface: VCAN, filters: EVERY_FRAME };
// npm socketcan does not tell BRS and ESI, and the kernel's default receive buffer, all that it has, holds 278 frames.
const lostFlags = FRAME_FLAG.bitRateSwitch | FRAME_FLAG.errorStateIndicator;

describe.skipIf(missing !== undefined)(`on the kernel${missing === undefined ? "" : ` (${missing})`}`, () => {
  describeCanBus("native receive addon", {}, () =>
    openOnKernel(createNativeBus({ ...settings, receiveBufferBytes: 8_388_608, ringFrames: 65_536 }, parts)),
  );
  describeCanBus("npm socketcan", { lostFlags, noShortFd: true, queueFrames: 200 }, () =>
    openOnKernel(createSocketcanBus(settings, parts)),
  );
});
