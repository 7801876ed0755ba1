import { TP_CONTROL } from "../../signals/transport/j1939-transport.ts";
import { groupAt, groupBytes } from "./groups.ts";

/** What a frame of TP.CM says (SAE J1939-21, 5.10.3). `pgn` is the group that is transferred. */
export type TransferControl =
  | {
      readonly kind: "request-to-send";
      readonly bytes: number;
      readonly packets: number;
      /** Most packets that may be asked for at once, 1..255. */
      readonly mostPackets: number;
      readonly pgn: number;
    }
  /** `packets` 0: wait. */
  | { readonly kind: "clear-to-send"; readonly packets: number; readonly next: number; readonly pgn: number }
  | { readonly kind: "end-of-message"; readonly pgn: number }
  | { readonly kind: "announcement"; readonly bytes: number; readonly packets: number; readonly pgn: number }
  | { readonly kind: "abort"; readonly reason: number; readonly pgn: number };

const CONTROL_BYTES = 8;
const UNUSED = 0xff;

/** Why a transfer is aborted (SAE J1939-21, table 7); the kernel's net/can/j1939/transport.c has the same numbers. */
export const ABORT = { busy: 1, resources: 2, timeOut: 3, dataInTransfer: 4, tooLong: 9 } as const;

const ABORT_TEXTS: ReadonlyMap<number, string> = new Map([
  [1, "it is in another transfer"],
  [2, "it has no room"],
  [3, "it waited in vain"],
  [4, "clear to send came while data was being sent"],
  [5, "too many packets had to be repeated"],
  [6, "data came that it did not ask for"],
  [7, "a packet had a wrong number"],
  [8, "a packet came twice"],
  [9, "the message is longer than 1785 bytes"],
]);

/** Why the other side aborted a transfer, in words. */
export function abortText(reason: number): string {
  return ABORT_TEXTS.get(reason) ?? `reason ${reason}`;
}

/** Reads a frame of TP.CM; undefined for one that is too short or has an unknown control byte. */
export function parseControl(data: Uint8Array): TransferControl | undefined {
  if (data.length < CONTROL_BYTES) return undefined;
  const pgn = groupAt(data, 5);
  const bytes = data[1] | (data[2] << 8);
  switch (data[0]) {
    case TP_CONTROL.rts:
      return { kind: "request-to-send", bytes, packets: data[3], mostPackets: Math.max(1, data[4]), pgn };
    case TP_CONTROL.cts:
      return { kind: "clear-to-send", packets: data[1], next: data[2], pgn };
    case TP_CONTROL.endOfMessage:
      return { kind: "end-of-message", pgn };
    case TP_CONTROL.bam:
      return { kind: "announcement", bytes, packets: data[3], pgn };
    case TP_CONTROL.abort:
      return { kind: "abort", reason: data[1], pgn };
    default:
      return undefined;
  }
}

/** "Request to send" of a message that goes to one node. */
export function requestToSendBytes(bytes: number, packets: number, pgn: number): Uint8Array {
  return controlBytes(TP_CONTROL.rts, [bytes & 0xff, bytes >>> 8, packets, UNUSED], pgn);
}

/** "Clear to send": `count` packets from number `next` on. */
export function clearToSendBytes(count: number, next: number, pgn: number): Uint8Array {
  return controlBytes(TP_CONTROL.cts, [count, next, UNUSED, UNUSED], pgn);
}

/** "End of message": all of it came. */
export function endOfMessageBytes(bytes: number, packets: number, pgn: number): Uint8Array {
  return controlBytes(TP_CONTROL.endOfMessage, [bytes & 0xff, bytes >>> 8, packets, UNUSED], pgn);
}

/** "Broadcast announce": a message that goes to all follows. */
export function announcementBytes(bytes: number, packets: number, pgn: number): Uint8Array {
  return controlBytes(TP_CONTROL.bam, [bytes & 0xff, bytes >>> 8, packets, UNUSED], pgn);
}

/** Ends a transfer before its time; `reason` is one of `ABORT`. */
export function abortBytes(reason: number, pgn: number): Uint8Array {
  return controlBytes(TP_CONTROL.abort, [reason, UNUSED, UNUSED, UNUSED], pgn);
}

function controlBytes(control: number, middle: readonly [number, number, number, number], pgn: number): Uint8Array {
  return Uint8Array.of(control, ...middle, ...groupBytes(pgn));
}
