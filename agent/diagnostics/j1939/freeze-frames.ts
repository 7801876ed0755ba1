import type { FreezeValue } from "../../telemetry/record/encode/trouble-code.ts";
import type { SeenCode } from "../codes/trouble-code.ts";
import { parseNodeCode } from "./trouble-codes.ts";

/** Group of DM4, freeze frame parameters (SAE J1939-73). */
export const FREEZE_FRAME_GROUP = 65_229;

/** Codes with what was kept of the moment when they came; `isWhole` is false where the last one, or a length, does not fit into the message. */
export type FreezeFrames = { readonly frames: readonly SeenCode[]; readonly isWhole: boolean };

type Slot = {
  readonly spn: number;
  readonly name: string;
  readonly unit: string | undefined;
  readonly bytes: 1 | 2;
  readonly factor: number;
  readonly offset: number;
};

/**
 * What every freeze frame begins with, after its code (SAE J1939-73, 5.7.4; order as two public implementations have it, scaling of each
 * SPN as in J1939-71).
 */
const SLOTS: readonly Slot[] = [
  { spn: 899, name: "engine_torque_mode", unit: undefined, bytes: 1, factor: 1, offset: 0 },
  { spn: 102, name: "boost_pressure", unit: "kPa", bytes: 1, factor: 2, offset: 0 },
  { spn: 190, name: "engine_speed", unit: "rpm", bytes: 2, factor: 0.125, offset: 0 },
  { spn: 92, name: "engine_load", unit: "%", bytes: 1, factor: 1, offset: 0 },
  { spn: 110, name: "coolant_temperature", unit: "degC", bytes: 1, factor: 1, offset: -40 },
  { spn: 84, name: "vehicle_speed", unit: "km/h", bytes: 2, factor: 1 / 256, offset: 0 },
];
const CODE_BYTES = 4;
const SLOT_BYTES = 8;
/** Largest raw value that is one, of one byte and of the upper byte of two: beyond are error and not available (SAE J1939-71, table 1). */
const LAST_VALID = 0xfa;
/** The torque mode has four bits, of which fifteen says "not available". */
const TORQUE_MODE = 899;

/** Reads DM4: a length byte, a code, six parameters and bytes of the maker, one frame after the other; a length of zero or 255 ends them. */
export function parseFreezeFrames(data: Uint8Array): FreezeFrames {
  const frames: SeenCode[] = [];
  let at = 0;
  while (at < data.length && data[at] !== 0 && data[at] !== 0xff) {
    const end = at + 1 + data[at];
    if (end > data.length || data[at] < CODE_BYTES + SLOT_BYTES) return { frames, isWhole: false };
    const code = parseNodeCode(data, at + 1);
    if (code !== undefined) frames.push({ ...code, freeze: freezeOf(data.subarray(at + 1 + CODE_BYTES, end)) });
    at = end;
  }
  return { frames, isWhole: true };
}

/** What is not available or in error is left out; bytes of the maker come as they are. */
function freezeOf(bytes: Uint8Array): readonly FreezeValue[] {
  const values: FreezeValue[] = [];
  let at = 0;
  for (const slot of SLOTS) {
    const value = valueAt(bytes, at, slot);
    at += slot.bytes;
    if (value !== undefined) values.push({ name: slot.name, value, unit: slot.unit });
  }
  const rest = Buffer.from(bytes.subarray(SLOT_BYTES)).toString("hex");
  return rest === "" ? values : [...values, { name: "manufacturer_bytes", value: rest }];
}

function valueAt(bytes: Uint8Array, at: number, { spn, bytes: width, factor, offset }: Slot): number | undefined {
  if (spn === TORQUE_MODE) return (bytes[at] & 0xf) === 0xf ? undefined : bytes[at] & 0xf;
  if (bytes[at + width - 1] > LAST_VALID) return undefined;
  const raw = width === 1 ? bytes[at] : bytes[at] | (bytes[at + 1] << 8);
  return raw * factor + offset;
}
