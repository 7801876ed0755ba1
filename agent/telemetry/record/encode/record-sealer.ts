import type { AgentConfig } from "../../../../config/schema.ts";
import { type Clock, recordedQuality } from "../../../core/clock.ts";
import type { Encoding, KeptValue, RecordDraft, RecordId, StreamName } from "../../../ports/outbox.ts";
import { type Moment, momentOf, type StampClock } from "../../stamp-clock.ts";
import { compress } from "../compress.ts";
import { QUALITY_NUMBERS } from "./clock-change.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto: what each record begins with. */
const HEADER = { thing: 1, epoch: 2, stream: 3, seq: 4, bootId: 5, anchor: 6 } as const;
const ANCHOR = { monotonicUs: 1, wallUs: 2, quality: 3, suspendedUs: 4 } as const;

type Compression = AgentConfig["encode"]["compression"];
const ENCODINGS: Readonly<Record<Compression, Encoding>> = { none: "identity", gzip: "gzip", zstd: "zstd" };

/** No record has an id longer than this one, so a header made with it is the longest. */
export const LONGEST_ID: RecordId = {
  epoch: Number.MAX_SAFE_INTEGER,
  stream: "telemetry",
  seq: Number.MAX_SAFE_INTEGER,
};
const LONGEST_TIME_US = 2 ** 52;

/** Encrypts payloads once they are compressed. */
export interface PayloadEncrypter {
  /** Whether records of `stream`, or the signal tables among them, are encrypted. */
  covers(stream: StreamName, isTable: boolean): boolean;
  /** The encrypted payload of the record `id`: other bytes each time, with the same content. Must be synchronous. */
  encrypt(id: RecordId, payload: Uint8Array): Uint8Array;
  /** By how much a payload of so many bytes grows at most. */
  overheadBytes(payloadBytes: number): number;
  /** Tells what a campaign that sends so does not get from encrypted records. */
  meet(lane: EncryptedLane): void;
}

/** What a campaign wants of its records. */
export type EncryptedLane = {
  /** Undefined for what the rules of the configuration ask for. */
  readonly campaign: string | undefined;
  readonly stream: StreamName;
  readonly form: "columns" | "rows" | "json";
  readonly thin: number | undefined;
};

/** Who the records are of, and how they are sealed. */
export type RecordSealerParts = {
  readonly thing: string;
  /** Kernel boot id, 32 hexadecimal digits. */
  readonly bootId: string;
  readonly clock: Clock;
  /** That of frames and samples. */
  readonly stamps: StampClock;
  readonly compression: Compression;
  /** Life of the records of each stream, ms; absent lives until delivered or evicted. */
  readonly lifeMs: AgentConfig["outbox"]["lifeMs"];
  /** Absent: nothing is encrypted. */
  readonly encrypter?: PayloadEncrypter | undefined;
  /** Whether anchors say "saved". */
  readonly tellsSaved: boolean;
};

/** What is not as for all records. */
export type DraftForm = {
  /** "json": the body is one member of a JSON object, and the header goes before it. Never compressed. */
  readonly form?: "protobuf" | "json" | undefined;
  readonly compression?: Compression | undefined;
  /** Life from now, ms. */
  readonly lifeMs?: number | undefined;
  /** Samples in it. */
  readonly samples?: number | undefined;
  /** N: a full outbox may thin it N:1. Not where it is encrypted: the vehicle cannot read it again. */
  readonly thin?: number | undefined;
  readonly isTable?: boolean | undefined;
  /** Its times are those of frames. */
  readonly isStamped?: boolean | undefined;
};

/** A draft and what it holds, for those who must count. */
export type EncodedDraft = RecordDraft & {
  /** Samples in it; 0 for a record of another kind. */
  readonly samples: number;
  /** Bytes of memory that it keeps: its payload before compression, but for the header. */
  readonly bodyBytes: number;
  /** Kept values that must change in the transaction that stores it, however it is stored; absent where none must. */
  readonly kept?: readonly KeptValue[];
  /** Told once, when the record is in the outbox, how long its payload became. Must not throw, and must not hand over another draft. */
  readonly stored?: ((payloadBytes: number) => void) | undefined;
  /** Told once, when it was thrown away from memory because the outbox refused it for too long. As `stored`. */
  readonly discarded?: (() => void) | undefined;
};

type HeaderBytes = { readonly protobuf: number; readonly json: number };

