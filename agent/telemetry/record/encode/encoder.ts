import type { AgentConfig } from "../../../../config/schema.ts";
import type { Clock } from "../../../core/clock.ts";
import type { LossRange, StreamName } from "../../../ports/outbox.ts";
import type { SignalTable } from "../../../signals/signal-table.ts";
import type { SampleLog } from "../../collect/sample-log.ts";
import { StampClock } from "../../stamp-clock.ts";
import { type AuditEntry, writeAudit } from "./audit.ts";
import type { BusCount } from "./bus-count.ts";
import type { RecordMark } from "./campaign-ref.ts";
import { type CampaignReport, encodeCampaignReport } from "./campaign-report.ts";
import { type ClockChange, writeClockChange } from "./clock-change.ts";
import { type CodeReport, encodeCodeReport } from "./code-report.ts";
import { type DataUsageReport, writeDataUsage } from "./data-usage.ts";
import { type BusEvent, type Notice, writeBusEvent, writeLoss, writeNotice } from "./events.ts";
import { type OutgoingFile, partsOf, writeFilePart } from "./file.ts";
import { fitTrigger } from "./fit-trigger.ts";
import type { FrameLog } from "./frames.ts";
import { type HealthPart, type HealthReport, healthParts, writeHealth } from "./health.ts";
import { encodeHistograms, type HistogramsReport } from "./histograms.ts";
import { LaneEncoder, type LaneSettings } from "./lane-encoder.ts";
import { type LinkChange, writeLinkChange } from "./link-change.ts";
import { type ProgramRecord, writeProgramRecord } from "./program-record.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";
import { type DraftForm, type EncodedDraft, type PayloadEncrypter, RecordSealer } from "./record-sealer.ts";
import { JsonRowsWriter, RowsWriter } from "./rows-writer.ts";
import type { BodyWriter } from "./sample-cutter.ts";
import { SamplesWriter } from "./samples.ts";
import { type SecurityEvent, writeSecurityEvent } from "./security-event.ts";
import { type DescribedTable, encodeTable } from "./table.ts";
import { jsonTrigger, type TriggerReport, writeTrigger } from "./trigger.ts";
import { fitTroubleCode, type TroubleCodeEvent, writeTroubleCode } from "./trouble-code.ts";
import { type TunnelEvent, writeTunnelEvent } from "./tunnel-event.ts";
import { type UpdatePhase, writeUpdatePhase } from "./update-phase.ts";
import { type UploadedFile, writeUploadedFile } from "./uploaded-file.ts";
import { type VehicleEvent, writeVehicleEvent } from "./vehicle-event.ts";

/** Field numbers of config/proto/telemetry.proto: what a record holds. */
const RECORD = {
  packedSamples: 41,
  table: 11,
  loss: 12,
  busEvent: 13,
  frames: 14,
  file: 15,
  trigger: 16,
  rows: 17,
  histograms: 18,
  audit: 20,
  updatePhase: 21,
  notice: 22,
  campaignReport: 23,
  troubleCode: 24,
  troubleCodeReport: 25,
  vehicleStateChange: 26,
  wake: 29,
  trip: 27,
  clockChange: 28,
  fenceEvent: 30,
  privacyChange: 31,
  linkChange: 32,
  dataUsage: 33,
  programValues: 34,
  programBytes: 35,
  health: 36,
  securityEvent: 37,
  uploadedFile: 38,
  tunnelEvent: 40,
} as const;

/** The bodies of events of the vehicle. */
const VEHICLE_FIELDS = {
  state: RECORD.vehicleStateChange,
  trip: RECORD.trip,
  fence: RECORD.fenceEvent,
  privacy: RECORD.privacyChange,
  wake: RECORD.wake,
} as const;

