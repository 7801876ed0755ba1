import { type BusCount, writeBusCount } from "./bus-count.ts";
import { type CampaignRef, writeCampaign } from "./campaign-ref.ts";
import { jsonMember, jsonNumber } from "./json-form.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto. */
const TRIGGER = {
  campaign: 1,
  number: 2,
  name: 3,
  expression: 4,
  mode: 5,
  timeUs: 6,
  values: 7,
  beforeMs: 8,
  historyMs: 9,
  clockStepped: 10,
  spansStop: 11,
  marksUs: 12,
  marksDropped: 13,
  buses: 14,
  phase: 15,
  frames: 16,
  framesLost: 17,
  samplesDiscarded: 18,
  dtcs: 19,
  position: 20,
  afterMs: 21,
  byHand: 22,
  valuesDropped: 23,
  dtcsDropped: 24,
} as const;
const VALUE = { name: 1, number: 2, flag: 3, text: 4, unit: 5, timeUs: 6 } as const;
const POSITION = { latitude: 1, longitude: 2, altitude: 3, accuracy: 4, timeUs: 5 } as const;
const PHASES = { begin: 1, end: 2 } as const;

/** An operand of the condition, as the expression names it, and its value when it counted. */
export type TriggerValue = {
  readonly name: string;
  readonly value: number | boolean | string;
  readonly unit?: string | undefined;
  /** When it was received, µs since the Unix epoch. */
  readonly timeUs?: number | undefined;
};

/** Why it fired. */
export type TriggerCause = {
  /** The condition, in CEL. */
  readonly expression: string;
  readonly mode: "rising" | "while";
  /** Whether a person or a command fired it, whatever the condition said. */
  readonly byHand: boolean;
  readonly values: readonly TriggerValue[];
  /** Values that are left out of `values`; 0 when absent. */
  readonly valuesDropped?: number | undefined;
};

/** What there is of the time around it, ms. */
export type TriggerCapture = {
  /** Asked for. */
  readonly beforeMs: number;
  readonly afterMs: number;
  /** History that there really was, 0..`beforeMs`. */
  readonly historyMs: number;
  /** Whether a step of the wall clock cut it. */
  readonly clockStepped: boolean;
  /** Whether it reaches back before a stop of the agent. */
  readonly spansStop: boolean;
  /** Times of the triggers whose captures were merged with it, µs since the Unix epoch, and how many more there were. */
  readonly marksUs: readonly number[];
  readonly marksDropped: number;
};

/** What was counted for it up to this record. */
export type TriggerCounts = {
  readonly frames: number;
  /** Overwritten in the history before they were read. */
  readonly framesLost: number;
  /** Samples that there was no room for. */
  readonly samplesDiscarded: number;
  /** Of each bus since the agent started. */
  readonly buses: readonly BusCount[];
};

/** Where the vehicle was. WGS 84: degrees, and metres above the ellipsoid; `accuracy` is the radius of horizontal uncertainty, m. */
export type Position = {
  readonly latitude: number;
  readonly longitude: number;
  readonly altitude?: number | undefined;
  readonly accuracy?: number | undefined;
  /** µs since the Unix epoch. */
  readonly timeUs: number;
};

/** What is known of the moment besides. */
export type TriggerContext = {
  /** Diagnostic trouble codes. */
  readonly dtcs: readonly string[];
  /** Codes that are left out of `dtcs`; 0 when absent. */
  readonly dtcsDropped?: number | undefined;
  readonly position?: Position | undefined;
};

/** The trigger of a campaign has fired, or what belongs to it has ended. */
export type TriggerReport = {
  readonly campaign: CampaignRef;
  /** Counts the triggers of the vehicle from 1; names it in the records of what was collected for it. */
  readonly number: number;
  readonly phase: "begin" | "end";
  /** µs since the Unix epoch: when the condition came to count, or when it ended. */
  readonly timeUs: number;
  readonly cause: TriggerCause;
  readonly capture: TriggerCapture;
  readonly counts: TriggerCounts;
  /** Of the moment, as far as it is known. */
  readonly context?: TriggerContext | undefined;
};