/** Makes a draft of an encoded body: the header of the record, with the anchor of the moment the draft is made, its compression and its encryption. */
export class RecordSealer {
  readonly #longest: { readonly awake: HeaderBytes; readonly suspended: HeaderBytes };
  readonly #parts: RecordSealerParts;
  readonly #header = new ProtobufWriter();

  constructor(parts: RecordSealerParts) {
    this.#parts = parts;
    this.#longest = { awake: this.#bytesWith(0), suspended: this.#bytesWith(LONGEST_TIME_US) };
  }

  /** Longest headers, bytes; of JSON with what stands around the body. They have more in them once the machine was suspended. */
  get headerBytes(): HeaderBytes {
    return this.#longest[momentOf(this.#parts.clock).suspendedUs === 0 ? "awake" : "suspended"];
  }

  draft(stream: StreamName, body: Uint8Array, how: DraftForm = {}): EncodedDraft {
    const { clock, stamps, tellsSaved } = this.#parts;
    const now = how.isStamped === true ? stamps.moment() : momentOf(clock);
    const timeQuality = recordedQuality(now.quality);
    const moment = tellsSaved ? now : { ...now, quality: timeQuality };
    const isJson = how.form === "json";
    const encoding = isJson ? "identity" : ENCODINGS[how.compression ?? this.#parts.compression];
    const encrypter = this.#encrypterOf(stream, how);
    const plain = (id: RecordId): Uint8Array =>
      isJson ? this.#json(id, moment, body) : compress(this.#protobuf(id, moment, body), encoding);
    return {
      stream,
      encoding,
      timeQuality,
      lifeMs: how.lifeMs ?? this.#parts.lifeMs[stream],
      retainKey: undefined,
      samples: how.samples ?? 0,
      bodyBytes: body.length,
      ...(how.thin !== undefined && encrypter === undefined && { thin: how.thin }),
      seal: encrypter === undefined ? plain : (id) => encrypter.encrypt(id, plain(id)),
    };
  }

  /** Of a payload that is whole already, for a topic of its own: neither header nor compression, and never encrypted, since its consumer is another cloud. */
  routed(stream: StreamName, route: string, payload: Uint8Array, samples: number): EncodedDraft {
    const { clock, lifeMs } = this.#parts;
    return {
      stream,
      encoding: "identity",
      timeQuality: recordedQuality(clock.quality()),
      lifeMs: lifeMs[stream],
      retainKey: undefined,
      route,
      samples,
      bodyBytes: payload.length,
      seal: () => payload,
    };
  }

  #bytesWith(suspendedUs: number): HeaderBytes {
    const moment = { monotonicUs: LONGEST_TIME_US, wallUs: LONGEST_TIME_US, suspendedUs };
    const nothing = new Uint8Array(0);
    // The first quality has the longest name, and as a number it is left out.
    const protobuf = this.#protobuf(LONGEST_ID, { ...moment, quality: "saved" }, nothing).length;
    const json = this.#json(LONGEST_ID, { ...moment, quality: "unsynchronised" }, nothing).length;
    return { protobuf, json };
  }

  #encrypterOf(stream: StreamName, { isTable = false }: DraftForm): PayloadEncrypter | undefined {
    const { encrypter } = this.#parts;
    return encrypter?.covers(stream, isTable) === true ? encrypter : undefined;
  }

  #protobuf(id: RecordId, { monotonicUs, wallUs, suspendedUs, quality }: Moment, body: Uint8Array): Uint8Array {
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
    writer.uintField(ANCHOR.quality, QUALITY_NUMBERS[quality]);
    writer.uintField(ANCHOR.suspendedUs, suspendedUs);
    writer.end();
    writer.append(body);
    return writer.finish();
  }

  /** The JSON form of the same message (protobuf.dev/programming-guides/json), in which 64-bit integers are numbers: none is beyond 2^53. */
  #json(id: RecordId, { monotonicUs, wallUs, suspendedUs, quality }: Moment, body: Uint8Array): Uint8Array {
    const { thing, bootId } = this.#parts;
    const name = `CLOCK_QUALITY_${quality.toUpperCase()}`;
    const anchor = { monotonicUs, wallUs, quality: name, ...(suspendedUs > 0 && { suspendedUs }) };
    const { epoch, stream, seq } = id;
    const header = JSON.stringify({ thing, epoch, stream, seq, bootId, anchor });
    return Buffer.concat([Buffer.from(`${header.slice(0, -1)},`), body, Buffer.from("}")]);
  }
}
