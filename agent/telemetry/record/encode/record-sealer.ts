import type { AgentConfig } from "../../../../config/schema.ts";
import { type Clock, RECORDED_QUALITIES, recordedQuality } from "../../../core/clock.ts";
import type { Encoding, KeptValue, RecordDraft, RecordId, StreamName } from "../../../ports/outbox.ts";
import { compress } from "../compress.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto: what each record begins with. */
const HEADER = { thing: 1, epoch: 2, stream: 3, seq: 4, bootId: 5, anchor: 6 } as const;
const ANCHOR = { monotonicUs: 1, wallUs: 2, quality: 3 } as const;

const ENCODINGS: Readonly<Record<AgentConfig["encode"]["compression"], Encoding>> = {
  none: "identity",
  gzip: "gzip",
  zstd: "zstd",
};

/** No record has an id longer than this one, so a header made with it is the longest. */
const LONGEST_ID: RecordId = { epoch: Number.MAX_SAFE_INTEGER, stream: "telemetry", seq: Number.MAX_SAFE_INTEGER };

/** Who the records are of, and how they are sealed. */
export type RecordSealerParts = {
  readonly thing: string;
  /** Kernel boot id, 32 hexadecimal digits. */
  readonly bootId: string;
  readonly clock: Clock;
  readonly compression: AgentConfig["encode"]["compression"];
  /** Life of the records of each stream, ms; absent lives until delivered or evicted. */
  readonly lifeMs: AgentConfig["outbox"]["lifeMs"];
};

/** A draft and what it holds, for those who must count. */
export type EncodedDraft = RecordDraft & {
  /** Samples in it; 0 for a record of another kind. */
  readonly samples: number;
  /** Bytes of memory that it keeps: its payload before compression, but for the header. */
  readonly bodyBytes: number;
  /** Kept values that must change in the transaction that stores it, however it is stored; absent where none must. */
  readonly kept?: readonly KeptValue[];
};

/** Makes a draft of an encoded body: the header of the record, with the anchor of the moment the draft is made, and its compression. */
export class RecordSealer {
  /** Longest header, bytes. */
  readonly headerBytes: number;
  readonly #parts: RecordSealerParts;
  readonly #encoding: Encoding;
  readonly #header = new ProtobufWriter();

  constructor(parts: RecordSealerParts) {
    this.#parts = parts;
    this.#encoding = ENCODINGS[parts.compression];
    this.headerBytes = this.#longestHeaderBytes();
  }

  draft(stream: StreamName, body: Uint8Array, samples = 0): EncodedDraft {
    const { clock, lifeMs } = this.#parts;
    const quality = recordedQuality(clock.quality());
    const monotonicUs = Math.round(clock.monotonicMs() * 1000);
    const wallUs = clock.wallUs();
    return {
      stream,
      encoding: this.#encoding,
      timeQuality: quality,
      lifeMs: lifeMs[stream],
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
    writer.stringField(HEADER.thing, this.#parts.thing);
    writer.uintField(HEADER.epoch, id.epoch);
    writer.stringField(HEADER.stream, id.stream);
    writer.uintField(HEADER.seq, id.seq);
    writer.stringField(HEADER.bootId, this.#parts.bootId);
    writer.begin(HEADER.anchor, 24);
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
