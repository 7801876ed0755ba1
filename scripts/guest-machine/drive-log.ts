import { writeFileSync } from "node:fs";
import { FRAME_FLAG } from "../../agent/ports/frame.ts";
import { formatCandumpLog } from "../../agent/signals/log-formats/candump-text.ts";
import { SendSchedule } from "../../test/bench/vehicle/send-schedule.ts";
import { readVehicle } from "../../test/bench/vehicle/vehicle-dbc.ts";
import { COUNTER_MODULUS, frameOf } from "../../test/bench/vehicle/vehicle-model.ts";

const BURST_FRAMES = 1_000_000;

/** What is written. `rate` is how many times faster than its periods the vehicle sends: 1 gives about 2000 frames/s. */
export type DriveLogParts = {
  readonly file: string;
  readonly dbcFile: string;
  readonly seed: number;
  readonly rate: number;
  readonly seconds: number;
};

/**
 * Writes the simulated vehicle's first seconds as a candump log for canplayer; gives the number of frames. Throws when it is so long that a
 * message's counter would wrap: played again and again, a frame could not be told from a later one.
 */
export function writeDriveLog({ file, dbcFile, seed, rate, seconds }: DriveLogParts): number {
  const vehicle = readVehicle(dbcFile);
  const schedule = new SendSchedule(vehicle.map(({ periodMs }) => periodMs / rate));
  const lines: string[] = [];
  for (let elapsedMs = 0; elapsedMs < seconds * 1000; elapsedMs++) {
    for (const { message, n } of schedule.take(elapsedMs, BURST_FRAMES)) {
      const { name, id, extended, fd } = vehicle[message];
      if (n >= COUNTER_MODULUS) throw new RangeError(`the counter of ${name} wraps after ${elapsedMs} ms`);
      const flags = (extended ? FRAME_FLAG.extended : 0) | (fd ? FRAME_FLAG.fd | FRAME_FLAG.bitRateSwitch : 0);
      const data = frameOf(vehicle[message], n, seed);
      lines.push(formatCandumpLog("can0", { id, flags, data, receivedAtUs: elapsedMs * 1000 }));
    }
  }
  writeFileSync(file, `${lines.join("\n")}\n`);
  return lines.length;
}
