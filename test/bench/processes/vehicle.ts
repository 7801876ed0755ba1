import { setTimeout as sleep } from "node:timers/promises";
import type { CanFrame } from "../../../agent/ports/frame.ts";
import { FRAME_FLAG } from "../../../agent/ports/frame.ts";
import { fail } from "../core/line-protocol.ts";
import { SendSchedule } from "../vehicle/send-schedule.ts";
import { runSender, type SendingParts } from "../vehicle/sender-process.ts";
import { readVehicle, type VehicleMessage } from "../vehicle/vehicle-dbc.ts";
import { frameOf } from "../vehicle/vehicle-model.ts";

const TICK_MS = 1;
/** Most frames in one tick, so that a vehicle that was held up does not flood the bus more than a bus can be flooded. */
const BURST_FRAMES = 200;

async function drive({ config, sender, startUs, signal, sent }: SendingParts): Promise<void> {
  const vehicle = readVehicle(config.dbcFile);
  const schedule = new SendSchedule(vehicle.map(({ periodMs }) => periodMs / config.rate));
  // Pacing follows the monotonic clock: a step of the wall clock must not change how much is sent.
  const startMs = performance.now() + startUs / 1000 - Date.now();
  while (!signal.aborted) {
    const due = schedule.take(performance.now() - startMs, BURST_FRAMES);
    const frames = due.map(({ message, n }) => canFrameOf(vehicle[message], n, config.seed));
    if (frames.length > 0) await sender.send(frames);
    sent(frames.length);
    await sleep(TICK_MS);
  }
}

function canFrameOf(message: VehicleMessage, n: number, seed: number): CanFrame {
  const flags =
    (message.extended ? FRAME_FLAG.extended : 0) | (message.fd ? FRAME_FLAG.fd | FRAME_FLAG.bitRateSwitch : 0);
  return { id: message.id, flags, data: frameOf(message, n, seed), receivedAtUs: 0 };
}

runSender(process.argv[2] ?? "", drive).then(() => process.exit(0), fail);
