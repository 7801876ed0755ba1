import { type CanFrame, FRAME_FLAG } from "../../ports/frame.ts";

/** Parameter groups that network management, requests and transport are made of (SAE J1939-21, J1939-81). */
export const GROUP = {
  acknowledgement: 59_392,
  request: 59_904,
  transferData: 60_160,
  transferControl: 60_416,
  addressClaim: 60_928,
} as const;

/** Destination of what all shall take. */
export const GLOBAL_ADDRESS = 255;
/** Source address of somebody who has none. */
export const NULL_ADDRESS = 254;
/** Largest parameter group number: 18 bits. */
export const LAST_GROUP = 0x3_ffff;
/** Most bytes of a message in several frames, without the extended transport protocol (SAE J1939-21, 5.10). */
export const LONGEST_MESSAGE_BYTES = 1785;

/** Priority of a message that says nothing else, and of the transport protocol (SAE J1939-21). */
export const PRIORITY = { usual: 6, transfer: 7 } as const;

const PDU2_FORMAT = 240;

/** Whether a group is sent to one address or to all (PDU1), and not to all only (PDU2). */
export function isAddressable(pgn: number): boolean {
  return ((pgn >>> 8) & 0xff) < PDU2_FORMAT;
}

/** Addresses of a message; `destination` has no place in a group that goes to all only. */
export type Way = { readonly source: number; readonly destination: number; readonly priority: number };

/** Arbitration id of 29 bits (SAE J1939-21, 5.2). */
export function idOf(pgn: number, { source, destination, priority }: Way): number {
  const group = isAddressable(pgn) ? (pgn & 0x3_ff00) | destination : pgn;
  return priority * 0x400_0000 + group * 0x100 + source;
}

/** A frame of a group, ready to be sent. `data` has at most 8 bytes. */
export function frameOf(pgn: number, way: Way, data: Uint8Array): CanFrame {
  return { id: idOf(pgn, way), flags: FRAME_FLAG.extended, data, receivedAtUs: 0 };
}

/** A parameter group number in three bytes, little-endian, as requests, acknowledgements and transfers carry it. */
export function groupBytes(pgn: number): readonly [number, number, number] {
  return [pgn & 0xff, (pgn >>> 8) & 0xff, (pgn >>> 16) & 0xff];
}

/** What `groupBytes` made, at `at`; bits beyond the 18 of a group are cut off. `bytes` must reach that far. */
export function groupAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16)) & LAST_GROUP;
}

/** What a frame asks for: the group of a request; undefined for one that is too short (SAE J1939-21, 5.4.2). */
export function requestedGroup(data: Uint8Array): number | undefined {
  return data.length < 3 ? undefined : groupAt(data, 0);
}
