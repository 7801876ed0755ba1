import { EVERY_FRAME } from "../../../../agent/ports/can-bus.ts";
import { createNativeBus } from "../../../../drivers/can/native-bus.ts";
import { createSocketcandBus } from "../../../../drivers/can/socketcand-bus.ts";
import { systemClock } from "../../../../drivers/os/time-source.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import type { BenchBus } from "../bench-bus.ts";
import { CanEcuBus } from "./ecu-bus.ts";

const RECEIVE_BUFFER_BYTES = 1_000_000;
const RING_FRAMES = 4096;

/** A connection to the bench's bus for control units, or one for a tester. */
export async function openEcuBus(bus: BenchBus): Promise<CanEcuBus> {
  const parts = { clock: systemClock(), log: new MemoryLog(), random: () => 0.5 };
  const common = { name: "ecus", interface: bus.interface, filters: EVERY_FRAME };
  const opened =
    bus.kind === "hub"
      ? createSocketcandBus({ ...common, host: bus.host, port: bus.port }, parts)
      : createNativeBus({ ...common, receiveBufferBytes: RECEIVE_BUFFER_BYTES, ringFrames: RING_FRAMES }, parts);
  return await CanEcuBus.start(opened);
}
