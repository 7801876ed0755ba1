import type { AgentConfig } from "../../../../config/schema.ts";
import type { Clock } from "../../../core/clock.ts";
import type { LossRange, StreamName } from "../../../ports/outbox.ts";
import type { SignalTable } from "../../../signals/signal-table.ts";
import type { SampleLog } from "../../collect/sample-log.ts";
import { type AuditEntry, writeAudit } from "./audit.ts";
import { type BusEvent, type Notice, writeBusEvent, writeLoss, writeNotice } from "./events.ts";
import { type OutgoingFile, partsOf, writeFilePart } from "./file.ts";
import type { FrameLog } from "./frames.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";
import { type EncodedDraft, RecordSealer } from "./record-sealer.ts";
import { SampleCutter } from "./sample-cutter.ts";
import type { BusCount } from "./samples.ts";
import { encodeTable } from "./table.ts";
import { type UpdatePhase, writeUpdatePhase } from "./update-phase.ts";

/** Field numbers of config/proto/telemetry.proto: what a record holds. */
const RECORD = {
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

/**
 * Makes record drafts (config/proto/telemetry.proto), a method for each kind. A draft is encoded when it is made, with the anchor of
 * that moment; `seal` only adds the id and compresses, gives the same bytes for the same id, and may be called again when a
 * transaction failed.
 *
 * No payload is longer than `maxPayloadBytes` before compression.
 */
export class Encoder {
  readonly #parts: EncoderParts;
  readonly #sealer: RecordSealer;
  readonly #cutter: SampleCutter;
  readonly #body = new ProtobufWriter();

  constructor(parts: EncoderParts) {
    const { thing, bootId, table, clock, settings } = parts;
    const { compression, lifeMs, timeResolutionUs } = settings;
    this.#parts = parts;
    this.#sealer = new RecordSealer({ thing, bootId, clock, compression, lifeMs });
    this.#cutter = new SampleCutter(table, timeResolutionUs);
  }

  /**
   * All samples of `log`, in as many records as the limit asks for. Records are cut between frames; only a frame that is too long
   * by itself is cut inside. Each carries `buses`.
   */
  samples(log: SampleLog, buses: readonly BusCount[]): EncodedDraft[] {
    const bodies = this.#cutter.cut(RECORD.samples, log, buses, this.maxBodyBytes);
    return bodies.map(({ body, samples }) => this.#sealer.draft("telemetry", body, samples));
  }

  /** The signal table, for the schema topic: `retainKey` is its id, a dot and the number of the part from 0. It never expires. */
  table(): EncodedDraft[] {
    const { table } = this.#parts;
    return encodeTable(table, RECORD.table, this.maxBodyBytes).map((body, part) => ({
      ...this.#sealer.draft("event", body),
      lifeMs: undefined,
      retainKey: `${table.id}.${part}`,
    }));
  }

  /** Says that records will not be delivered. */
  loss(loss: LossRange): EncodedDraft {
    return this.#record("event", (writer) => writeLoss(writer, RECORD.loss, loss));
  }

  /** Says that a bus changed its state. */
  busEvent(event: BusEvent): EncodedDraft {
    return this.#record("event", (writer) => writeBusEvent(writer, RECORD.busEvent, event));
  }

  /** Says what a person must know of the agent itself. */
  notice(notice: Notice): EncodedDraft {
    const timeUs = this.#parts.clock.wallUs();
    return this.#record("event", (writer) => writeNotice(writer, RECORD.notice, notice, timeUs));
  }

  /** An entry of the audit trail. */
  audit(entry: AuditEntry): EncodedDraft {
    return this.#record("control", (writer) => writeAudit(writer, RECORD.audit, entry));
  }

  /** Says that an update has entered another phase. */
  updatePhase(phase: UpdatePhase): EncodedDraft {
    return this.#record("control", (writer) => writeUpdatePhase(writer, RECORD.updatePhase, phase));
  }

  /** Frames of a capture. */
  frames(log: FrameLog): EncodedDraft {
    return this.#record("capture", (writer) => log.write(writer, RECORD.frames));
  }

  /** A file, in as many records as the limit asks for. */
  file(file: OutgoingFile): EncodedDraft[] {
    const parts = partsOf(file, this.maxBodyBytes);
    return parts.map((part) => this.#record("event", (writer) => writeFilePart(writer, RECORD.file, part)));
  }

  /** Bytes that a record has for its content; what is longer must be cut. */
  get maxBodyBytes(): number {
    const { settings, maxPayloadBytes } = this.#parts;
    return (maxPayloadBytes?.() ?? settings.maxPayloadBytes) - this.#sealer.headerBytes;
  }

  #record(stream: StreamName, write: (writer: ProtobufWriter) => void): EncodedDraft {
    this.#body.reset();
    write(this.#body);
    return this.#sealer.draft(stream, this.#body.finish());
  }
}