export type EncoderParts = {
  /** Instead of the one of `settings`, asked for each record: what the broker takes may be less. */
  readonly maxPayloadBytes?: () => number;
  readonly thing: string;
  /** Kernel boot id, 32 hexadecimal digits. */
  readonly bootId: string;
  readonly table: SignalTable;
  readonly clock: Clock;
  /** Absent: nothing is encrypted. */
  readonly encrypter?: PayloadEncrypter | undefined;
  readonly settings: Pick<AgentConfig["encode"], "compression" | "maxPayloadBytes"> & {
    /** Times are rounded to this, µs. */
    readonly timeResolutionUs: number;
    /** Life of the records of each stream, ms; absent lives until delivered or evicted. */
    readonly lifeMs: AgentConfig["outbox"]["lifeMs"];
    /** Whether anchors say "saved"; readers from before take no such record. */
    readonly tellsSaved?: boolean;
  };
};

/**
 * Makes record drafts (config/proto/telemetry.proto), a method for each kind. A draft is encoded when it is made, with the anchor of
 * that moment; `seal` only adds the id, compresses and, where that is wanted, encrypts, gives the same content for the same id, and may
 * be called again when a transaction failed. What is not encrypted has the same bytes each time too; what is must not have them.
 *
 * No payload is longer than `maxPayloadBytes` without compression, encryption included.
 */
export class Encoder {
  /** The clock of what is collected; every record has its times by one clock alone. */
  readonly stamps: StampClock;
  readonly #parts: EncoderParts;
  readonly #sealer: RecordSealer;
  readonly #columns: SamplesWriter;
  readonly #lane: LaneEncoder;
  readonly #body = new ProtobufWriter();

  constructor(parts: EncoderParts) {
    const { thing, bootId, table, clock, encrypter, settings } = parts;
    const { compression, lifeMs, timeResolutionUs, tellsSaved = false } = settings;
    this.#parts = parts;
    this.stamps = new StampClock(clock);
    const { stamps } = this;
    this.#sealer = new RecordSealer({ thing, bootId, clock, stamps, compression, lifeMs, encrypter, tellsSaved });
    this.#columns = new SamplesWriter(RECORD.packedSamples, timeResolutionUs);
    this.#lane = this.lane({ schema: table, campaign: undefined, stream: "telemetry", form: "columns" });
  }

