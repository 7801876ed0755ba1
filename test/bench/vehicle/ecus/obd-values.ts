import type { Drive } from "../drive-cycle.ts";

const CELSIUS_OFFSET = 40;
/** Odometer of the bench's vehicle at the start of a drive, km. */
const START_KM = 48_211.3;

function u8(value: number): readonly number[] {
  return [Math.min(255, Math.max(0, Math.round(value)))];
}

function u16(value: number): readonly number[] {
  const whole = Math.min(0xffff, Math.max(0, Math.round(value)));
  return [whole >> 8, whole & 0xff];
}

function u32(value: number): readonly number[] {
  const whole = Math.min(0xffff_ffff, Math.max(0, Math.round(value)));
  return [...u16(Math.floor(whole / 0x1_0000)), ...u16(whole % 0x1_0000)];
}

function percent(value: number): readonly number[] {
  return u8((value * 255) / 100);
}

function celsius(value: number): readonly number[] {
  return u8(value + CELSIUS_OFFSET);
}

/** How a unit works out the data bytes of a parameter (SAE J1979, service 01) from the moment of the drive. */
export type PidValue = (drive: Drive) => readonly number[];

/** Parameters of the engine unit with values of their own; those of its trouble codes (01, 02, 21, 30, 31, 41, 4D) are the unit's affair. */
export const ENGINE_PIDS: ReadonlyMap<number, PidValue> = new Map<number, PidValue>([
  [0x03, () => [2, 0]],
  [0x04, (d) => percent(18 + d.throttlePercent * 0.8)],
  [0x05, (d) => celsius(14 + 77 * d.warmth)],
  [0x06, (d) => u8(((Math.sin(d.seconds) * 3 + 100) * 128) / 100)],
  [0x07, () => u8((102 * 128) / 100)],
  [0x0b, (d) => u8(30 + d.throttlePercent * 0.7)],
  [0x0c, (d) => u16(d.engineRpm * 4)],
  [0x0d, (d) => u8(d.speedKph)],
  [0x0e, (d) => u8((10 + d.throttlePercent * 0.2 + 64) * 2)],
  [0x0f, () => celsius(21)],
  [0x10, (d) => u16((2 + d.throttlePercent * 0.9) * 100)],
  [0x11, (d) => percent(d.throttlePercent)],
  [0x13, () => [0x03]],
  [0x14, (d) => [...u8((0.45 + 0.4 * Math.sin(d.seconds * 2.1)) * 200), 0xff]],
  [0x1c, () => [6]],
  [0x1f, (d) => u16(d.seconds)],
  [0x23, (d) => u16((4000 + d.throttlePercent * 80) / 10)],
  [0x2f, (d) => percent(72 - (d.distanceM / 1000) * 0.11)],
  [0x33, () => u8(101)],
  [0x34, (d) => [...u16((1 + 0.03 * Math.sin(d.seconds * 2.1)) * 32_768), ...u16((0.5 + 128) * 256)]],
  [0x3c, (d) => u16((60 + 460 * d.warmth + 40) * 10)],
  [0x42, () => u16(14_100)],
  [0x43, (d) => u16(((20 + d.throttlePercent) * 255) / 100)],
  [0x44, () => u16(32_768)],
  [0x46, (d) => celsius(11 + Math.sin(d.seconds / 90))],
  [0x49, (d) => percent(d.throttlePercent)],
  [0x51, () => [1]],
  [0x5c, (d) => celsius(12 + 92 * d.warmth)],
  [0x5e, (d) => u16((0.8 + d.throttlePercent * 0.18) * 20)],
  [0xa6, (d) => u32((START_KM + d.distanceM / 1000) * 10)],
]);

/** Parameters of the gearbox unit. */
export const GEARBOX_PIDS: ReadonlyMap<number, PidValue> = new Map<number, PidValue>([
  [0x0c, (d) => u16(d.engineRpm * 4)],
  [0x0d, (d) => u8(d.speedKph)],
  [0x1c, () => [6]],
  [0x42, () => u16(14_050)],
]);

/** Odometer as the body controller has it: whole km in three bytes. */
export function odometerBytes(drive: Drive): readonly number[] {
  return u32(Math.floor(START_KM + drive.distanceM / 1000)).slice(1);
}

export { u16 as twoBytes };
