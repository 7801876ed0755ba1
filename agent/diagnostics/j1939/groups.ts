import { type CanFrame, FRAME_FLAG } from "../../ports/frame.ts";
import { idOf } from "../../signals/pgn.ts";
import { TP_CM, TP_DT } from "../../signals/transport/j1939-transport.ts";

/** Parameter groups that network management, requests and transport are made of (SAE J1939-21, J1939-81). */
export const GROUP = {
  acknowledgement: 59_392,
  request: 59_904,
  transferData: TP_DT,
  transferControl: TP_CM,
  addressClaim: 60_928,
} as const;

/** Destination of what all shall take. */
export const GLOBAL_ADDRESS = 255;
/** Source address of somebody who has none. */
export const NULL_ADDRESS = 254;
/** Largest parameter group number: 18 bits. */
export const LAST_GROUP = 0x3_ffff;

/** Priority of a message that says nothing else, and of the transport protocol (SAE J1939-21). */
export const PRIORITY = { usual: 6, transfer: 7 } as const;

/** Addresses of a message; `destination` has no place in a group that goes to all only. */
export type Way = { readonly source: number; readonly destination: number; readonly priority: number };

/** A frame of a group, ready to be sent. `data` has at most 8 bytes. */
export function frameOf(pgn: number, { source, destination, priority }: Way, data: Uint8Array): CanFrame {
  const id = idOf((priority << 26) | source, pgn, destination);
  return { id, flags: FRAME_FLAG.extended, data, receivedAtUs: 0 };
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
