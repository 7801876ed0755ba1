import { hexByte, type Malformed, malformed } from "./malformed.ts";
import { pidOf } from "./pid-table.ts";

const FREEZE_FRAME = 0x02;
const FREEZE_FRAME_ANSWER = 0x42;
/** The one frame that the law asks for; a further one is the maker's. */
const FIRST_FRAME = 0;
/** In a freeze frame: the code that stored it, 0 where there is none. */
export const FREEZE_CODE_PID = 0x02;

/** The data of one PID as they were when a code was stored. */
export type FreezeData = {
  readonly kind: "freeze";
  readonly pid: number;
  readonly frame: number;
  readonly data: Uint8Array;
};

/** Asks for one PID of a freeze frame. */
export function freezeRequest(pid: number, frame: number = FIRST_FRAME): Uint8Array {
  return Uint8Array.of(FREEZE_FRAME, pid, frame);
}

/** Reads `42 PID FRAME data`, of one PID. Data of a known PID must have its length. */
export function parseFreeze(pdu: Uint8Array, asked: number): FreezeData | Malformed {
  if (pdu[0] !== FREEZE_FRAME_ANSWER) return malformed("it is no answer to service 0x02");
  if (pdu.length < 4) return malformed(`an answer 0x42 has ${pdu.length} bytes`);
  const [, pid, frame] = pdu;
  if (pid !== asked) return malformed(`an answer 0x42 is of PID ${hexByte(pid)} instead of ${hexByte(asked)}`);
  const data = pdu.slice(3);
  const known = pidOf(pid);
  if (known !== undefined && data.length !== known.bytes && data.length !== known.mostBytes) {
    return malformed(`an answer 0x42 has ${data.length} bytes for PID ${hexByte(pid)} instead of ${known.bytes}`);
  }
  return { kind: "freeze", pid, frame, data };
}
