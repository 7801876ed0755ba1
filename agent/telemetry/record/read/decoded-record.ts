import type { ClockQuality } from "../../../core/clock.ts";
import type { CanFrame } from "../../../ports/frame.ts";
import type { LossRange, RecordId } from "../../../ports/outbox.ts";
import type { SignalEntry, VssName } from "../../../signals/signal-entry.ts";
import type { ValueTexts } from "../../../signals/value-texts.ts";
import type { EventNumber } from "../../durable-records/numbered-events.ts";
import type { AuditEntry } from "../encode/audit.ts";
import type { BusCount } from "../encode/bus-count.ts";
import type { CampaignRef } from "../encode/campaign-ref.ts";
import type { CampaignReport } from "../encode/campaign-report.ts";
import type { ClockChange } from "../encode/clock-change.ts";
import type { CodeReport } from "../encode/code-report.ts";
import type { DataUsageReport } from "../encode/data-usage.ts";
import type { BusEvent, Notice } from "../encode/events.ts";
import type { FenceEvent, PrivacyChange } from "../encode/fence-event.ts";
import type { FilePart } from "../encode/file.ts";
import type { HealthPart } from "../encode/health.ts";
import type { Histogram } from "../encode/histograms.ts";
import type { LinkChange } from "../encode/link-change.ts";
import type { ProgramBytes, ProgramValues } from "../encode/program-record.ts";
import type { SecurityEvent } from "../encode/security-event.ts";
import type { TriggerReport } from "../encode/trigger.ts";
import type { TripEvent } from "../encode/trip.ts";
import type { TroubleCodeEvent } from "../encode/trouble-code.ts";
import type { TunnelEvent } from "../encode/tunnel-event.ts";
import type { UpdatePhase } from "../encode/update-phase.ts";
import type { UploadedFile } from "../encode/uploaded-file.ts";
import type { VehicleStateChange } from "../encode/vehicle-state-change.ts";
import type { WakeEvent } from "../encode/wake.ts";

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
export type RecordSignal = Omit<SignalEntry, "wide" | "pgn" | "source" | "texts" | "spn" | "vss"> & {
  readonly pgn?: number | undefined;
  readonly spn?: number | undefined;
  readonly texts?: ValueTexts | undefined;
  readonly vss: readonly VssName[];
};

/** Texts and VSS names of a signal that has too many for one record. */
export type MoreTexts = {
  /** Index in the signal table. */
  readonly signal: number;
  readonly texts: ValueTexts | undefined;
  /** The values of one path may go on in others. */
  readonly vss: readonly VssName[];
};

/** What a record was collected for. */
export type OfCampaign = {
  /** Undefined for what the rules of the configuration ask for. */
  readonly campaign?: CampaignRef | undefined;
  /** Number of the trigger that it belongs to. */
  readonly trigger?: number | undefined;
};

/** A sample with its names. */
export type RecordRow = {
  /** "Message.Signal", with the id where several messages of the bus have the name, or the name of a derived signal. */
  readonly name: string;
  /** Empty for a derived signal. */
  readonly bus: string;
  /** Physical; a bigint beyond 2^53; undefined where the signal says a state, which is the text then. */
  readonly value: number | bigint | undefined;
  readonly text?: string | undefined;
  readonly unit: string;
  /** µs since the Unix epoch. */
  readonly timeUs: number;
  /** Undefined for a sample as it was received. */
  readonly aggregate?: string | undefined;
  /** Undefined for a trip. */
  readonly windowUs?: number | undefined;
  readonly source?: number | undefined;
  readonly destination?: number | undefined;
  readonly vssPaths: readonly string[];
};

/** A histogram, or a part of a large one: cells `firstCell`.. of `totalCells`. What is in no part is 0. */
export type RecordHistogram = Omit<Histogram, "cells"> & {
  readonly cells: readonly number[];
  readonly firstCell: number;
  readonly totalCells: number;
};

