import { CLASSIC_MAX_DATA_BYTES } from "../../ports/frame.ts";
import { ISOTP_DATA_BYTES, type IsoTpSettings } from "../../ports/isotp.ts";
import { separationUsOf } from "../../ports/isotp-settings.ts";

/** Largest PDU whose length a first frame says in 12 bits (FF_DL). */
const SHORT_FIRST_BYTES = 0xfff;
/** What fills a CAN FD frame up where nobody chose a byte (ISO 15765-2:2016, 10.4.2.2; the kernel's CAN_ISOTP_DEFAULT_PAD_CONTENT). */
const DEFAULT_PADDING = 0xcc;

/** Status of a flow control (FS, ISO 15765-2:2016, table 18). */
const FLOW_STATUS = ["continue", "wait", "overflow"] as const;
export type FlowStatus = (typeof FLOW_STATUS)[number];

/** A single frame: `bytes` is the whole PDU. All `bytes` of parsed frames are views into what was parsed. */
type SingleFrame = { readonly kind: "single"; readonly bytes: Uint8Array };
/** A first frame: `length` bytes are announced, `bytes` are the first of them. */
type FirstFrame = { readonly kind: "first"; readonly length: number; readonly bytes: Uint8Array };
/** A consecutive frame: what follows, and padding if it is the last. `sequence` is 0..15. */
type ConsecutiveFrame = { readonly kind: "consecutive"; readonly sequence: number; readonly bytes: Uint8Array };
/** A flow control. "reserved" ends the transmission that it is meant for. */
type FlowControl = {
  readonly kind: "flow-control";
  readonly status: FlowStatus | "reserved";
  readonly blockSize: number;
  readonly separationUs: number;
};
/** A frame of ISO-TP, by its protocol control information (ISO 15765-2:2016, 9.6). */
export type IsoTpFrame = SingleFrame | FirstFrame | ConsecutiveFrame | FlowControl;

/**
 * The frame in `data` whose PCI stands at byte `at`: 1 behind an address byte, otherwise 0. Undefined for what is none: an unknown
 * PCI, a length that the frame does not have, a first frame for what a single frame holds.
 */
export function parseIsoTpFrame(data: Uint8Array, at: 0 | 1): IsoTpFrame | undefined {
  switch (data[at] >> 4) {
    case 0:
      return parseSingle(data, at);
    case 1:
      return parseFirst(data, at);
    case 2:
      if (data.length < at + 2) return undefined;
      return { kind: "consecutive", sequence: data[at] & 0x0f, bytes: data.subarray(at + 1) };
    case 3:
      return parseFlowControl(data, at);
    default:
      return undefined;
  }
}

function parseSingle(data: Uint8Array, at: number): SingleFrame | undefined {
  const isLong = data.length > CLASSIC_MAX_DATA_BYTES;
  // A long frame says its length in a byte of its own, behind a nibble of zero.
  if (isLong && (data[at] & 0x0f) !== 0) return undefined;
  const start = at + (isLong ? 2 : 1);
  const length = isLong ? data[at + 1] : data[at] & 0x0f;
  if (length === 0 || start + length > data.length) return undefined;
  return { kind: "single", bytes: data.subarray(start, start + length) };
}

function parseFirst(data: Uint8Array, at: number): FirstFrame | undefined {
  // It has the length of all the sender's frames: one that none can have says nothing about them.
  if (!ISOTP_DATA_BYTES.some((bytes) => bytes === data.length)) return undefined;
  const short = ((data[at] & 0x0f) << 8) | data[at + 1];
  const isLong = short === 0;
  const length = isLong ? new DataView(data.buffer, data.byteOffset + at + 2).getUint32(0) : short;
  if (length <= (isLong ? SHORT_FIRST_BYTES : singleCapacity(data.length, at))) return undefined;
  return { kind: "first", length, bytes: data.subarray(at + (isLong ? 6 : 2)) };
}