/** Writes the `Trigger` message as field `field`. */
export function writeTrigger(writer: ProtobufWriter, field: number, report: TriggerReport): void {
  const { campaign, cause, context } = report;
  writer.begin(field, 512);
  writeCampaign(writer, TRIGGER.campaign, campaign);
  writer.uintField(TRIGGER.number, report.number);
  writer.stringField(TRIGGER.name, campaign.id);
  writer.stringField(TRIGGER.expression, cause.expression);
  writer.stringField(TRIGGER.mode, cause.mode);
  writer.sintField(TRIGGER.timeUs, report.timeUs);
  for (const value of cause.values) writeValue(writer, value);
  writeCapture(writer, report.capture);
  writeCounts(writer, report.counts);
  writer.uintField(TRIGGER.phase, PHASES[report.phase]);
  for (const dtc of context?.dtcs ?? []) writer.stringField(TRIGGER.dtcs, dtc);
  if (context?.position !== undefined) writePosition(writer, TRIGGER.position, context.position);
  writer.uintField(TRIGGER.byHand, cause.byHand ? 1 : 0);
  writer.uintField(TRIGGER.valuesDropped, cause.valuesDropped ?? 0);
  writer.uintField(TRIGGER.dtcsDropped, context?.dtcsDropped ?? 0);
  writer.end();
}

/** The member "trigger" of a record in JSON: the same in the JSON form of protobuf. */
export function jsonTrigger(report: TriggerReport): Uint8Array {
  const { campaign, number, phase, timeUs, cause, capture, counts, context } = report;
  const { values, ...why } = cause;
  return jsonMember("trigger", {
    campaign,
    number,
    name: campaign.id,
    phase: `TRIGGER_PHASE_${phase.toUpperCase()}`,
    timeUs,
    ...why,
    values: values.map(jsonValue),
    ...capture,
    ...counts,
    ...context,
  });
}

function writeValue(writer: ProtobufWriter, { name, value, unit, timeUs }: TriggerValue): void {
  writer.begin(TRIGGER.values, 32);
  writer.stringField(VALUE.name, name);
  if (typeof value === "number") writer.presentDoubleField(VALUE.number, value);
  else if (typeof value === "boolean") writer.presentUintField(VALUE.flag, value ? 1 : 0);
  else writer.presentStringField(VALUE.text, value);
  writer.stringField(VALUE.unit, unit ?? "");
  if (timeUs !== undefined) writer.presentSintField(VALUE.timeUs, timeUs);
  writer.end();
}

function jsonValue({ name, value, unit, timeUs }: TriggerValue): unknown {
  if (typeof value === "number") return { name, number: jsonNumber(value), unit, timeUs };
  return typeof value === "boolean" ? { name, flag: value, unit, timeUs } : { name, text: value, unit, timeUs };
}

function writeCapture(writer: ProtobufWriter, capture: TriggerCapture): void {
  writer.uintField(TRIGGER.beforeMs, capture.beforeMs);
  writer.uintField(TRIGGER.historyMs, capture.historyMs);
  writer.uintField(TRIGGER.clockStepped, capture.clockStepped ? 1 : 0);
  writer.uintField(TRIGGER.spansStop, capture.spansStop ? 1 : 0);
  if (capture.marksUs.length > 0) {
    writer.begin(TRIGGER.marksUs, capture.marksUs.length * 8);
    for (const markUs of capture.marksUs) writer.sint(markUs);
    writer.end();
  }
  writer.uintField(TRIGGER.marksDropped, capture.marksDropped);
  writer.uintField(TRIGGER.afterMs, capture.afterMs);
}

function writeCounts(writer: ProtobufWriter, counts: TriggerCounts): void {
  for (const bus of counts.buses) writeBusCount(writer, TRIGGER.buses, bus);
  writer.uintField(TRIGGER.frames, counts.frames);
  writer.uintField(TRIGGER.framesLost, counts.framesLost);
  writer.uintField(TRIGGER.samplesDiscarded, counts.samplesDiscarded);
}

/** Writes the `Position` message as field `field`. */
export function writePosition(writer: ProtobufWriter, field: number, position: Position): void {
  writer.begin(field, 48);
  writer.doubleField(POSITION.latitude, position.latitude);
  writer.doubleField(POSITION.longitude, position.longitude);
  if (position.altitude !== undefined) writer.presentDoubleField(POSITION.altitude, position.altitude);
  if (position.accuracy !== undefined) writer.presentDoubleField(POSITION.accuracy, position.accuracy);
  writer.sintField(POSITION.timeUs, position.timeUs);
  writer.end();
}
