import { inflate } from "../compress.ts";
import { malformed } from "../read/malformed-record.ts";
import { packedSamplesOf } from "./packed-samples.ts";
import { WireReader } from "./wire-reader.ts";
import { type SamplesPart, samplesOf } from "./wire-samples.ts";

/** Field numbers of config/proto/telemetry.proto. */
const RECORD = { thing: 1, epoch: 2, stream: 3, seq: 4, bootId: 5, anchor: 6, samples: 10, packedSamples: 41 } as const;
const ANCHOR = { monotonicUs: 1, wallUs: 2, suspendedUs: 4 } as const;

/** A record of samples, taken apart as far as thinning needs it. Byte arrays are views of its payload before compression. */
export type SamplesRecord = SamplesPart & {
  readonly thing: Uint8Array;
  readonly bootId: Uint8Array;
  readonly anchor: Uint8Array;
  /** The wall clock less the boottime, µs, when it was made. */
  readonly clockOffsetUs: number;
  /** Bytes of the payload before compression. */
  readonly bytes: number;
};

/** Takes a payload apart. Throws `input.malformed` where it is anything but one record of samples that was not thinned before and of which every field is known here. */
export function samplesRecordOf(payload: Uint8Array, maxBytes: number): SamplesRecord {
  const bytes = inflate(payload, maxBytes);
  const reader = new WireReader(bytes);
  const header = new Map<number, Uint8Array>();
  let samples: SamplesPart | undefined;
  while (reader.next()) {
    const { field } = reader;
    if (field === RECORD.epoch || field === RECORD.seq) reader.uint();
    else if (field === RECORD.samples && samples === undefined) samples = samplesOf(reader.content());
    else if (field === RECORD.packedSamples && samples === undefined) samples = packedSamplesOf(reader.content());
    else if (isHeader(field)) header.set(field, reader.content());
    else throw malformed(`the record has a field ${field}`);
  }
  const thing = header.get(RECORD.thing);
  const bootId = header.get(RECORD.bootId);
  const anchor = header.get(RECORD.anchor);
  if (samples === undefined || thing === undefined || bootId === undefined || anchor === undefined) {
    throw malformed("the record is not one of samples");
  }
  return { thing, bootId, anchor, clockOffsetUs: offsetOf(anchor), ...samples, bytes: bytes.length };
}

function isHeader(field: number): boolean {
  return field === RECORD.thing || field === RECORD.stream || field === RECORD.bootId || field === RECORD.anchor;
}

function offsetOf(anchor: Uint8Array): number {
  const reader = new WireReader(anchor);
  let offsetUs = 0;
  while (reader.next()) {
    if (reader.field === ANCHOR.wallUs) offsetUs += reader.sint();
    else if (reader.field === ANCHOR.monotonicUs) offsetUs -= reader.sint();
    else if (reader.field === ANCHOR.suspendedUs) offsetUs -= reader.uint();
    else reader.skip(reader.at);
  }
  return offsetUs;
}
