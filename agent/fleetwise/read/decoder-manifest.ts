import { z } from "zod";
import { isArbitrationId, largestId } from "../../ports/arbitration-id.ts";
import type { ByteOrder, SignalLayout } from "../../signals/dbc/model.ts";
import type { SignalKind } from "../../signals/signal-entry.ts";
import { problemOf, type Read, type Refusal, shownId, signalId, syncId } from "./document.ts";
import { dbcStartBitOf } from "./start-bit.ts";

/** Data bits of the longest frame (CAN FD). */
const MAX_FRAME_BITS = 512;
/** Of `message_id`: the id has 29 bits. FWE compares it with what SocketCAN delivers, in which that bit is the flag. */
const EXTENDED_FLAG = 0x8000_0000;
/** Data bytes of the longest PID that a layout can reach. */
const MAX_PID_BYTES = 62;
/** Bytes of an answer of OBD-II before the data of its PID, and the service of live data. */
const OBD_HEAD_BYTES = 2;
const CURRENT_DATA = 1;
/** Of `signal_value_type`. */
const FLOATING_POINT = 1;

/** Types of physical values, in the order of their numbers on the wire; NULL (0) is a double there. */
export const PRIMITIVE_TYPES = [
  "double",
  "bool",
  "uint8",
  "uint16",
  "uint32",
  "uint64",
  "int8",
  "int16",
  "int32",
  "int64",
  "float",
  "double",
  "string",
] as const;
export type PrimitiveType = (typeof PRIMITIVE_TYPES)[number];

/** A signal on a CAN bus as a manifest describes it, checked. Its layout is numbered as in DBC files. */
export type ManifestSignal = SignalLayout & {
  /** 1..2^31 - 1 */
  readonly id: number;
  /** The name of the bus in the manifest, which is not ours. */
  readonly interfaceId: string;
  /** "pdus": it is in answers of OBD-II (`41 PID data`), and `arbitrationId` is the PID. Absent: in frames. */
  readonly carriage?: "pdus";
  readonly arbitrationId: number;
  /** 29 bits: the manifest says so by the top bit of the id, or by an id that needs more than 11. */
  readonly extended: boolean;
  readonly kind: SignalKind;
  readonly signed: boolean;
  readonly factor: number;
  readonly offset: number;
  /** What its physical value is held in. */
  readonly type: PrimitiveType;
};

/** How the signals of a vehicle are decoded, as far as this one can. */
export type DecoderManifest = {
  readonly syncId: string;
  readonly signals: readonly ManifestSignal[];
  readonly refused: readonly Refusal[];
};

const finite = z.number("must be a finite number");

const canSignal = z.object({
  signal_id: signalId,
  interface_id: z.string().min(1, "is empty").max(256),
  message_id: z.int(),
  is_big_endian: z.boolean(),
  is_signed: z.boolean(),
  start_bit: z.int().max(MAX_FRAME_BITS - 1),
  offset: finite,
  factor: finite.refine((factor) => factor !== 0, "is 0, which makes every value the offset"),
  length: z.int().min(1).max(64),
  primitive_type: z.int().max(PRIMITIVE_TYPES.length - 1, "is not known"),
  signal_value_type: z.int().max(FLOATING_POINT, "is not known"),
});
type CanSignal = z.infer<typeof canSignal>;

const obdSignal = z.object({
  signal_id: signalId,
  interface_id: z.string().min(1, "is empty").max(256),
  pid_response_length: z.int().min(1).max(MAX_PID_BYTES),
  service_mode: z.int(),
  pid: z.int().min(1).max(255),
  scaling: finite.refine((factor) => factor !== 0, "is 0, which makes every value the offset"),
  offset: finite,
  start_byte: z.int().min(0).max(MAX_PID_BYTES),
  byte_length: z.int().min(1).max(8),
  bit_right_shift: z.int().min(0).max(7),
  bit_mask_length: z.int().min(1).max(8),
  primitive_type: z.int().max(PRIMITIVE_TYPES.length - 1, "is not known"),
  signal_value_type: z.int().max(FLOATING_POINT, "is not known"),
  is_signed: z.boolean(),
});
type ObdSignal = z.infer<typeof obdSignal>;

const identified = z.object({ signal_id: z.int() });
const manifest = z.object({
  sync_id: syncId,
  can_signals: z.array(z.unknown()),
  obd_pid_signals: z.array(z.unknown()),
  complex_signals: z.array(identified),
  custom_decoding_signals: z.array(identified),
});

/** Why signals that come neither in frames nor in answers of OBD-II are left out. */
const REFUSED = [
  ["complex_signals", "is of a complex type, which no bus of this agent has"],
  ["custom_decoding_signals", "has a decoder of its own kind, which this agent does not have"],
] as const;

/** Reads a DecoderManifest that protobuf has decoded. */
export function readManifest(message: unknown): Read<DecoderManifest> {
  const parsed = manifest.safeParse(message);
  if (!parsed.success) return { kind: "unreadable", problem: problemOf(parsed.error) };
  const signals = new Map<number, ManifestSignal>();
  const refused: Refusal[] = [];
  const { can_signals, obd_pid_signals } = parsed.data;
  for (const { id, signal, problem } of [...can_signals.map(readSignal), ...obd_pid_signals.map(readObdSignal)]) {
    if (signal === undefined) refused.push({ entry: `signal ${id}`, problem });
    else if (signals.has(signal.id)) refused.push({ entry: `signal ${id}`, problem: "is there twice" });
    else signals.set(signal.id, signal);
  }
  for (const [field, problem] of REFUSED) {
    refused.push(...parsed.data[field].map(({ signal_id }) => ({ entry: `signal ${signal_id}`, problem })));
  }
  return { kind: "read", document: { syncId: parsed.data.sync_id, signals: [...signals.values()], refused } };
}