function parseFlowControl(data: Uint8Array, at: number): FlowControl | undefined {
  if (data.length < at + 3) return undefined;
  return {
    kind: "flow-control",
    status: FLOW_STATUS[data[at] & 0x0f] ?? "reserved",
    blockSize: data[at + 1],
    separationUs: separationUsOf(data[at + 2]),
  };
}

/** What the frames of one sender have in common. */
export type FrameLayout = {
  /** Before the PCI: extended and mixed addressing. */
  readonly addressByte: number | undefined;
  /** Data bytes of a full frame; over 8 it is CAN FD. */
  readonly dataBytes: number;
  /** As `IsoTpSettings.padding`. */
  readonly padding: number | undefined;
};

/** How a side sends that has these settings, and this byte before its PCI. */
export function layoutOf({ txDataBytes, padding }: IsoTpSettings, addressByte: number | undefined): FrameLayout {
  return { addressByte, dataBytes: txDataBytes, padding };
}

/** Most bytes of a PDU in a single frame of `frameBytes` data bytes, of which `at` stand before the PCI. */
export function singleCapacity(frameBytes: number, at: number): number {
  return frameBytes - at - (frameBytes > CLASSIC_MAX_DATA_BYTES ? 2 : 1);
}

/** The data bytes of a single frame with the whole PDU; undefined when it is too long for one. */
export function singleFrame(layout: FrameLayout, pdu: Uint8Array): Uint8Array | undefined {
  const at = layout.addressByte === undefined ? 0 : 1;
  if (pdu.length > singleCapacity(layout.dataBytes, at)) return undefined;
  // In up to 8 bytes the short form, so that CAN FD does not make the frame longer.
  const isShort = pdu.length <= singleCapacity(CLASSIC_MAX_DATA_BYTES, at);
  return frameData(layout, isShort ? [pdu.length] : [0, pdu.length], pdu);
}

/** The data bytes of the first frame of a PDU that is too long for a single frame, and how many bytes of the PDU they hold. */
export function firstFrame(
  layout: FrameLayout,
  pdu: Uint8Array,
): { readonly data: Uint8Array; readonly taken: number } {
  const { length } = pdu;
  const pci =
    length > SHORT_FIRST_BYTES
      ? [0x10, 0, length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff]
      : [0x10 | (length >> 8), length & 0xff];
  const taken = layout.dataBytes - pci.length - (layout.addressByte === undefined ? 0 : 1);
  return { data: frameData(layout, pci, pdu.subarray(0, taken)), taken };
}

/** Bytes of a PDU in each consecutive frame but the last. */
export function consecutiveCapacity({ addressByte, dataBytes }: FrameLayout): number {
  return dataBytes - (addressByte === undefined ? 1 : 2);
}

/** The data bytes of a consecutive frame with `bytes`; of `sequence` the low four bits count. */
export function consecutiveFrame(layout: FrameLayout, sequence: number, bytes: Uint8Array): Uint8Array {
  return frameData(layout, [0x20 | (sequence & 0x0f)], bytes);
}

/** The data bytes of a flow control; `separation` is an STmin (`separationByte`). */
export function flowControlFrame(
  layout: FrameLayout,
  status: FlowStatus,
  blockSize: number,
  separation: number,
): Uint8Array {
  return frameData(layout, [0x30 | FLOW_STATUS.indexOf(status), blockSize, separation], new Uint8Array());
}

function frameData({ addressByte, padding }: FrameLayout, pci: readonly number[], bytes: Uint8Array): Uint8Array {
  const at = addressByte === undefined ? 0 : 1;
  const used = at + pci.length + bytes.length;
  const data = new Uint8Array(paddedLength(used, padding !== undefined));
  if (addressByte !== undefined) data[0] = addressByte;
  data.set(pci, at);
  data.set(bytes, at + pci.length);
  return data.fill(padding ?? DEFAULT_PADDING, used);
}

function paddedLength(used: number, isPadded: boolean): number {
  if (used <= CLASSIC_MAX_DATA_BYTES && !isPadded) return used;
  return ISOTP_DATA_BYTES.find((bytes) => bytes >= used) ?? used;
}
