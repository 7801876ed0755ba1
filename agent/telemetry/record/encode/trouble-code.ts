import type { ProtobufWriter } from "./protobuf-writer.ts";
import { type Position, writePosition } from "./trigger.ts";

/** Field numbers of config/proto/telemetry.proto. */
const EVENT = {
  number: 1,
  repeated: 2,
  event: 3,
  code: 4,
  timeUs: 5,
  cleared: 6,
  clearedDropped: 7,
  clearedBy: 8,
  position: 9,
} as const;
const CODE = {
  bus: 1,
  ecu: 2,
  protocol: 3,
  code: 4,
  raw: 5,
  text: 6,
  status: 7,
  active: 8,
  pending: 9,
  confirmed: 10,
  permanent: 11,
  ecuOccurrences: 12,
  occurrences: 13,
  firstSeenUs: 14,
  lastSeenUs: 15,
  odometerKm: 16,
  lamps: 17,
  freeze: 18,
  freezeDropped: 19,
  sinceUs: 20,
} as const;
const LAMPS = { malfunction: 1, stop: 2, warning: 3, protect: 4 } as const;
const FREEZE = { name: 1, number: 2, text: 3, unit: 4 } as const;
const EVENTS: Readonly<Record<TroubleCodeEvent["event"], number>> = {
  appeared: 1,
  confirmed: 2,
  healed: 3,
  returned: 4,
  changed: 5,
  cleared: 6,
  lamps: 7,
};
const LAMP_STATES: Readonly<Record<LampState, number>> = { off: 1, on: 2, "slow-flash": 3, "fast-flash": 4 };

/** Who lists codes: a control unit on a bus, named as the configuration, the catalogue or its address says. */
export type CodeOrigin = {
  readonly bus: string;
  readonly ecu: string;
  readonly protocol: "obd" | "uds" | "j1939";
};

/** A lamp of the dashboard; slow is 1 Hz, fast 2 Hz (SAE J1939-73). */
export type LampState = "off" | "on" | "slow-flash" | "fast-flash";

/** Lamps as a control unit commands them, absent where it does not say. OBD-II has the first alone. */
export type Lamps = {
  readonly malfunction?: LampState | undefined;
  readonly stop?: LampState | undefined;
  readonly warning?: LampState | undefined;
  readonly protect?: LampState | undefined;
};

/** A value of a freeze frame, a snapshot or extended data. What cannot be decoded is its bytes in hexadecimal. */
export type FreezeValue = {
  readonly name: string;
  readonly value: number | string;
  readonly unit?: string | undefined;
};

/** What is known of a code of a control unit. */
export type CodeState = CodeOrigin & {
  /** In the field's notation: P0301, P0301-1F, SPN 100 FMI 1. */
  readonly code: string;
  /** As it was sent. */
  readonly raw: number;
  readonly text?: string | undefined;
  /** Status byte of UDS. */
  readonly status?: number | undefined;
  /** Whether the control unit lists it as pending, confirmed or active. */
  readonly isActive: boolean;
  readonly isPending: boolean;
  readonly isConfirmed: boolean;
  /** Whether it is kept where a clear does not reach it. */
  readonly isPermanent: boolean;
  /** Times it has occurred, as the control unit counts. */
  readonly ecuOccurrences?: number | undefined;
  /** Times it has appeared or come back, as this vehicle's agent has seen it. */
  readonly occurrences: number;
  /** µs since the Unix epoch; `sinceUs` is when it appeared or came back last. */
  readonly firstSeenUs: number;
  readonly sinceUs: number;
  readonly lastSeenUs: number;
  /** When it appeared or came back last. */
  readonly odometerKm?: number | undefined;
  readonly lamps?: Lamps | undefined;
  readonly freeze: readonly FreezeValue[];
  /** Values that are left out of `freeze`. */
  readonly freezeDropped: number;
};

/** A code has changed its state, those of a control unit were cleared, or its lamps are others. */
export type TroubleCodeEvent = {
  /** Counts the events of all codes that the vehicle's journal has seen. */
  readonly number: number;
  /** Whether it may have been told already: the outbox was lost since. */
  readonly isRepeated: boolean;
  /** µs since the Unix epoch. */
  readonly timeUs: number;
  readonly event: "appeared" | "confirmed" | "healed" | "returned" | "changed" | "cleared" | "lamps";
  /** Of "cleared" and "lamps": the control unit with its lamps, without a code. */
  readonly code: CodeState;
  /** Of "cleared": the codes that are gone, how many more there were, and who cleared them where that was seen. */
  readonly cleared?:
    | { readonly codes: readonly string[]; readonly dropped: number; readonly by?: string | undefined }
    | undefined;
  /** Where the vehicle was then, as far as that may leave it. */
  readonly position?: Position | undefined;
};

/** What is told of the codes of a vehicle, before it is numbered. */
export type CodeChange = Omit<TroubleCodeEvent, "number" | "isRepeated">;

/** A text is for people, a name and a text value come from outside: what is longer is cut, so that a code always fits a record. */
const MAX_TEXT_CHARACTERS = 200;
const MAX_NAME_CHARACTERS = 100;

