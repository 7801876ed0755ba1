import { AgentError } from "../../../core/errors.ts";
import type { RecordId, ThinnableRecord, ThinRecords } from "../../../ports/outbox.ts";
import { compress, encodingOf } from "../compress.ts";
import { PACKED } from "../encode/packed-layout.ts";
import { ProtobufWriter } from "../encode/protobuf-writer.ts";
import { type SamplesRecord, samplesRecordOf } from "./samples-record.ts";
import { ThinnedColumns } from "./thinned-columns.ts";

/** Field numbers of config/proto/telemetry.proto. */
const RECORD = { thing: 1, epoch: 2, stream: 3, seq: 4, bootId: 5, anchor: 6, thinned: 7, packedSamples: 41 } as const;
const THINNED = { ratio: 1, seqs: 2 } as const;

/** Longest record that is taken apart, and all of one call together, bytes before compression. */
const MAX_RECORD_BYTES = 4_194_304;
const MAX_TOGETHER_BYTES = 8_388_608;
/** One anchor is left to correct all times by, so the wall clock must not have stepped between it and the others. */
const MAX_CLOCK_STEP_US = 5000;

/** A record that can be read, and where it was among those given. */
type Source = { readonly at: number; readonly seq: number; readonly record: SamplesRecord };

/**
 * Makes one record out of many, with every N-th sample of each of their columns.
 *
 * They are put together only where nothing differs but times, values and counters: table, campaign, trigger and boot are the same. What
 * cannot be read whole is left as it is. The same records give the same bytes, at most `maxPayloadBytes` before compression.
 */
export function recordThinner(maxPayloadBytes: number): ThinRecords {
  return (records, ratio, id) => {
    const unfit: number[] = [];
    let sources = sourcesOf(records, unfit);
    while (sources.length > 0) {
      const columns = new ThinnedColumns(ratio, sources[0].record);
      const broken = sources.find(({ record }) => !isTaken(columns, record));
      if (broken !== undefined) {
        unfit.push(broken.at);
        sources = sources.filter((source) => source !== broken);
        if (sources.length === 0) sources = sourcesOf(records, unfit);
        continue;
      }
      const bytes = write(sources, columns, ratio, id);
      if (bytes.length <= maxPayloadBytes) {
        const payload = compress(bytes, encodingOf(records[sources[0].at].payload));
        return { taken: sources.map(({ at }) => at), unfit, payload };
      }
      if (sources.length === 1) unfit.push(sources[0].at);
      sources = sources.slice(0, Math.floor(sources.length / 2));
    }
    return { taken: [], unfit, payload: new Uint8Array(0) };
  };
}

/** Those that go together with the first that can be read and is not `unfit`, which gets those that cannot. */
function sourcesOf(records: readonly ThinnableRecord[], unfit: number[]): readonly Source[] {
  const sources: Source[] = [];
  let bytes = 0;
  for (const [at, { seq, payload }] of records.entries()) {
    if (unfit.includes(at)) continue;
    const record = attempt(() => samplesRecordOf(payload, MAX_RECORD_BYTES));
    if (record === undefined) unfit.push(at);
    else if (sources.length === 0 || goesWith(sources[0].record, record)) {
      bytes += record.bytes;
      if (sources.length > 0 && bytes > MAX_TOGETHER_BYTES) break;
      sources.push({ at, seq, record });
    }
  }
  return sources;
}

function goesWith(first: SamplesRecord, other: SamplesRecord): boolean {
  return (
    first.timeUnitUs === other.timeUnitUs &&
    (other.baseTimeUs - first.baseTimeUs) % first.timeUnitUs === 0 &&
    Math.abs(other.clockOffsetUs - first.clockOffsetUs) <= MAX_CLOCK_STEP_US &&
    areEqual(first.thing, other.thing) &&
    areEqual(first.bootId, other.bootId) &&
    first.others.length === other.others.length &&
    first.others.every((field, at) => areEqual(field, other.others[at]))
  );
}

function areEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && Buffer.compare(one, other) === 0;
}

function isTaken(columns: ThinnedColumns, record: SamplesRecord): boolean {
  return (
    attempt(() => {
      columns.take(record);
      return true;
    }) ?? false
  );
}

/** The header of the first with the new id; the counters of the buses are those of the last. */
function write(sources: readonly Source[], columns: ThinnedColumns, ratio: number, id: RecordId): Uint8Array {
  const writer = new ProtobufWriter();
  const first = sources[0].record;
  writer.bytesField(RECORD.thing, first.thing);
  writer.uintField(RECORD.epoch, id.epoch);
  writer.stringField(RECORD.stream, id.stream);
  writer.uintField(RECORD.seq, id.seq);
  writer.bytesField(RECORD.bootId, first.bootId);
  writer.bytesField(RECORD.anchor, first.anchor);
  writer.begin(RECORD.thinned, sources.length + 8);
  writer.uintField(THINNED.ratio, ratio);
  writer.begin(THINNED.seqs, sources.length + 4);
  for (const [at, { seq }] of sources.entries()) writer.uint64(seq - (sources[at - 1]?.seq ?? 0));
  writer.end();
  writer.end();
  writer.begin(RECORD.packedSamples, first.bytes);
  writer.sintField(PACKED.baseTimeUs, first.baseTimeUs);
  writer.uintField(PACKED.timeUnitUs, first.timeUnitUs);
  for (const field of first.others) writer.append(field);
  columns.write(writer);
  for (const field of sources.at(-1)?.record.buses ?? []) writer.append(field);
  writer.end();
  return writer.finish();
}

/** What `read` gives; undefined where what it reads is malformed. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof AgentError && thrown.code === "input.malformed") return undefined;
    throw thrown;
  }
}
