import protobuf from "protobufjs/light.js";
import "protobufjs/ext/descriptor.js";
import { z } from "zod";
import type { RecordedQuality } from "../../../core/clock.ts";
import { AgentError, messageOf } from "../../../core/errors.ts";
import type { CanFrame } from "../../../ports/frame.ts";
import type { LossRange, RecordId } from "../../../ports/outbox.ts";
import type { SignalEntry } from "../../../signals/signal-entry.ts";
import { inflate } from "../compress.ts";
import type { AuditEntry } from "../encode/audit.ts";
import type { BusEvent, Notice } from "../encode/events.ts";
import type { FilePart } from "../encode/file.ts";
import type { BusCount } from "../encode/samples.ts";
import type { UpdatePhase } from "../encode/update-phase.ts";
import { RECORD_CONVERSION, type WireRecord, wireRecord } from "./record-schema.ts";

/** Longest record that is read, bytes without compression. The agent is not configurable to write longer ones. */
const MAX_RECORD_BYTES = 4_194_304;

/** The samples of one signal in a record. */
export type RecordColumn = {
  /** Index in the signal table. */
  readonly signal: number;
  /** Source and destination address, of a signal with a PGN; undefined for any other. */
  readonly source?: number | undefined;
  readonly destination?: number | undefined;
  /** Receive times, µs since the Unix epoch, rounded to the record's time unit. */
  readonly timesUs: readonly number[];
  /**
   * Raw values, as many as times. An integer beyond 2^53 is a bigint; all are read as signed 64-bit, so that an unsigned signal of
   * 64 bits needs `BigInt.asUintN(64, ...)`.
   */
  readonly raws: readonly (number | bigint)[];
};

/** A signal as a table record describes it. Physical value = raw * factor + offset. */
export type RecordSignal = Omit<SignalEntry, "wide" | "pgn" | "source"> & { readonly pgn?: number | undefined };

/** What a record holds. */
export type RecordBody =
  | {
      readonly kind: "samples";
      /** Id of the signal table that the columns refer to. */
      readonly table: string;
      readonly timeUnitUs: number;
      readonly columns: readonly RecordColumn[];
      readonly buses: readonly BusCount[];
    }
  | {
      readonly kind: "table";
      readonly id: string;
      /** Signals of the whole table; this part may hold fewer. */
      readonly total: number;
      readonly signals: readonly RecordSignal[];
    }
  | ({ readonly kind: "loss" } & LossRange)
  | ({ readonly kind: "bus-event" } & BusEvent)
  | {
      readonly kind: "frames";
      /** Names the capture. */
      readonly capture: string;
      readonly bus: string;
      /** `flags` as `FRAME_FLAG` has them. */
      readonly frames: readonly CanFrame[];
    }
  | ({ readonly kind: "file" } & FilePart)
  | ({ readonly kind: "audit" } & AuditEntry)
  | ({ readonly kind: "update-phase" } & UpdatePhase)
  | ({
      readonly kind: "notice";
      /** µs since the Unix epoch. */
      readonly timeUs: number;
    } & Notice);

/** One record as a consumer sees it. */
export type DecodedRecord = RecordId & {
  readonly thing: string;
  readonly bootId: string;
  /** The moment the record was made, on both clocks, and how far the wall clock could be believed. */
  readonly anchor: { readonly monotonicUs: number; readonly wallUs: number; readonly quality: RecordedQuality };
  readonly body: RecordBody;
};

/** Reads payloads as received from the broker. */
export interface RecordReader {
  /** The record in `payload`, compressed or not (told by its first bytes). Throws `input.malformed`, and nothing else, for bytes that are no record. */
  decode(payload: Uint8Array): DecodedRecord;
}

/** A reader that goes by `descriptor`, the FileDescriptorSet that protoc makes of telemetry.proto. */
export function createRecordReader(descriptor: Uint8Array): RecordReader {
  const type = protobuf.Root.fromDescriptor(descriptor, { keepCase: true }).lookupType("causeway.v1.Record");
  return {
    decode: (payload) => {
      const bytes = inflate(payload, MAX_RECORD_BYTES);
      return recordOf(check(parse(type, bytes)));
    },
  };
}

function parse(type: protobuf.Type, bytes: Uint8Array): unknown {
  try {
    return type.toObject(type.decode(bytes), RECORD_CONVERSION);
  } catch (thrown) {
    throw malformed(`the ${bytes.length} bytes are not protobuf: ${messageOf(thrown)}`, thrown);
  }
}

function check(message: unknown): WireRecord {
  const parsed = wireRecord.safeParse(message);
  if (parsed.success) return parsed.data;
  throw malformed(`the payload is protobuf, but not a record: ${z.prettifyError(parsed.error)}`, parsed.error);
}

function malformed(what: string, cause?: unknown): AgentError {
  return new AgentError("input.malformed", {
    what,
    remedy: "Give the payload of one message from a record topic, byte for byte as the broker delivered it.",
    cause,
  });
}

