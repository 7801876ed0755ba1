import type { ValueTexts } from "../../signals/value-texts.ts";
import type { Pid, PidSignal, PidSource, Scale } from "./pid.ts";
import { NO_YES } from "./pid-texts.ts";

/** raw * factor + offset. */
export const scale = (factor: number, offset: number, unit: string): Scale => ({ factor, offset, unit });
export const COUNT = scale(1, 0, "");
export const PERCENT = scale(100 / 255, 0, "%");
/** OBDb writes raw * 100 / 128 - 128 for every row of these, with a least value of -100: a slip, so python-OBD's is taken. */
export const TRIM = scale(100 / 128, -100, "%");
export const TORQUE = scale(1, -125, "%");
export const CELSIUS = scale(1, -40, "degC");
export const CATALYST = scale(0.1, -40, "degC");
export const KPA = scale(1, 0, "kPa");
export const TEN_KPA = scale(10, 0, "kPa");
export const BOOST = scale(1 / 32, 0, "kPa");
export const KM = scale(1, 0, "km");
export const TENTH_KM = scale(0.1, 0, "km");
export const KMH = scale(1, 0, "km/h");
export const SECONDS = scale(1, 0, "s");
export const MINUTES = scale(1, 0, "min");
/** 2 / 65536. python-OBD: 0.0000305 (rounded). OBDb: the same, but 2 / 65535 in PID 44. */
export const RATIO = scale(1 / 32_768, 0, "");
/** 8 / 65536. OBDb: / 8196, a slip. python-OBD: 8 / 65535. */
export const WIDE_VOLTS = scale(1 / 8192, 0, "V");

/** A value at `bit` of the data. */
export function value(name: string, bit: number, bits: number, how: Scale = COUNT, texts?: ValueTexts): PidSignal {
  return { ...how, name, bit, bits, texts };
}

/** A value that is there while the bit `support` says so. */
export function supported(support: number, signal: PidSignal): PidSignal {
  return { ...signal, when: { bit: support, value: 1 } };
}

/** A value of one bit. */
export function flag(name: string, bit: number, texts: ValueTexts | undefined = NO_YES): PidSignal {
  return value(name, bit, 1, COUNT, texts);
}

/** A PID and its values. */
export function row(pid: number, bytes: number, source: PidSource, ...signals: readonly PidSignal[]): Pid {
  return { pid, bytes, source, signals };
}

/** One value that is all of the data. */
export function single(pid: number, bytes: number, source: PidSource, name: string, how: Scale = COUNT): Pid {
  return row(pid, bytes, source, value(name, 0, bytes * 8, how));
}
