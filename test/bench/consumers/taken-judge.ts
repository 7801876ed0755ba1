import type { VehicleMessage, VehicleSignal } from "../vehicle/vehicle-dbc.ts";
import { rawValueOf } from "../vehicle/vehicle-model.ts";
import { physicalOf, type RecordVerdict, type TakenColumn, Tally } from "./sample-judge.ts";

/** How far the vehicle may be behind its time line or the receive time off, before and after, µs. */
const SLACK_US = 1_000_000;

/** What is known of the drive, as `VehicleJudgeParts` has it. */
type Drive = {
  readonly vehicle: readonly VehicleMessage[];
  readonly seed: number;
  readonly rate: number;
  readonly startUs: number;
  readonly repeats: boolean;
};

/**
 * Judges samples that a campaign took of the simulated vehicle: one of the frames that were due around its time must have held the value.
 * No counter tells which, as a campaign takes signals one by one. Samples of a vehicle that repeats its drive cannot be told.
 */
export function judgeTaken(drive: Drive, columns: readonly TakenColumn[]): RecordVerdict {
  const tally = new Tally();
  for (const column of columns) {
    const message = drive.vehicle.find(({ name }) => name === column.message);
    const signal = message?.signals.find(({ name }) => name === column.name);
    tally.samples += column.values.length;
    if (message === undefined || signal === undefined)
      tally.mismatch(`${column.message}.${column.name}: no such signal`);
    else if (drive.repeats) tally.unverified += column.values.length;
    else judgeColumn(drive, { message, signal }, column, tally);
  }
  return tally.verdict();
}

type Sent = { readonly message: VehicleMessage; readonly signal: VehicleSignal };

function judgeColumn(drive: Drive, sent: Sent, column: TakenColumn, tally: Tally): void {
  column.values.forEach((value, index) => {
    const timeUs = column.timesUs[index];
    if (!wasSent(drive, sent, { form: column.form, value, timeUs })) {
      tally.mismatch(`${column.message}.${column.name} at ${timeUs}: ${value} was not sent within a second of it`);
    }
  });
}

type Taken = { readonly form: TakenColumn["form"]; readonly value: number | bigint; readonly timeUs: number };

/** Looks from the frame that was due outwards. */
function wasSent(drive: Drive, { message, signal }: Sent, { form, value, timeUs }: Taken): boolean {
  const periodUs = (message.periodMs * 1000) / drive.rate;
  const due = Math.round((timeUs - drive.startUs) / periodUs);
  const most = Math.ceil(SLACK_US / periodUs) + 1;
  for (let away = 0; away <= most; away++) {
    for (const n of away === 0 ? [due] : [due - away, due + away]) {
      const raw = n < 0 ? undefined : rawValueOf(message, signal, n, drive.seed);
      if (raw !== undefined && isSame(form === "raw" ? raw : physicalOf(raw, signal), value)) return true;
    }
  }
  return false;
}

/** JSON has no -0, and NaN is not itself. */
function isSame(one: number | bigint, other: number | bigint): boolean {
  return one === other || (Number.isNaN(one) && Number.isNaN(other));
}
