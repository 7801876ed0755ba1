import type { AgentConfig } from "../../../config/schema.ts";
import { type Clock, RECORDED_QUALITIES, recordedQuality } from "../../core/clock.ts";
import type { Encoding, LossRange, RecordDraft, RecordId, StreamName } from "../../ports/outbox.ts";
import type { SignalTable } from "../../signals/signal-table.ts";
import type { SampleLog } from "../collect/sample-log.ts";
import { compress } from "./compress.ts";
import { type AuditEntry, writeAudit } from "./encode-audit.ts";
import { type BusEvent, type Notice, writeBusEvent, writeLoss, writeNotice } from "./encode-events.ts";
import { type OutgoingFile, partsOf, writeFilePart } from "./encode-file.ts";
import type { FrameLog } from "./encode-frames.ts";
import { type BusCount, SamplesWriter } from "./encode-samples.ts";
import { encodeTable } from "./encode-table.ts";
import { type UpdatePhase, writeUpdatePhase } from "./encode-update.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto. */
const RECORD = {
  thing: 1,
  epoch: 2,
  stream: 3,
  seq: 4,
  bootId: 5,
  anchor: 6,
  samples: 10,
  table: 11,
  loss: 12,
  busEvent: 13,
  frames: 14,
  file: 15,
  audit: 20,
  updatePhase: 21,
  notice: 22,
} as const;
const ANCHOR = { monotonicUs: 1, wallUs: 2, quality: 3 } as const;

const ENCODINGS: Readonly<Record<AgentConfig["encode"]["compression"], Encoding>> = {
  none: "identity",
  gzip: "gzip",
  zstd: "zstd",
};

/** No record has an id longer than this one, so a header made with it is the longest. */
const LONGEST_ID: RecordId = { epoch: Number.MAX_SAFE_INTEGER, stream: "telemetry", seq: Number.MAX_SAFE_INTEGER };

/** Aims this far below the limit, since the size of the next samples is an estimate. */
const SAFETY = 0.95;

/** What an encoder is made of. */
export type EncoderParts = {
  /** Instead of the one of `settings`, asked for each record: what the broker takes may be less. */
  readonly maxPayloadBytes?: () => number;
  readonly thing: string;
  /** Kernel boot id, 32 hexadecimal digits. */
  readonly bootId: string;
  readonly table: SignalTable;
  readonly clock: Clock;
  readonly settings: AgentConfig["encode"] & {
    /** Times are rounded to this, µs. */
    readonly timeResolutionUs: number;
    /** Life of the records of each stream, ms; absent lives until delivered or evicted. */
    readonly lifeMs: AgentConfig["outbox"]["lifeMs"];
  };
};

/** A draft and what it holds, for those who must count. */
export type EncodedDraft = RecordDraft & {
  /** Samples in it; 0 for a record of another kind. */
  readonly samples: number;
  /** Bytes of memory that it keeps: its payload before compression, but for the header. */
  readonly bodyBytes: number;
};

/**
 * Makes record drafts (config/proto/telemetry.proto). A draft is encoded when it is made, with the anchor of that moment; `seal`
 * only adds the id and compresses, gives the same bytes for the same id, and may be called again when a transaction failed.
 *
 * No payload is longer than `maxPayloadBytes` before compression.
 */
export class Encoder {
  readonly #parts: EncoderParts;
  readonly #encoding: Encoding;
  readonly #headerBytes: number;
  readonly #body = new ProtobufWriter();
  readonly #header = new ProtobufWriter();
  readonly #samples: SamplesWriter;
  /** Learned whenever the limit cuts a batch; 0 before. Small batches say nothing of it: their fixed part weighs too much. */
  #bytesPerSample = 0;

  constructor(parts: EncoderParts) {
    this.#parts = parts;
    this.#encoding = ENCODINGS[parts.settings.compression];
    this.#samples = new SamplesWriter(this.#body, parts.table, parts.settings.timeResolutionUs);
    this.#headerBytes = this.#longestHeaderBytes();
  }