/** Writes the `TroubleCode` message as field `field`. */
export function writeTroubleCode(writer: ProtobufWriter, field: number, event: TroubleCodeEvent): void {
  const { cleared } = event;
  writer.begin(field, 256);
  writer.uintField(EVENT.number, event.number);
  writer.uintField(EVENT.repeated, event.isRepeated ? 1 : 0);
  writer.uintField(EVENT.event, EVENTS[event.event]);
  writeCodeState(writer, EVENT.code, event.code);
  writer.sintField(EVENT.timeUs, event.timeUs);
  for (const code of cleared?.codes ?? []) writer.presentStringField(EVENT.cleared, code);
  writer.uintField(EVENT.clearedDropped, cleared?.dropped ?? 0);
  writer.stringField(EVENT.clearedBy, cleared?.by ?? "");
  if (event.position !== undefined) writePosition(writer, EVENT.position, event.position);
  writer.end();
}

/** Writes the `CodeState` message as field `field`. */
export function writeCodeState(writer: ProtobufWriter, field: number, code: CodeState): void {
  writer.begin(field, 200);
  writer.stringField(CODE.bus, code.bus);
  writer.stringField(CODE.ecu, code.ecu);
  writer.stringField(CODE.protocol, code.protocol);
  writer.stringField(CODE.code, code.code.slice(0, MAX_NAME_CHARACTERS));
  writer.uintField(CODE.raw, code.raw);
  writer.stringField(CODE.text, (code.text ?? "").slice(0, MAX_TEXT_CHARACTERS));
  if (code.status !== undefined) writer.presentUintField(CODE.status, code.status);
  writer.uintField(CODE.active, code.isActive ? 1 : 0);
  writer.uintField(CODE.pending, code.isPending ? 1 : 0);
  writer.uintField(CODE.confirmed, code.isConfirmed ? 1 : 0);
  writer.uintField(CODE.permanent, code.isPermanent ? 1 : 0);
  if (code.ecuOccurrences !== undefined) writer.presentUintField(CODE.ecuOccurrences, code.ecuOccurrences);
  writer.uintField(CODE.occurrences, code.occurrences);
  writer.sintField(CODE.firstSeenUs, code.firstSeenUs);
  writer.sintField(CODE.lastSeenUs, code.lastSeenUs);
  if (code.odometerKm !== undefined) writer.presentDoubleField(CODE.odometerKm, code.odometerKm);
  if (code.lamps !== undefined) writeLamps(writer, code.lamps);
  for (const value of code.freeze) writeFreezeValue(writer, value);
  writer.uintField(CODE.freezeDropped, code.freezeDropped);
  writer.sintField(CODE.sinceUs, code.sinceUs);
  writer.end();
}

function writeLamps(writer: ProtobufWriter, { malfunction, stop, warning, protect }: Lamps): void {
  const numberOf = (state: LampState | undefined): number => (state === undefined ? 0 : LAMP_STATES[state]);
  writer.begin(CODE.lamps, 8);
  writer.uintField(LAMPS.malfunction, numberOf(malfunction));
  writer.uintField(LAMPS.stop, numberOf(stop));
  writer.uintField(LAMPS.warning, numberOf(warning));
  writer.uintField(LAMPS.protect, numberOf(protect));
  writer.end();
}

function writeFreezeValue(writer: ProtobufWriter, { name, value, unit }: FreezeValue): void {
  writer.begin(CODE.freeze, 40);
  writer.stringField(FREEZE.name, name.slice(0, MAX_NAME_CHARACTERS));
  if (typeof value === "number") writer.presentDoubleField(FREEZE.number, value);
  else writer.presentStringField(FREEZE.text, value.slice(0, MAX_TEXT_CHARACTERS));
  writer.stringField(FREEZE.unit, (unit ?? "").slice(0, MAX_NAME_CHARACTERS));
  writer.end();
}

/**
 * `event` as its record holds it: while it is longer than `maxBytes`, freeze data and then names of cleared codes are left out from the last
 * on, and counted. `bytesOf` gives the length of its body.
 */
export function fitTroubleCode(
  event: TroubleCodeEvent,
  maxBytes: number,
  bytesOf: (event: TroubleCodeEvent) => number,
): TroubleCodeEvent {
  let fitted = event;
  while (bytesOf(fitted) > maxBytes && fitted.code.freeze.length > 0) fitted = withLessFreeze(fitted);
  while (bytesOf(fitted) > maxBytes && (fitted.cleared?.codes.length ?? 0) > 0) fitted = withFewerCleared(fitted);
  return fitted;
}

function withLessFreeze(event: TroubleCodeEvent): TroubleCodeEvent {
  const { freeze, freezeDropped } = event.code;
  const keep = Math.floor(freeze.length / 2);
  const dropped = freezeDropped + freeze.length - keep;
  return { ...event, code: { ...event.code, freeze: freeze.slice(0, keep), freezeDropped: dropped } };
}

function withFewerCleared(event: TroubleCodeEvent): TroubleCodeEvent {
  const { codes, dropped, by } = event.cleared ?? { codes: [], dropped: 0, by: undefined };
  const keep = Math.floor(codes.length / 2);
  return { ...event, cleared: { codes: codes.slice(0, keep), dropped: dropped + codes.length - keep, by } };
}
