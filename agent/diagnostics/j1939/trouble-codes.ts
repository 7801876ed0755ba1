import type { LampState, Lamps } from "../../telemetry/record/encode/trouble-code.ts";
import { type CodeList, rawSpn, type SeenCode, spnFmi } from "../codes/trouble-code.ts";
import { failureModeText } from "./failure-modes.ts";

/** The group of active codes, DM1, which nodes send by themselves. */
export const ACTIVE_CODES = 65_226;
/** Groups that hold lamps and codes in one layout (SAE J1939-73; numbers as in the J1939 Digital Annex of October 2020). */
export const CODE_MESSAGES: ReadonlyMap<number, { readonly name: string; readonly list: CodeList }> = new Map([
  [ACTIVE_CODES, { name: "DM1", list: "active" }],
  [65_227, { name: "DM2", list: "previous" }],
  [65_231, { name: "DM6", list: "pending" }],
  [65_236, { name: "DM12", list: "emission" }],
  [64_949, { name: "DM23", list: "previous-emission" }],
  [64_896, { name: "DM28", list: "permanent" }],
]);
/** Groups that nobody sends but as a request: it clears active codes (DM11) or previous ones (DM3). */
export const CLEAR_GROUP = { active: 65_235, previous: 65_228 } as const;

/** What a message of `CODE_MESSAGES` says. No code: the control unit says that it has none. */
export type CodeMessage = { readonly lamps: Lamps; readonly codes: readonly SeenCode[] };

const LAMP_BYTES = 2;
const CODE_BYTES = 4;
/** SPN that stand for no code: all zeros in today's form, all ones in that of old. */
const NO_SPN: readonly number[] = [0, 0x7_ffff];
const NO_COUNT = 127;
/** Bit of the conversion method: set, the SPN has one of three older layouts, and which one is not told. */
const OLDER_LAYOUT = 0x8000_0000;

/**
 * Reads a message of `CODE_MESSAGES`; undefined where it is too short for lamps and one code. Bytes at the end that make no whole code
 * are padding.
 */
export function parseCodeMessage(data: Uint8Array): CodeMessage | undefined {
  if (data.length < LAMP_BYTES + CODE_BYTES) return undefined;
  const codes: SeenCode[] = [];
  for (let at = LAMP_BYTES; at + CODE_BYTES <= data.length; at += CODE_BYTES) {
    const code = parseNodeCode(data, at);
    if (code !== undefined) codes.push(code);
  }
  return { lamps: lampsOf(data[0], data[1]), codes };
}

/** The code in four bytes at `at`; undefined for what stands for none. `data` must reach that far. One in an older layout is not taken apart. */
export function parseNodeCode(data: Uint8Array, at: number): SeenCode | undefined {
  const raw = (data[at] | (data[at + 1] << 8) | (data[at + 2] << 16) | (data[at + 3] << 24)) >>> 0;
  const spn = (raw & 0xffff) | ((raw >>> 5) & 0x7_0000);
  if (NO_SPN.includes(spn)) return undefined;
  const count = (raw >>> 24) & 0x7f;
  const occurrences = count === NO_COUNT ? undefined : count;
  if (raw >= OLDER_LAYOUT) return { code: rawSpn(raw), raw, occurrences };
  const fmi = (raw >>> 16) & 0x1f;
  return { code: spnFmi({ spn, fmi }), raw, text: failureModeText(fmi), occurrences };
}

const LIGHT = { off: 0, on: 1 } as const;
const FLASH = { slow: 0, fast: 1 } as const;

/** Two bits a lamp: malfunction indicator, red stop, amber warning, protect. What the control unit does not have is absent. */
function lampsOf(lights: number, flashes: number): Lamps {
  const lampAt = (shift: number): LampState | undefined => lampOf((lights >>> shift) & 3, (flashes >>> shift) & 3);
  return { malfunction: lampAt(6), stop: lampAt(4), warning: lampAt(2), protect: lampAt(0) };
}

function lampOf(light: number, flash: number): LampState | undefined {
  if (light === LIGHT.off) return "off";
  if (light !== LIGHT.on) return undefined;
  return flash === FLASH.slow ? "slow-flash" : flash === FLASH.fast ? "fast-flash" : "on";
}