type SignalReading =
  | { readonly id: string; readonly signal: ManifestSignal; readonly problem: undefined }
  | { readonly id: string; readonly signal: undefined; readonly problem: string };

function readSignal(entry: unknown): SignalReading {
  const parsed = canSignal.safeParse(entry);
  const id = shownId(identified.safeParse(entry).data?.signal_id);
  if (!parsed.success) return { id, signal: undefined, problem: problemOf(parsed.error) };
  const { data } = parsed;
  const problem = problemIn(data);
  if (problem !== undefined) return { id, signal: undefined, problem };
  const signal = {
    ...layoutOf(data),
    ...identityOf(data.message_id),
    id: data.signal_id,
    interfaceId: data.interface_id,
    kind: kindOf(data.signal_value_type, data.length),
    signed: data.is_signed,
    factor: data.factor,
    offset: data.offset,
    type: PRIMITIVE_TYPES[data.primitive_type],
  };
  return { id, signal, problem: undefined };
}

function readObdSignal(entry: unknown): SignalReading {
  const parsed = obdSignal.safeParse(entry);
  const id = shownId(identified.safeParse(entry).data?.signal_id);
  if (!parsed.success) return { id, signal: undefined, problem: problemOf(parsed.error) };
  const { data } = parsed;
  const layout = obdLayoutOf(data);
  const problem = obdProblemIn(data, layout.bits);
  if (problem !== undefined) return { id, signal: undefined, problem };
  const signal = {
    ...layout,
    id: data.signal_id,
    interfaceId: data.interface_id,
    carriage: "pdus" as const,
    arbitrationId: data.pid,
    extended: false,
    kind: kindOf(data.signal_value_type, layout.bits),
    signed: data.is_signed,
    factor: data.scaling,
    offset: data.offset,
    type: PRIMITIVE_TYPES[data.primitive_type],
  };
  return { id, signal, problem: undefined };
}

/**
 * Bits of a value in `41 PID data`. As FWE reads them (OBDDataDecoder.cpp, calculateValueFromFormula): of less than a byte, shifted and
 * masked; else whole bytes, most significant first, whatever the shift.
 */
function obdLayoutOf({ start_byte, byte_length, bit_right_shift, bit_mask_length }: ObdSignal): SignalLayout {
  const bits = (byte_length - 1) * 8 + bit_mask_length;
  const firstBit = (OBD_HEAD_BYTES + start_byte) * 8;
  if (bits < 8) return { startBit: firstBit + bit_right_shift + bits - 1, bits, byteOrder: "big" };
  return { startBit: firstBit + 7, bits: bits - (bits % 8), byteOrder: "big" };
}

function obdProblemIn(data: ObdSignal, bits: number): string | undefined {
  if (data.service_mode !== CURRENT_DATA)
    return `service_mode: ${data.service_mode} is not polled, only ${CURRENT_DATA}`;
  if (data.start_byte + data.byte_length > data.pid_response_length) {
    return `start_byte: ${data.start_byte} with ${data.byte_length} bytes is past pid_response_length ${data.pid_response_length}`;
  }
  if (bits < 8 && data.bit_right_shift + bits > 8) {
    return `bit_right_shift: ${data.bit_right_shift} with ${bits} bits does not fit into a byte`;
  }
  if (data.signal_value_type === FLOATING_POINT && bits !== 32 && bits !== 64) {
    return `byte_length: a floating point value has 32 or 64 bits, not ${bits}`;
  }
  return PRIMITIVE_TYPES[data.primitive_type] === "string" ? "primitive_type: no PID is a string" : undefined;
}

/** What does not fit together in a signal whose fields are right one by one. */
function problemIn(data: CanSignal): string | undefined {
  const { arbitrationId, extended } = identityOf(data.message_id);
  if (!isArbitrationId(arbitrationId, extended)) {
    return `message_id: 0x${data.message_id.toString(16)} is not an id of 11 or 29 bits`;
  }
  const { startBit, bits, byteOrder } = layoutOf(data);
  const isPast = byteOrder === "little" ? startBit + bits > MAX_FRAME_BITS : startBit < 0;
  if (isPast) return `start_bit: ${data.start_bit} with ${bits} bits does not fit into a frame`;
  if (data.signal_value_type === FLOATING_POINT && bits !== 32 && bits !== 64) {
    return `length: a floating point value has 32 or 64 bits, not ${bits}`;
  }
  return PRIMITIVE_TYPES[data.primitive_type] === "string" ? "primitive_type: no CAN signal is a string" : undefined;
}

function identityOf(messageId: number): Pick<ManifestSignal, "arbitrationId" | "extended"> {
  if (messageId >= EXTENDED_FLAG) return { arbitrationId: messageId - EXTENDED_FLAG, extended: true };
  return { arbitrationId: messageId, extended: messageId > largestId(false) };
}

function layoutOf({ start_bit, length, is_big_endian }: CanSignal): SignalLayout {
  const byteOrder: ByteOrder = is_big_endian ? "big" : "little";
  return { startBit: dbcStartBitOf(start_bit, length, byteOrder), bits: length, byteOrder };
}

function kindOf(valueType: number, bits: number): SignalKind {
  if (valueType !== FLOATING_POINT) return "integer";
  return bits === 32 ? "float" : "double";
}
