import { largestId } from "../../ports/arbitration-id.ts";
import { EVERY_FRAME, type FrameFilter } from "../../ports/can-bus.ts";
import { FRAME_FLAG } from "../../ports/frame.ts";

/** Whether a frame with this arbitration id and these `FRAME_FLAG` bits is wanted. */
export type FrameTest = (id: number, flags: number) => boolean;

/** CAN_EFF_FLAG, CAN_RTR_FLAG and CAN_ERR_FLAG (linux/can.h): how the kernel tells frames apart within one word. */
const EXTENDED = 0x8000_0000;
const REMOTE = 0x4000_0000;
const ERROR = 0x2000_0000;

/**
 * The filters that candump takes behind the name of an interface: `<id>:<mask>` lets a frame through when (frame & mask) equals
 * (id & mask), `<id>~<mask>` when it does not, `#<mask>` error frames of these classes, `j` asks for all filters instead of any.
 * Hexadecimal, with 0x or without; an id written with eight characters is one of 29 bits; 80000000 in a mask makes the id length count, 40000000 the remote bit.
 * Without a filter for data frames all of them come through; without `#` no error frame does. Gives what is wrong as text.
 *
 * Source: can-utils, candump.c; Linux, Documentation/networking/can.rst (RAW socket option CAN_RAW_FILTER).
 */
export function parseCandumpFilters(filters: readonly string[]): FrameTest | string {
  const tests: ((word: number) => boolean)[] = [];
  let errorClasses = 0;
  let isJoined = false;
  for (const filter of filters) {
    const match = /^((?:0x)?[0-9a-f]{1,8})([:~])((?:0x)?[0-9a-f]{1,8})$/i.exec(filter);
    const error = /^#((?:0x)?[0-9a-f]{1,8})$/i.exec(filter);
    if (match !== null) tests.push(wordTest(match[1], match[2] === "~", match[3]));
    else if (error !== null) errorClasses = Number.parseInt(error[1], 16);
    else if (/^j$/i.test(filter)) isJoined = true;
    else return `${filter} is no filter: write <id>:<mask>, <id>~<mask>, #<error mask> or j, in hexadecimal`;
  }
  return (id, flags) => {
    if ((flags & FRAME_FLAG.error) !== 0) return (id & errorClasses) !== 0;
    const word = wordOf(id, flags);
    return tests.length === 0 || (isJoined ? tests.every((test) => test(word)) : tests.some((test) => test(word)));
  };
}

/**
 * What a bus must let through for these filters, which `parseCandumpFilters` reads: as narrow as receive filters can say it, and every
 * frame where they cannot. Error frames come whatever the filters are.
 */
export function receiveFiltersOf(filters: readonly string[]): readonly FrameFilter[] {
  const wanted = filters.flatMap((filter) => {
    const match = /^((?:0x)?[0-9a-f]{1,8}):((?:0x)?[0-9a-f]{1,8})$/i.exec(filter);
    if (match === null) return filter.startsWith("#") ? [] : EVERY_FRAME;
    const [, id, mask] = match;
    const word = (Number.parseInt(id, 16) | (id.length === 8 ? EXTENDED : 0)) >>> 0;
    const bits = Number.parseInt(mask, 16);
    const lengths = (bits & EXTENDED) === 0 ? [false, true] : [word >= EXTENDED];
    return lengths.map((extended): FrameFilter => {
      const own = largestId(extended) & bits;
      return { id: word & own, mask: own, extended };
    });
  });
  return wanted.length === 0 ? EVERY_FRAME : wanted;
}

function wordTest(idText: string, isInverted: boolean, maskText: string): (word: number) => boolean {
  const id = (Number.parseInt(idText, 16) | (idText.length === 8 ? EXTENDED : 0)) >>> 0;
  const mask = (Number.parseInt(maskText, 16) & ~ERROR) >>> 0;
  return (word) => (((word ^ id) & mask) === 0) !== isInverted;
}

function wordOf(id: number, flags: number): number {
  const extended = (flags & FRAME_FLAG.extended) === 0 ? 0 : EXTENDED;
  return (id | extended | ((flags & FRAME_FLAG.remote) === 0 ? 0 : REMOTE)) >>> 0;
}
