import { SendSchedule } from "../../vehicle/send-schedule.ts";
import type { VehicleMessage, VehicleSignal } from "../../vehicle/vehicle-dbc.ts";
import { COUNTER, COUNTER_MODULUS, type RawValue, rawValueOf } from "../../vehicle/vehicle-model.ts";
import type { SampleColumn } from "../sample-judge.ts";
import { physicalOf } from "../sample-judge.ts";

/** A frame that the agent has received: the `n`-th of its message. */
export type ReceivedFrame = { readonly message: VehicleMessage; readonly n: number; readonly timeUs: number };

/** A sample of a signal, as the frame at place `at` of the drive held it. */
export type Sample = {
  readonly at: number;
  /** µs since the Unix epoch. */
  readonly timeUs: number;
  readonly raw: RawValue;
  readonly physical: number;
};

/** What is known of the drive. */
export type DriveFacts = {
  readonly vehicle: readonly VehicleMessage[];
  readonly seed: number;
  /** How many times faster than its periods the vehicle sends. */
  readonly rate: number;
  /** Wall time of the first frame, µs since the Unix epoch. */
  readonly startUs: number;
};

/**
 * All frames that the agent has received, with their exact times: by the counters that the rules of its configuration collect of every
 * frame. What each held is worked out by the vehicle's own model.
 */
export class ReceivedFrames {
  readonly #drive: DriveFacts;
  readonly #found = new Map<string, ReceivedFrame>();

  constructor(drive: DriveFacts) {
    this.#drive = drive;
  }

  /** Takes the counters of a record of the default campaign. */
  note(columns: readonly SampleColumn[]): void {
    for (const { signal, timesUs, values } of columns) {
      if (signal.name !== COUNTER) continue;
      const message = this.#drive.vehicle.find(({ name }) => name === signal.message);
      if (message === undefined) continue;
      values.forEach((value, index) => {
        const timeUs = timesUs[index];
        const n = this.#numberOf(message, Number(value), timeUs);
        this.#found.set(`${message.index} ${n}`, { message, n, timeUs });
      });
    }
  }

  /** In the order in which they were received: by time, and frames of one time in the order in which the vehicle sends them. */
  ordered(): readonly ReceivedFrame[] {
    const dueMs = ({ message, n }: ReceivedFrame): number => SendSchedule.dueMs(message.index, message.periodMs, n);
    return [...this.#found.values()].sort((a, b) => a.timeUs - b.timeUs || dueMs(a) - dueMs(b));
  }

  /** The counter wraps; time tells how often it has. */
  #numberOf({ periodMs }: VehicleMessage, counter: number, timeUs: number): number {
    const due = (timeUs - this.#drive.startUs) / ((periodMs * 1000) / this.#drive.rate);
    return counter + Math.max(0, Math.round((due - counter) / COUNTER_MODULUS)) * COUNTER_MODULUS;
  }
}

/** Numbers of the frames of each message that are missing between others, as "Message n". What no agent told of cannot be judged. */
export function missingFrames(frames: readonly ReceivedFrame[]): readonly string[] {
  const numbers = Map.groupBy(frames, ({ message }) => message.name);
  return [...numbers].flatMap(([name, list]) => {
    const known = new Set(list.map(({ n }) => n));
    const last = Math.max(...known);
    return Array.from({ length: last + 1 }, (_, n) => n).flatMap((n) => (known.has(n) ? [] : [`${name} ${n}`]));
  });
}

/** The samples of one signal in these frames, whose places count from 0. */
export function samplesOf(
  frames: readonly ReceivedFrame[],
  signal: VehicleSignal,
  { seed }: DriveFacts,
): readonly Sample[] {
  return frames.flatMap(({ message, n, timeUs }, at) => {
    if (message.name !== signal.message) return [];
    const raw = rawValueOf(message, signal, n, seed);
    return raw === undefined ? [] : [{ at, timeUs, raw, physical: Number(raw) * signal.factor + signal.offset }];
  });
}

/** The value of a sample as records and rows have it: exact where all is whole. */
export function shownOf({ raw }: Sample, signal: VehicleSignal): RawValue {
  return physicalOf(raw, signal);
}
