import { type CampaignRef, writeCampaign } from "./campaign-ref.ts";
import { packPieces } from "./pack-pieces.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto. */
const REPORT = { timeUs: 1, running: 2, refused: 3, part: 4, parts: 5 } as const;
const RUNNING = { campaign: 1, state: 2, triggers: 3, bytesToday: 4 } as const;
const REFUSED = { id: 1, version: 2, reason: 3 } as const;

/** Bytes of a part besides what it lists. */
const OVERHEAD_BYTES = 64;
/** A reason is for people; what is longer is cut, so that it always fits a record. */
const MAX_REASON_CHARACTERS = 500;

/** A campaign that is in force. */
export type RunningCampaign = {
  readonly campaign: CampaignRef;
  /** What it does, one word. */
  readonly state: string;
  /** Since this version of it came. */
  readonly triggers: number;
  /** Payload bytes of its records of this day of UTC. */
  readonly bytesToday: number;
};

/** A campaign that was not taken. */
export type RefusedCampaign = { readonly id: string; readonly version: number; readonly reason: string };

/** What campaigns the vehicle runs, and which it does not take. */
export type CampaignReport = {
  /** µs since the Unix epoch. */
  readonly timeUs: number;
  readonly running: readonly RunningCampaign[];
  readonly refused: readonly RefusedCampaign[];
};

/** The `CampaignReport` message as field `field`, in parts of at most `maxBytes`; one for an empty report. */
export function encodeCampaignReport(report: CampaignReport, field: number, maxBytes: number): readonly Uint8Array[] {
  const pieces = [...report.running.map(encodeRunning), ...report.refused.map(encodeRefused)];
  const parts = packPieces(pieces, maxBytes - OVERHEAD_BYTES);
  return parts.map((some, part) => encodePart(field, { timeUs: report.timeUs, part, parts: parts.length }, some));
}

type Part = { readonly timeUs: number; readonly part: number; readonly parts: number };

function encodePart(field: number, { timeUs, part, parts }: Part, pieces: readonly Uint8Array[]): Uint8Array {
  const writer = new ProtobufWriter();
  writer.begin(field, pieces.length * 64);
  writer.sintField(REPORT.timeUs, timeUs);
  for (const piece of pieces) writer.append(piece);
  writer.uintField(REPORT.part, part);
  writer.uintField(REPORT.parts, parts);
  writer.end();
  return writer.finish();
}

function encodeRunning({ campaign, state, triggers, bytesToday }: RunningCampaign): Uint8Array {
  const writer = new ProtobufWriter();
  writer.begin(REPORT.running, 64);
  writeCampaign(writer, RUNNING.campaign, campaign);
  writer.stringField(RUNNING.state, state);
  writer.uintField(RUNNING.triggers, triggers);
  writer.uintField(RUNNING.bytesToday, bytesToday);
  writer.end();
  return writer.finish();
}

function encodeRefused({ id, version, reason }: RefusedCampaign): Uint8Array {
  const writer = new ProtobufWriter();
  writer.begin(REPORT.refused, 64);
  writer.stringField(REFUSED.id, id);
  writer.uintField(REFUSED.version, version);
  writer.stringField(REFUSED.reason, reason.slice(0, MAX_REASON_CHARACTERS));
  writer.end();
  return writer.finish();
}
