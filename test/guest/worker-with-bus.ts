import { parentPort } from "node:worker_threads";
import { EVERY_FRAME } from "../../agent/ports/can-bus.ts";
import { createNativeBus } from "../../drivers/can/native-bus.ts";
import { systemClock } from "../../drivers/os/time-source.ts";
import { MemoryLog } from "../fakes/core/log.ts";

// Opens buses, says so and leaves them open: whoever ends this thread ends it in the middle of receiving.
for (const interfaceName of ["vcan0", "vcan1"]) {
  const bus = createNativeBus(
    {
      name: interfaceName,
      interface: interfaceName,
      receiveBufferBytes: 65_536,
      ringFrames: 1024,
      filters: EVERY_FRAME,
    },
    { clock: systemClock(), log: new MemoryLog() },
  );
  await bus.start({ onFrames: () => undefined, onState: () => undefined });
}
parentPort?.postMessage("open");
