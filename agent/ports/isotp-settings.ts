import { isArbitrationId } from "./arbitration-id.ts";
import { ISOTP_DATA_BYTES, type IsoTpAddress, type IsoTpFunctionalAddress, type IsoTpSettings } from "./isotp.ts";

/** Longest PDU that a first frame can announce (FF_DL of 32 bits, ISO 15765-2:2016, table 14). */
export const ISOTP_LARGEST_PDU_BYTES = 0xffff_ffff;
/** Separation time that a reserved value of STmin means (ISO 15765-2:2016, 9.6.5.5), µs. */
const LONGEST_SEPARATION_US = 127_000;

/** STmin of a flow control (ISO 15765-2:2016, table 20) for at least so many µs: 0, 100 to 900 in hundreds, ms up to 127. */
export function separationByte(separationUs: number): number {
  if (separationUs <= 0) return 0;
  if (separationUs <= 900) return 0xf0 + Math.ceil(separationUs / 100);
  return Math.min(0x7f, Math.ceil(separationUs / 1000));
}

/** What an STmin of a flow control asks for, µs. A reserved value is the longest there is, 127 ms. */
export function separationUsOf(byte: number): number {
  if (byte <= 0x7f) return byte * 1000;
  return byte >= 0xf1 && byte <= 0xf9 ? (byte - 0xf0) * 100 : LONGEST_SEPARATION_US;
}

/** What stands against a conversation with these settings; undefined when nothing does. */
export function isoTpProblem(address: IsoTpAddress, settings: IsoTpSettings): string | undefined {
  const { rxId, extended, rxByte, txId, txByte } = address;
  if (!isArbitrationId(rxId, extended)) return idProblem(rxId, extended);
  if (rxByte !== undefined && !isByte(rxByte)) return `address byte ${rxByte} is no byte`;
  if ((rxByte === undefined) !== (txByte === undefined)) return "an address byte on one side alone";
  if (rxId === txId && rxByte === txByte) return "both sides would send with the same id";
  return functionalProblem(address, settings);
}

/** What stands against a request to many with these settings; undefined when nothing does. */
export function functionalProblem(address: IsoTpFunctionalAddress, settings: IsoTpSettings): string | undefined {
  const { txId, extended, txByte } = address;
  const { fd, txDataBytes, padding, blockSize, maxPduBytes } = settings;
  if (!isArbitrationId(txId, extended)) return idProblem(txId, extended);
  if (txByte !== undefined && !isByte(txByte)) return `address byte ${txByte} is no byte`;
  if (!ISOTP_DATA_BYTES.includes(txDataBytes)) return `no frame has ${txDataBytes} data bytes`;
  if (!fd && txDataBytes !== 8) return `a classic frame has 8 data bytes, not ${txDataBytes}`;
  if (padding !== undefined && !isByte(padding)) return `padding ${padding} is no byte`;
  if (!isByte(blockSize)) return `block size ${blockSize} is not 0 to 255`;
  const fits = Number.isInteger(maxPduBytes) && maxPduBytes >= 1 && maxPduBytes <= ISOTP_LARGEST_PDU_BYTES;
  return fits ? undefined : `no PDU has ${maxPduBytes} bytes`;
}

/** A conversation for people: "7e0/7e8", with 29 bits "18da10f1/18daf110", with an address byte "7e0 f1/7e8 10". */
export function conversationText({ txId, rxId, extended, txByte, rxByte }: IsoTpAddress): string {
  return `${sideText(txId, extended, txByte)}/${sideText(rxId, extended, rxByte)}`;
}

/** One side of a conversation for people. */
export function sideText(id: number, extended: boolean, byte: number | undefined): string {
  const text = id.toString(16).padStart(extended ? 8 : 3, "0");
  return byte === undefined ? text : `${text} ${byte.toString(16).padStart(2, "0")}`;
}

function isByte(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xff;
}

function idProblem(id: number, extended: boolean): string {
  return `id 0x${id.toString(16)} does not fit into ${extended ? 29 : 11} bits`;
}
