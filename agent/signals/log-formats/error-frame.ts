import { type CanFrame, CLASSIC_MAX_DATA_BYTES, FRAME_FLAG } from "../../ports/frame.ts";

/** CAN_ERR_BUSERROR (linux/can/error.h). */
const BUS_ERROR = 0x80;

/** An error frame of which a log says no more than that it was there, as asc2log gives it. */
export function unknownError(receivedAtUs: number): CanFrame {
  return { id: BUS_ERROR, flags: FRAME_FLAG.error, data: new Uint8Array(CLASSIC_MAX_DATA_BYTES), receivedAtUs };
}