/** What a record holds. */
export type RecordBody =
  | ({
      readonly kind: "samples";
      /** Id of the signal table that the columns refer to. */
      readonly table: string;
      readonly timeUnitUs: number;
      readonly columns: readonly RecordColumn[];
      readonly buses: readonly BusCount[];
    } & OfCampaign)
  | ({
      readonly kind: "rows";
      readonly rows: readonly RecordRow[];
      readonly buses: readonly BusCount[];
    } & OfCampaign)
  | ({ readonly kind: "trigger" } & TriggerReport)
  | {
      readonly kind: "histograms";
      readonly campaign: CampaignRef;
      readonly histograms: readonly RecordHistogram[];
    }
  | ({
      readonly kind: "campaign-report";
      /** Counts from 0; the parts of a report have one time. */
      readonly part: number;
      readonly parts: number;
    } & CampaignReport)
  | ({ readonly kind: "trouble-code" } & TroubleCodeEvent)
  | ({
      readonly kind: "trouble-code-report";
      /** Counts from 0; the parts of a report have one time. */
      readonly part: number;
      readonly parts: number;
    } & CodeReport)
  | ({ readonly kind: "clock-change" } & ClockChange)
  | ({ readonly kind: "vehicle-state-change" } & VehicleStateChange & EventNumber)
  | ({ readonly kind: "trip" } & TripEvent & EventNumber)
  | ({ readonly kind: "wake" } & WakeEvent & EventNumber)
  | ({ readonly kind: "fence-event" } & FenceEvent & EventNumber)
  | ({ readonly kind: "privacy-change" } & PrivacyChange & EventNumber)
  | ({ readonly kind: "link-change" } & LinkChange)
  | ({ readonly kind: "data-usage" } & DataUsageReport)
  | ({ readonly kind: "health" } & HealthPart)
  | ({ readonly kind: "program-values" } & ProgramValues)
  | ({ readonly kind: "program-bytes" } & ProgramBytes)
  | ({ readonly kind: "security-event" } & SecurityEvent)
  | ({ readonly kind: "uploaded-file"; readonly fileKind: string } & Omit<UploadedFile, "kind">)
  | ({ readonly kind: "tunnel-event" } & TunnelEvent)
  | {
      readonly kind: "table";
      readonly id: string;
      /** Signals of the whole table; this part may hold fewer. */
      readonly total: number;
      readonly signals: readonly RecordSignal[];
      /** Of signals of this part or one before. */
      readonly moreTexts?: readonly MoreTexts[] | undefined;
      readonly vssRelease?: string | undefined;
    }
  | ({ readonly kind: "loss" } & LossRange)
  | ({ readonly kind: "bus-event" } & BusEvent)
  | ({
      readonly kind: "frames";
      /** Names the capture. */
      readonly capture: string;
      readonly bus: string;
      /** `flags` as `FRAME_FLAG` has them. */
      readonly frames: readonly CanFrame[];
    } & OfCampaign)
  | ({ readonly kind: "file" } & FilePart)
  | ({ readonly kind: "audit" } & AuditEntry)
  | ({ readonly kind: "update-phase" } & UpdatePhase)
  | ({
      readonly kind: "notice";
      /** µs since the Unix epoch. */
      readonly timeUs: number;
    } & Notice)
  | {
      /** In the form of another cloud. No payload is read as one: its id came beside it. */
      readonly kind: "foreign";
      /** That it came on, which says what the payload is. */
      readonly topic: string;
      readonly payload: Uint8Array;
    };

/** One moment on the clocks of a vehicle. Wall time less monotonic and suspended time is the same until somebody sets the clock. */
export type RecordAnchor = {
  readonly monotonicUs: number;
  /** What the machine was suspended since its boot; absent when it never was. */
  readonly suspendedUs?: number | undefined;
  /** µs since the Unix epoch. */
  readonly wallUs: number;
  readonly quality: ClockQuality;
};

/** One record as a consumer sees it. */
export type DecodedRecord = RecordId & {
  readonly thing: string;
  /** Empty where it does not say: then no other record is of its boot. */
  readonly bootId: string;
  /** The moment the record was made, by the clock that its times are by, and how far that could be believed. */
  readonly anchor: RecordAnchor;
  /** Set where it stands for records that were thinned `ratio`:1, by their seqs in its epoch and stream. */
  readonly thinned?: { readonly ratio: number; readonly seqs: readonly number[] } | undefined;
  readonly body: RecordBody;
};
