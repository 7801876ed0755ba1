import type { IsoTpSettings } from "../../ports/isotp.ts";

/** A tester on classic CAN: what legislated OBD wants (ISO 15765-4: no block size, no separation time, frames of 8 bytes). */
export const DEFAULT_ISOTP: IsoTpSettings = {
  fd: false,
  bitRateSwitch: false,
  txDataBytes: 8,
  padding: 0xcc,
  blockSize: 0,
  separationUs: 0,
  maxWaitFrames: 10,
  maxPduBytes: 66_000,
};
