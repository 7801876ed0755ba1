import { ProtobufWriter } from "../../telemetry/record/encode/protobuf-writer.ts";
import { halvesOf, type Payloads, payloadsOf } from "./payloads.ts";

/** Field numbers of config/proto/fleetwise.proto. */
const DATA = { campaign: 1, manifest: 2, eventId: 3, eventMs: 4, signal: 5, dtcs: 6 } as const;
const SIGNAL = { relativeMs: 1, id: 2, number: 3, text: 4 } as const;
const DTCS = { relativeMs: 1, code: 2 } as const;

/** A sample as it is sent. Numbers and booleans are doubles. */
export type CapturedSignal = {
  /** To the event, ms; negative for what was before it. */
  readonly relativeMs: number;
  readonly id: number;
  readonly value: number | string;
};

/** What a scheme collected for one event. */
export type VehicleData = {
  readonly campaignSyncId: string;
  readonly manifestSyncId: string;
  /** See `eventIdOf`. */
  readonly eventId: number;
  /** Of the trigger, ms since the Unix epoch. */
  readonly eventMs: number;
  readonly signals: readonly CapturedSignal[];
  /** Active trouble codes, and when they were read, ms to the event. */
  readonly dtcs?: { readonly relativeMs: number; readonly codes: readonly string[] } | undefined;
};

/** Id of an event: 8 bits of a counter below 23 bits of the time, `wallMs` since the Unix epoch (FWE, generateEventID). */
export function eventIdOf(counter: number, wallMs: number): number {
  return (wallMs % 2 ** 23) * 256 + (counter & 0xff);
}

/** Protobuf, not compressed. */
export function encodeVehicleData({
  campaignSyncId,
  manifestSyncId,
  eventId,
  eventMs,
  signals,
  dtcs,
}: VehicleData): Uint8Array {
  const writer = new ProtobufWriter();
  writer.stringField(DATA.campaign, campaignSyncId);
  writer.stringField(DATA.manifest, manifestSyncId);
  writer.uintField(DATA.eventId, eventId);
  writer.uintField(DATA.eventMs, eventMs);
  for (const signal of signals) writeSignal(writer, signal);
  if (dtcs !== undefined) {
    writer.begin(DATA.dtcs, 64);
    writer.sint64Field(DTCS.relativeMs, dtcs.relativeMs);
    for (const code of dtcs.codes) writer.presentStringField(DTCS.code, code);
    writer.end();
  }
  return writer.finish();
}

/**
 * The data in payloads of at most `maxBytes`, each a whole message of the same event: halved until they fit. A sample, or a list of
 * trouble codes, that is too large by itself is in none; count what `dropped` says.
 */
export function vehiclePayloads(
  data: VehicleData,
  { compress, maxBytes }: { readonly compress: boolean; readonly maxBytes: number },
): Payloads {
  return payloadsOf(data, { encode: encodeVehicleData, halve, compress, maxBytes });
}

function writeSignal(writer: ProtobufWriter, { relativeMs, id, value }: CapturedSignal): void {
  writer.begin(DATA.signal, 24);
  writer.sint64Field(SIGNAL.relativeMs, relativeMs);
  writer.presentUintField(SIGNAL.id, id);
  if (typeof value === "number") writer.presentDoubleField(SIGNAL.number, value);
  else writer.presentStringField(SIGNAL.text, value);
  writer.end();
}

function halve(data: VehicleData): readonly [VehicleData, VehicleData] | undefined {
  const { signals, dtcs } = data;
  if (dtcs !== undefined && signals.length > 0) {
    return [
      { ...data, signals: [] },
      { ...data, dtcs: undefined },
    ];
  }
  if (signals.length < 2) return undefined;
  const [first, second] = halvesOf(signals);
  return [
    { ...data, signals: first },
    { ...data, signals: second },
  ];
}