function recordOf(wire: WireRecord): DecodedRecord {
  const { thing, epoch, stream, seq, anchor } = wire;
  return {
    thing,
    epoch,
    stream,
    seq,
    bootId: wire.boot_id,
    anchor: { monotonicUs: anchor.monotonic_us, wallUs: anchor.wall_us, quality: anchor.quality },
    body: bodyOf(wire),
  };
}

function bodyOf({
  samples,
  table,
  loss,
  bus_event: event,
  frames,
  file,
  audit,
  update_phase: phase,
  notice,
}: WireRecord): RecordBody {
  if (samples !== undefined) return samplesOf(samples);
  if (table !== undefined) {
    const signals = table.signals.map(({ arbitration_id: arbitrationId, is_signed: signed, ...rest }) => ({
      ...rest,
      arbitrationId,
      signed,
    }));
    return { kind: "table", id: table.id, total: table.total, signals };
  }
  if (loss !== undefined) return { kind: "loss", ...loss };
  if (event !== undefined) {
    const { state, detail, time_us: timeUs } = event;
    return { kind: "bus-event", count: busCountOf(event.count), state, detail, timeUs };
  }
  if (frames !== undefined) {
    return { kind: "frames", capture: frames.capture, bus: frames.bus, frames: framesOf(frames) };
  }
  if (file !== undefined) return { kind: "file", ...file, content: Uint8Array.from(file.content) };
  if (audit !== undefined) return { kind: "audit", ...audit };
  if (phase !== undefined) {
    const {
      version_from: versionFrom,
      version_to: versionTo,
      total_bytes: totalBytes,
      time_us: timeUs,
      ...rest
    } = phase;
    return { kind: "update-phase", ...rest, versionFrom, versionTo, totalBytes, timeUs };
  }
  if (notice !== undefined) {
    const { time_us: timeUs, ...rest } = notice;
    return { kind: "notice", ...rest, timeUs };
  }
  throw malformed("the record holds nothing that this version knows");
}

function framesOf(wire: NonNullable<WireRecord["frames"]>): readonly CanFrame[] {
  const { ids, flags, lengths, data } = wire;
  const times = timesOf(wire.deltas, wire.base_time_us, 1);
  const bytes = lengths.reduce((sum, length) => sum + length, 0);
  if ([ids, flags, lengths].some(({ length }) => length !== times.length) || bytes !== data.length) {
    throw malformed(`the columns of ${times.length} frames do not fit each other`);
  }
  let end = 0;
  return times.map((receivedAtUs, at) => {
    const start = end;
    end += lengths[at];
    return { id: ids[at], flags: flags[at], data: Uint8Array.from(data.subarray(start, end)), receivedAtUs };
  });
}

type WireSamples = NonNullable<WireRecord["samples"]>;
type WireColumn = WireSamples["columns"][number];

function samplesOf(wire: WireSamples): RecordBody {
  const axes = wire.axes.map(({ deltas }) => timesOf(deltas, wire.base_time_us, wire.time_unit_us));
  const columns = wire.columns.map((column) => columnOf(column, axes));
  return {
    kind: "samples",
    table: wire.table,
    timeUnitUs: wire.time_unit_us,
    columns,
    buses: wire.buses.map(busCountOf),
  };
}

function timesOf(deltas: readonly bigint[], baseUs: number, unitUs: number): number[] {
  let ticks = 0;
  return deltas.map((delta) => {
    ticks += Number(delta);
    const timeUs = baseUs + ticks * unitUs;
    if (!Number.isSafeInteger(timeUs)) throw malformed(`a time is ${timeUs} µs, beyond 2^53`);
    return timeUs;
  });
}

function columnOf(wire: WireColumn, axes: readonly (readonly number[])[]): RecordColumn {
  const timesUs = axes[wire.axis];
  if (timesUs === undefined) throw malformed(`signal ${wire.signal} refers to axis ${wire.axis} of ${axes.length}`);
  const used = [wire.raws, wire.floats, wire.doubles].filter((values) => values.length > 0);
  const raws = used.length > 1 ? [] : wire.raws.length > 0 ? sumsOf(wire.raws) : (used[0] ?? []);
  if (used.length > 1 || raws.length !== timesUs.length) {
    const values = used.reduce((sum, { length }) => sum + length, 0);
    throw malformed(
      `signal ${wire.signal} has ${values} values of ${used.length} kinds for the ${timesUs.length} times of axis ${wire.axis}`,
    );
  }
  const { signal, source, destination } = wire;
  return { signal, source, destination, timesUs, raws };
}

/** Running sums modulo 2^64; in float64 as long as both the sum and the step are exact there. */
function sumsOf(deltas: readonly bigint[]): (number | bigint)[] {
  let sum: number | bigint = 0;
  return deltas.map((delta) => {
    const step = Number(delta);
    const next: number = typeof sum === "number" ? sum + step : Number.NaN;
    const isExact = Number.isSafeInteger(step) && Number.isSafeInteger(next);
    sum = isExact ? next : plain(BigInt.asIntN(64, BigInt(sum) + delta));
    return sum;
  });
}

function plain(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

function busCountOf(wire: WireSamples["buses"][number]): BusCount {
  return { bus: wire.bus, received: wire.received, dropped: wire.dropped, errorFrames: wire.error_frames };
}
