import { type CanFrame, FRAME_FLAG } from "../../ports/frame.ts";
import { unknownError } from "./error-frame.ts";

/** Types of error in the id of an error frame (ER): bit, form, stuff, other. The first three are those of Linux too (CAN_ERR_PROT_BIT, _FORM, _STUFF). */
const TYPES = { known: 0x07, other: 0x08 } as const;
/** CAN_ERR_PROT, CAN_ERR_BUSERROR, CAN_ERR_CNT: classes of a SocketCAN error frame (linux/can/error.h). */
const CLASS = { protocol: 0x08, busError: 0x80, counters: 0x200 } as const;
/** CAN_ERR_PROT_TX in data byte 2: it happened while sending. */
const SENDING = 0x80;

/** An error frame of a TRC log: the type of error, and direction (0 sending, 1 receiving), place, counts of errors received and sent. */
export type TrcError = { readonly type: number; readonly data: Uint8Array };

/** What a SocketCAN error frame says that has a place in a TRC log. Source: PEAK, PCAN-Basic, PCAN_MESSAGE_ERRFRAME. */
export function trcErrorOf({ id, data }: CanFrame): TrcError {
  const told = (id & CLASS.protocol) !== 0 && data.length === 8;
  const type = told ? data[2] & TYPES.known : 0;
  const isSending = told && (data[2] & SENDING) !== 0;
  const counts = (id & CLASS.counters) !== 0 && data.length === 8 ? [data[7], data[6]] : [0, 0];
  return {
    type: type === 0 ? TYPES.other : type,
    data: Uint8Array.of(isSending ? 0 : 1, told ? data[3] : 0, ...counts),
  };
}

/** The SocketCAN error frame for one of a TRC log; one that says no more than that it was there for any other form. */
export function errorOfTrc({ type, data }: TrcError, receivedAtUs: number): CanFrame {
  if (![1, 2, 4, TYPES.other].includes(type) || data.length !== 4) return unknownError(receivedAtUs);
  const [direction, place, receiveErrors, transmitErrors] = data;
  const kind = (type & TYPES.known) | (direction === 0 ? SENDING : 0);
  return {
    id: CLASS.protocol | CLASS.busError | CLASS.counters,
    flags: FRAME_FLAG.error,
    data: Uint8Array.of(0, 0, kind, place, 0, 0, transmitErrors, receiveErrors),
    receivedAtUs,
  };
}
