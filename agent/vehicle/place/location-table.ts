import type { DbcMessage, DbcSignal } from "../../signals/dbc/model.ts";
import { undeclaredMessage, undeclaredSignal } from "../../signals/dbc/undeclared.ts";
import type { MessageEntry } from "../../signals/signal-entry.ts";
import type { TableSource } from "../../signals/table-source.ts";
import { valueTexts } from "../../signals/value-texts.ts";
import { LOCATION_BUS } from "../../telemetry/campaigns/plan/position-signals.ts";
import type { Fix } from "./fix.ts";

/** Name of the messages that hold what is known of a position. */
export const LOCATION_MESSAGE = "location";

const KPH_PER_MPS = 3.6;
const FIX_TEXTS = valueTexts([
  [0, "none"],
  [2, "2d"],
  [3, "3d"],
]);

/** A part of a fix as a signal: what is told together is one message, whose id is its place in the list. */
type LocationSignal = Pick<DbcSignal, "name" | "bits" | "signed" | "factor" | "unit"> & {
  readonly choices?: DbcSignal["choices"];
  /** In the unit of the signal; absent where the fix does not say it. */
  readonly valueOf: (fix: Fix) => number | undefined;
};

const degrees = { bits: 32, signed: true, factor: 1e-7, unit: "deg" } as const;
const hundredths = { bits: 32, signed: false, factor: 0.01 } as const;

const MESSAGES: readonly (readonly LocationSignal[])[] = [
  [{ name: "fix", bits: 8, signed: false, factor: 1, unit: "", choices: FIX_TEXTS, valueOf: modeOf }],
  [
    { ...degrees, name: "latitude", valueOf: ({ latitude }) => latitude },
    { ...degrees, name: "longitude", valueOf: ({ longitude }) => longitude },
  ],
  [{ ...hundredths, name: "altitude", signed: true, unit: "m", valueOf: ({ altitudeM }) => altitudeM }],
  [{ ...hundredths, name: "speed", unit: "km/h", valueOf: ({ speedMps }) => kphOf(speedMps) }],
  [{ ...hundredths, name: "course", unit: "deg", valueOf: ({ courseDeg }) => courseDeg }],
  [{ ...hundredths, name: "accuracy", unit: "m", valueOf: ({ accuracyM }) => accuracyM }],
  [{ name: "satellites", bits: 8, signed: false, factor: 1, unit: "", valueOf: ({ satellites }) => satellites }],
  [{ ...hundredths, name: "hdop", unit: "", valueOf: ({ hdop }) => hdop }],
  // No part of a fix.
  [{ name: "odometer", bits: 32, signed: false, factor: 0.001, unit: "km", valueOf: () => undefined }],
];
const ODOMETER_ID = MESSAGES.length - 1;

/** A message of the table with the bytes that it is decoded from. */
export type LocationPdu = { readonly id: number; readonly bytes: Uint8Array };

/**
 * `location.*` as a part of the table of signals: fix, latitude and longitude (deg, WGS 84), altitude (m above mean sea level), speed
 * (km/h) and course (deg from true north) over ground, accuracy (m, about 95 %), satellites, hdop, and the way by position (km). A message a part, so that each has
 * samples only where the receiver says it.
 */
export function locationTable(file: string): TableSource {
  const messages = MESSAGES.map(messageOf);
  return { bus: LOCATION_BUS, file, carriage: "pdus", database: { version: "", nodes: [], messages } };
}

/** What a fix has to say, in the order of the table; values beyond what a signal holds are left out. */
export function locationPdus(fix: Fix): readonly LocationPdu[] {
  return MESSAGES.flatMap((signals, id) => {
    const bytes = bytesOf(signals, fix);
    return bytes === undefined ? [] : [{ id, bytes }];
  });
}

/** The way by position, in whole metres. */
export function odometerPdu(metres: number): LocationPdu {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, Math.floor(metres), true);
  return { id: ODOMETER_ID, bytes };
}

/** That there is no fix. */
export const NO_FIX: LocationPdu = { id: 0, bytes: Uint8Array.of(0) };

/** Whether a message of the table tells something of a place: not whether there is a fix, nor the way. */
export function tellsOfPlace({ arbitrationId }: Pick<MessageEntry, "arbitrationId">): boolean {
  return arbitrationId !== NO_FIX.id && arbitrationId !== ODOMETER_ID;
}

function messageOf(signals: readonly LocationSignal[], id: number): DbcMessage {
  const declared = signals.map(({ name, bits, signed, factor, unit, choices }, at) =>
    undeclaredSignal({
      name,
      bits,
      signed,
      factor,
      unit,
      choices,
      startBit: at * bits,
      byteOrder: "little",
      kind: "integer",
      offset: 0,
    }),
  );
  const length = signals.reduce((sum, { bits }) => sum + bits / 8, 0);
  return undeclaredMessage({ id, extended: false, name: LOCATION_MESSAGE, length, signals: declared });
}

function bytesOf(signals: readonly LocationSignal[], fix: Fix): Uint8Array | undefined {
  const bytes = new Uint8Array(signals.reduce((sum, { bits }) => sum + bits / 8, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const signal of signals) {
    const { bits, signed, factor } = signal;
    const value = signal.valueOf(fix);
    const raw = value === undefined ? Number.NaN : Math.round(value / factor);
    const [least, most] = signed ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1];
    if (!(raw >= least && raw <= most)) return undefined;
    if (bits === 8) view.setUint8(at, raw);
    else if (signed) view.setInt32(at, raw, true);
    else view.setUint32(at, raw, true);
    at += bits / 8;
  }
  return bytes;
}

function modeOf({ mode }: Fix): number {
  return mode === "3d" ? 3 : 2;
}

function kphOf(speedMps: number | undefined): number | undefined {
  return speedMps === undefined ? undefined : speedMps * KPH_PER_MPS;
}
