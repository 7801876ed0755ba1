import { createFrameIsoTp } from "../../agent/diagnostics/isotp/frame-isotp.ts";
import { BusFrameTap } from "../../agent/diagnostics/tester/frame-tap.ts";
import { EVERY_FRAME } from "../../agent/ports/can-bus.ts";
import { createSocketcandBus } from "../../drivers/can/socketcand-bus.ts";
import { systemClock } from "../../drivers/os/time-source.ts";
import { startHub } from "../bench/vehicle/socketcand-hub.ts";
import { MemoryLog } from "../fakes/core/log.ts";
import { FakeCanBus } from "../fakes/ports/can-bus.ts";
import { RecordingSink } from "./can-bus.suite.ts";
import { describeIsoTp, type IsoTpUnderTest } from "./isotp.suite.ts";

const clock = systemClock();

async function openFake(): Promise<IsoTpUnderTest> {
  const bus = new FakeCanBus();
  const tap = new BusFrameTap((filters) => bus.receive(filters));
  await bus.start({ onFrames: (batch) => tap.onFrames(batch), onState: () => undefined });
  const times: number[] = [];
  const send: FakeCanBus["send"] = async (frame) => {
    await bus.send(frame);
    times.push(clock.wallUs());
  };
  return {
    isotp: createFrameIsoTp({ bus: bus.name, send, tap, clock }),
    deliver: async (frame) => bus.deliver([{ ...frame, receivedAtUs: clock.wallUs() }]),
    sent: () => bus.sent.map((frame, index) => ({ ...frame, receivedAtUs: times[index] })),
    dispose: () => bus.stop(),
  };
}

/** Two clients of one hub. */
async function openSocketcand(): Promise<IsoTpUnderTest> {
  const hub = await startHub();
  const settings = { host: "127.0.0.1", port: hub.port, interface: "can0", filters: EVERY_FRAME };
  const parts = { clock, log: new MemoryLog(), random: () => 0.5 };
  const far = createSocketcandBus({ ...settings, name: "far" }, parts);
  const near = createSocketcandBus({ ...settings, name: "near" }, parts);
  const farSide = new RecordingSink();
  const tap = new BusFrameTap((filters) => near.receive(filters));
  await far.start(farSide);
  await near.start({ onFrames: (batch) => tap.onFrames(batch), onState: () => undefined });
  return {
    isotp: createFrameIsoTp({ bus: "near", send: (frame) => near.send(frame), tap, clock }),
    deliver: (frame) => far.send(frame),
    sent: () => farSide.frames,
    dispose: async () => {
      await near.stop();
      await far.stop();
      await hub.stop();
    },
  };
}

describeIsoTp("frames, on a bus of the test", openFake);
describeIsoTp("frames, over socketcand", openSocketcand);
