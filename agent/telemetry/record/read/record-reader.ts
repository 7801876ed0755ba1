import protobuf from "protobufjs/light.js";
import "protobufjs/ext/descriptor.js";
import { z } from "zod";
import { messageOf } from "../../../core/errors.ts";
import { inflate, isJson } from "../compress.ts";
import type { DecodedRecord, RecordBody } from "./decoded-record.ts";
import { malformed } from "./malformed-record.ts";
import { packedSamplesOf } from "./packed-columns.ts";
import { campaignReportOf, histogramsOf, ofCampaign, rowsOf, triggerOf } from "./record-campaigns.ts";
import { clockChangeOf } from "./record-clock.ts";
import { codeReportOf, troubleCodeOf } from "./record-codes.ts";
import { busCountOf, framesOf, samplesOf } from "./record-columns.ts";
import { healthOf } from "./record-health.ts";
import { dataUsageOf, linkChangeOf, uploadedFileOf } from "./record-links.ts";
import { programBytesOf, programValuesOf } from "./record-programs.ts";
import { RECORD_CONVERSION, type WireRecord, wireRecord } from "./record-schema.ts";
import { securityEventOf } from "./record-security.ts";
import { tableOf } from "./record-table.ts";
import { tunnelEventOf } from "./record-tunnels.ts";
import { fenceEventOf, privacyChangeOf, tripOf, vehicleStateChangeOf, wakeOf } from "./record-vehicle.ts";

/** Longest record that is read, bytes without compression. The agent is not configurable to write longer ones. */
const MAX_RECORD_BYTES = 4_194_304;
/** Faults of a record that are told: it may have one in each of its columns. */
const TOLD_FAULTS = 4;

/** Reads payloads as received from the broker. */
export interface RecordReader {
  /** The record in `payload`, protobuf or JSON, compressed or not (told by its first bytes). Throws `input.malformed`, and nothing else, for bytes that are no record. */
  decode(payload: Uint8Array): DecodedRecord;
}

/** A reader that goes by `descriptor`, the FileDescriptorSet that protoc makes of telemetry.proto. */
export function createRecordReader(descriptor: Uint8Array): RecordReader {
  const type = protobuf.Root.fromDescriptor(descriptor, { keepCase: true }).lookupType("causeway.v1.Record");
  const inJson = protobuf.Root.fromDescriptor(descriptor).lookupType("causeway.v1.Record");
  return {
    decode: (payload) => {
      const bytes = inflate(payload, MAX_RECORD_BYTES);
      return recordOf(check(parse(type, isJson(bytes) ? fromJson(inJson, bytes) : bytes)));
    },
  };
}

/** A record in the JSON form of protobuf, whose names of fields `type` has, as protobuf. */
function fromJson(type: protobuf.Type, bytes: Uint8Array): Uint8Array {
  try {
    const document = z.record(z.string(), z.unknown()).parse(JSON.parse(new TextDecoder().decode(bytes)));
    return type.encode(type.fromObject(document)).finish();
  } catch (thrown) {
    throw malformed(`the ${bytes.length} bytes are not the JSON of a record: ${messageOf(thrown)}`, thrown);
  }
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
  const told = new z.ZodError(parsed.error.issues.slice(0, TOLD_FAULTS));
  throw malformed(`the payload is protobuf, but not a record: ${z.prettifyError(told)}`, told);
}

function recordOf(wire: WireRecord): DecodedRecord {
  const { thing, epoch, stream, seq, anchor } = wire;
  return {
    thing,
    epoch,
    stream,
    seq,
    bootId: wire.boot_id,
    anchor: {
      monotonicUs: anchor.monotonic_us,
      wallUs: anchor.wall_us,
      quality: anchor.quality,
      ...(anchor.suspended_us > 0 && { suspendedUs: anchor.suspended_us }),
    },
    thinned: thinnedOf(wire),
    body: bodyOf(wire),
  };
}

function thinnedOf({ thinned }: WireRecord): DecodedRecord["thinned"] {
  if (thinned === null) return undefined;
  let seq = 0n;
  const seqs = thinned.seqs.map((delta) => {
    seq += delta;
    return Number(seq);
  });
  if (!seqs.every(Number.isSafeInteger)) throw malformed("the seqs of the records that it stands for are beyond 2^53");
  return { ratio: thinned.ratio, seqs };
}

function lossOf(wire: NonNullable<WireRecord["loss"]>): RecordBody {
  const { thinning: ratio, kept_first: keptFirst, kept_last: keptLast, ...loss } = wire;
  const isThinned = loss.reason === "thinned";
  return { kind: "loss", ...loss, ...(isThinned && { thinned: { ratio, keptFirst, keptLast } }) };
}

function bodyOf({
  samples,
  packed_samples: packed,
  table,
  loss,
  bus_event: event,
  frames,
  file,
  trigger,
  rows,
  histograms,
  audit,
  update_phase: phase,
  notice,
  campaign_report: report,
  trouble_code: code,
  trouble_code_report: codes,
  clock_change: clock,
  vehicle_state_change: state,
  trip,
  wake,
  fence_event: fence,
  privacy_change: privacy,
  link_change: link,
  data_usage: usage,
  program_values: values,
  program_bytes: bytes,
  security_event: security,
  uploaded_file: uploaded,
  tunnel_event: tunnel,
  health,
}: WireRecord): RecordBody {
  if (samples !== undefined) return samplesOf(samples);
  if (packed !== undefined) return packedSamplesOf(packed);
  if (table !== undefined) return tableOf(table);
  if (loss !== undefined) return lossOf(loss);
  if (event !== undefined) {
    const { state, detail, time_us: timeUs } = event;
    return { kind: "bus-event", count: busCountOf(event.count), state, detail, timeUs };
  }
  if (frames !== undefined) {
    const { capture, bus } = frames;
    return { kind: "frames", capture, bus, frames: framesOf(frames), ...ofCampaign(frames) };
  }
  if (file !== undefined) return { kind: "file", ...file, content: Uint8Array.from(file.content) };
  if (trigger !== undefined) return triggerOf(trigger);
  if (rows !== undefined) return rowsOf(rows);
  if (histograms !== undefined) return histogramsOf(histograms);
  if (report !== undefined) return campaignReportOf(report);
  if (code !== undefined) return troubleCodeOf(code);
  if (codes !== undefined) return codeReportOf(codes);
  if (clock !== undefined) return clockChangeOf(clock);
  if (state !== undefined) return vehicleStateChangeOf(state);
  if (trip !== undefined) return tripOf(trip);
  if (wake !== undefined) return wakeOf(wake);
  if (fence !== undefined) return fenceEventOf(fence);
  if (privacy !== undefined) return privacyChangeOf(privacy);
  if (link !== undefined) return linkChangeOf(link);
  if (usage !== undefined) return dataUsageOf(usage);
  if (health !== undefined) return healthOf(health);
  if (values !== undefined) return programValuesOf(values);
  if (bytes !== undefined) return programBytesOf(bytes);
  if (security !== undefined) return securityEventOf(security);
  if (uploaded !== undefined) return uploadedFileOf(uploaded);
  if (tunnel !== undefined) return tunnelEventOf(tunnel);
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