  /** For the samples of one campaign: ask once for each, it learns from what it has cut. */
  lane(settings: LaneSettings): LaneEncoder {
    const { campaign, stream, form, thin } = settings;
    this.#parts.encrypter?.meet({ campaign: campaign?.id, stream, form, thin });
    const maxBodyBytes = (form: DraftForm["form"]): number => this.#maxBodyBytes(form);
    return new LaneEncoder(settings, { sealer: this.#sealer, writer: this.#writerOf(settings), maxBodyBytes });
  }

  /** The samples of what the rules of the configuration ask for, of the vehicle's table, as `LaneEncoder.encode` does. */
  samples(log: SampleLog, buses: readonly BusCount[]): EncodedDraft[] {
    return this.#lane.encode(log, buses);
  }

  /**
   * A signal table, the vehicle's when absent, for the schema topic: `retainKey` is its id, a dot and the number of the part from 0. It
   * never expires.
   */
  table(table: DescribedTable = this.#parts.table): EncodedDraft[] {
    return encodeTable(table, RECORD.table, this.maxBodyBytes).map((body, part) => ({
      ...this.#sealer.draft("event", body, { isTable: true }),
      lifeMs: undefined,
      retainKey: `${table.id}.${part}`,
    }));
  }

  /** Says that records will not be delivered. */
  loss(loss: LossRange): EncodedDraft {
    return this.#health("event", (writer) => writeLoss(writer, RECORD.loss, loss));
  }

  /** Says that a bus changed its state. */
  busEvent(event: BusEvent): EncodedDraft {
    return this.#health("event", (writer) => writeBusEvent(writer, RECORD.busEvent, event));
  }

  /** Says what a person must know of the agent itself. */
  notice(notice: Notice): EncodedDraft {
    const timeUs = this.#parts.clock.wallUs();
    return this.#health("event", (writer) => writeNotice(writer, RECORD.notice, notice, timeUs));
  }

  /** An entry of the audit trail. */
  audit(entry: AuditEntry): EncodedDraft {
    return this.#record("control", (writer) => writeAudit(writer, RECORD.audit, entry));
  }

  /** Says that an update has entered another phase. */
  updatePhase(phase: UpdatePhase): EncodedDraft {
    return this.#health("control", (writer) => writeUpdatePhase(writer, RECORD.updatePhase, phase));
  }

  /** Frames of a capture; `mark` where a campaign asked for it. */
  frames(log: FrameLog, mark?: RecordMark): EncodedDraft {
    const body = this.#bodyOf((writer) => log.write(writer, RECORD.frames, mark));
    return this.#sealer.draft("capture", body, { isStamped: true });
  }

  /**
   * Says that the trigger of a campaign has fired, or that what belongs to it has ended, in the form of the campaign's records. Never
   * compressed. What is too long for a record is left out, and counted in it.
   */
  trigger(report: TriggerReport, form: LaneSettings["form"]): EncodedDraft {
    const isJson = form === "json";
    const bodyOf = isJson
      ? jsonTrigger
      : (some: TriggerReport) => this.#bodyOf((w) => writeTrigger(w, RECORD.trigger, some));
    const how = { form: isJson ? "json" : "protobuf", compression: "none", isStamped: true } as const;
    const fitted = fitTrigger(report, this.#maxBodyBytes(how.form), (some) => bodyOf(some).length);
    return this.#sealer.draft("event", bodyOf(fitted), how);
  }

  /** Says what campaigns the vehicle runs and which it does not take, in as many records as the limit asks for. */
  campaignReport(report: CampaignReport): EncodedDraft[] {
    const parts = encodeCampaignReport(report, RECORD.campaignReport, this.maxBodyBytes);
    return parts.map((part) => this.#sealer.draft("event", part));
  }

  /** Says that a trouble code has changed its state. What is too long for a record is left out, and counted in it. */
  troubleCode(event: TroubleCodeEvent): EncodedDraft {
    const writeOne = (some: TroubleCodeEvent) => (w: ProtobufWriter) => writeTroubleCode(w, RECORD.troubleCode, some);
    const fitted = fitTroubleCode(event, this.maxBodyBytes, (some) => this.#bodyOf(writeOne(some)).length);
    return this.#health("event", writeOne(fitted));
  }

  /** Says what the vehicle does, or has done. */
  vehicleEvent(event: VehicleEvent): EncodedDraft {
    return this.#health("event", (writer) => writeVehicleEvent(writer, VEHICLE_FIELDS, event));
  }

  /** Lists all active trouble codes, in as many records as the limit asks for. */
  codeReport(report: CodeReport): EncodedDraft[] {
    const parts = encodeCodeReport(report, RECORD.troubleCodeReport, this.maxBodyBytes);
    return parts.map((part) => this.#sealer.draft("event", part, { compression: "none" }));
  }

  /** Says that what the wall clock is worth has changed, or that somebody has set it. */
  clockChange(change: ClockChange): EncodedDraft {
    return this.#health("event", (writer) => writeClockChange(writer, RECORD.clockChange, change));
  }

  /** Says that another link is in use, or that what is known of it has changed. */
  linkChange(change: LinkChange): EncodedDraft {
    return this.#health("event", (writer) => writeLinkChange(writer, RECORD.linkChange, change));
  }

  /** Says what went over links in a day that is over. */
  dataUsage(report: DataUsageReport): EncodedDraft {
    return this.#health("event", (writer) => writeDataUsage(writer, RECORD.dataUsage, report));
  }

  /** Says who tries what with the vehicle or its agent. */
  securityEvent(event: SecurityEvent): EncodedDraft {
    return this.#health("event", (writer) => writeSecurityEvent(writer, RECORD.securityEvent, event));
  }

  /** Says that an object store has a file. */
  uploadedFile(file: UploadedFile): EncodedDraft {
    return this.#health("event", (writer) => writeUploadedFile(writer, RECORD.uploadedFile, file));
  }

  /** Says who has a way into the vehicle, and what went through it. */
  tunnelEvent(event: TunnelEvent): EncodedDraft {
    return this.#health("event", (writer) => writeTunnelEvent(writer, RECORD.tunnelEvent, event));
  }

  /** Says how the agent does, in as many records as the limit asks for. */
  health(report: HealthReport): EncodedDraft[] {
    const writeOne = (part: HealthPart) => (writer: ProtobufWriter) => writeHealth(writer, RECORD.health, part);
    const parts = healthParts(report, (part) => this.#bodyOf(writeOne(part)).length <= this.maxBodyBytes);
    return parts.map((part) => this.#record("event", writeOne(part)));
  }

  /** What another program handed over, for its stream. May be longer than `maxBodyBytes`: compare `bodyBytes` before it is stored. */
  programRecord(stream: StreamName, record: ProgramRecord): EncodedDraft {
    const fields = { values: RECORD.programValues, bytes: RECORD.programBytes };
    return this.#record(stream, (writer) => writeProgramRecord(writer, fields, record));
  }

  /** A file, in as many records as the limit asks for. */
  file(file: OutgoingFile): EncodedDraft[] {
    const parts = partsOf(file, this.maxBodyBytes);
    return parts.map((part) => this.#record("event", (writer) => writeFilePart(writer, RECORD.file, part)));
  }

  /**
   * Histograms, durations and counters of a campaign, in as many records as the limit asks for: protobuf in every form of its records, not
   * compressed where these are for rules of a cloud.
   */
  histograms(report: HistogramsReport, stream: StreamName, form: LaneSettings["form"] = "columns"): EncodedDraft[] {
    const bodies = encodeHistograms(report, RECORD.histograms, this.maxBodyBytes);
    const compression = form === "columns" ? undefined : "none";
    return bodies.map((body) => this.#sealer.draft(stream, body, { compression, isStamped: true }));
  }

  /** A payload in the form of another cloud, for a topic of its own. `samples`: how many it holds, for who counts them. */
  routed(stream: StreamName, route: string, payload: Uint8Array, samples: number): EncodedDraft {
    return this.#sealer.routed(stream, route, payload, samples);
  }

  /** Bytes that a record has for its content; what is longer must be cut. */
  get maxBodyBytes(): number {
    return this.#maxBodyBytes("protobuf");
  }

  #maxBodyBytes(form: DraftForm["form"]): number {
    const { settings, maxPayloadBytes, encrypter } = this.#parts;
    const headerBytes = this.#sealer.headerBytes[form === "json" ? "json" : "protobuf"];
    const maxBytes = maxPayloadBytes?.() ?? settings.maxPayloadBytes;
    return maxBytes - headerBytes - (encrypter?.overheadBytes(maxBytes) ?? 0);
  }

  #writerOf({ schema, campaign, form }: LaneSettings): BodyWriter {
    const { timeResolutionUs } = this.#parts.settings;
    if (form === "json") return new JsonRowsWriter({ schema, campaign }, timeResolutionUs);
    return form === "rows" ? new RowsWriter(RECORD.rows, { schema, campaign }, timeResolutionUs) : this.#columns;
  }

  /** What the agent says of itself is never compressed, so that a rule of a cloud reads it and raises an alarm; short as it is, nothing is lost by that. */
  #health(stream: StreamName, write: (writer: ProtobufWriter) => void): EncodedDraft {
    return this.#sealer.draft(stream, this.#bodyOf(write), { compression: "none" });
  }

  #record(stream: StreamName, write: (writer: ProtobufWriter) => void): EncodedDraft {
    return this.#sealer.draft(stream, this.#bodyOf(write));
  }

  #bodyOf(write: (writer: ProtobufWriter) => void): Uint8Array {
    this.#body.reset();
    write(this.#body);
    return this.#body.finish();
  }
}