  /**
   * All samples of `log`, in as many records as the limit asks for. Records are cut between frames; only a frame that is too long
   * by itself is cut inside. Each carries `buses`.
   */
  samples(log: SampleLog, buses: readonly BusCount[]): EncodedDraft[] {
    const drafts: EncodedDraft[] = [];
    let most = this.#samplesThatFit();
    for (let from = 0; from < log.count; ) {
      const to = cutAt(log, from, most);
      this.#body.reset();
      this.#samples.write(RECORD.samples, log, from, to, buses);
      const isTooLong = this.#body.length > this.maxBodyBytes;
      if (isTooLong || to < log.count) this.#bytesPerSample = this.#body.length / (to - from);
      most = this.#samplesThatFit();
      if (isTooLong && to - from > 1) {
        most = Math.min(most, to - from - 1);
      } else {
        drafts.push(this.#draft("telemetry", this.#body.finish(), to - from));
        from = to;
      }
    }
    return drafts;
  }

  /** The signal table, for the schema topic: `retainKey` is its id, a dot and the number of the part from 0. It never expires. */
  table(): EncodedDraft[] {
    const { table } = this.#parts;
    return encodeTable(table, RECORD.table, this.maxBodyBytes).map((body, part) => ({
      ...this.#draft("event", body, 0),
      lifeMs: undefined,
      retainKey: `${table.id}.${part}`,
    }));
  }

  /** Says that records will not be delivered. */
  loss(loss: LossRange): EncodedDraft {
    this.#body.reset();
    writeLoss(this.#body, RECORD.loss, loss);
    return this.#draft("event", this.#body.finish(), 0);
  }

  /** Says that a bus changed its state. */
  busEvent(event: BusEvent): EncodedDraft {
    this.#body.reset();
    writeBusEvent(this.#body, RECORD.busEvent, event);
    return this.#draft("event", this.#body.finish(), 0);
  }

  /** Says what a person must know of the agent itself. */
  notice(notice: Notice): EncodedDraft {
    this.#body.reset();
    writeNotice(this.#body, RECORD.notice, notice, this.#parts.clock.wallUs());
    return this.#draft("event", this.#body.finish(), 0);
  }

  /** An entry of the audit trail. */
  audit(entry: AuditEntry): EncodedDraft {
    this.#body.reset();
    writeAudit(this.#body, RECORD.audit, entry);
    return this.#draft("control", this.#body.finish(), 0);
  }

  /** Says that an update has entered another phase. */
  updatePhase(phase: UpdatePhase): EncodedDraft {
    this.#body.reset();
    writeUpdatePhase(this.#body, RECORD.updatePhase, phase);
    return this.#draft("control", this.#body.finish(), 0);
  }

  /** Bytes that a record has for its content; what is longer must be cut. */
  get maxBodyBytes(): number {
    return (this.#parts.maxPayloadBytes?.() ?? this.#parts.settings.maxPayloadBytes) - this.#headerBytes;
  }

  /** Frames of a capture. */
  frames(log: FrameLog): EncodedDraft {
    this.#body.reset();
    log.write(this.#body, RECORD.frames);
    return this.#draft("capture", this.#body.finish(), 0);
  }

  /** A file, in as many records as the limit asks for. */
  file(file: OutgoingFile): EncodedDraft[] {
    return partsOf(file, this.maxBodyBytes).map((part) => {
      this.#body.reset();
      writeFilePart(this.#body, RECORD.file, part);
      return this.#draft("event", this.#body.finish(), 0);
    });
  }

  #samplesThatFit(): number {
    if (this.#bytesPerSample === 0) return Number.POSITIVE_INFINITY;
    return Math.max(1, Math.floor((this.maxBodyBytes * SAFETY) / this.#bytesPerSample));
  }

  #draft(stream: StreamName, body: Uint8Array, samples: number): EncodedDraft {
    const { clock, settings } = this.#parts;
    const quality = recordedQuality(clock.quality());
    const monotonicUs = Math.round(clock.monotonicMs() * 1000);
    const wallUs = clock.wallUs();
    return {
      stream,
      encoding: this.#encoding,
      timeQuality: quality,
      lifeMs: settings.lifeMs[stream],
      retainKey: undefined,
      samples,
      bodyBytes: body.length,
      seal: (id) => {
        this.#writeHeader(id, monotonicUs, wallUs, RECORDED_QUALITIES.indexOf(quality));
        this.#header.append(body);
        return compress(this.#header.finish(), this.#encoding);
      },
    };
  }

  #writeHeader(id: RecordId, monotonicUs: number, wallUs: number, quality: number): void {
    const writer = this.#header;
    writer.reset();
    writer.stringField(RECORD.thing, this.#parts.thing);
    writer.uintField(RECORD.epoch, id.epoch);
    writer.stringField(RECORD.stream, id.stream);
    writer.uintField(RECORD.seq, id.seq);
    writer.stringField(RECORD.bootId, this.#parts.bootId);
    writer.begin(RECORD.anchor, 24);
    writer.sintField(ANCHOR.monotonicUs, monotonicUs);
    writer.sintField(ANCHOR.wallUs, wallUs);
    writer.uintField(ANCHOR.quality, quality);
    writer.end();
  }

  #longestHeaderBytes(): number {
    const most = 2 ** 52;
    this.#writeHeader(LONGEST_ID, most, most, RECORDED_QUALITIES.length);
    return this.#header.length;
  }
}

/** End of a run of at most `most` samples from `from`: before the last frame that would not fit whole. */
function cutAt(log: SampleLog, from: number, most: number): number {
  const target = from + most;
  if (target >= log.count) return log.count;
  for (let at = target; at > from; at--) {
    if (log.opens[at] === 1) return at;
  }
  return target;
}
