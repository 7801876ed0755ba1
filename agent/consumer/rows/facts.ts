import type { ClockQuality } from "../../core/clock.ts";
import type { StreamName } from "../../ports/outbox.ts";
import { splitSignalName } from "../../signals/message-name.ts";
import {
  boottimeUsOf,
  distanceUsOf,
  isByAnchor,
  stampOf,
  type TimeBasis,
} from "../../telemetry/record/read/correct-times.ts";
import type { DecodedRecord, RecordRow, RecordSignal } from "../../telemetry/record/read/decoded-record.ts";
import type { ClockShift } from "../store/clock-offsets.ts";

/** What all rows of one record share. */
export type RecordFacts = {
  readonly thing: string;
  readonly epoch: number;
  readonly stream: StreamName;
  readonly seq: number;
  readonly bootId: string;
  /** The record's own anchor: its boottime, and wall time less boottime, µs: with them times can be put right again. */
  readonly monotonicUs: number;
  readonly offsetUs: number;
  /** What the times are worth, `shiftUs` being added to them. */
  readonly timeQuality: ClockQuality;
  readonly shiftUs: number;
  /** "unknown" too where they are by another clock than that of the anchor. */
  readonly timeBasis: TimeBasis;
  readonly campaign: string | undefined;
  readonly trigger: number | undefined;
};

/** What all samples of one signal share. */
export type SignalFacts = {
  /** Empty for a derived signal, as `message` is. */
  readonly bus: string;
  readonly message: string;
  readonly signal: string;
  readonly aggregate: string | undefined;
  /** Of an aggregate, µs; 0 is a trip. Undefined for samples. */
  readonly windowUs: number | undefined;
  readonly unit: string;
  /** Paths of the Vehicle Signal Specification, parted by a space where there are several. The value is not converted. */
  readonly vssPath: string | undefined;
};

/** A shift beyond this is no clock that was set, but a record that lies, µs: 142 years. */
const MAX_SHIFT_US = 2 ** 52;

/** The facts of a record. A shift of more than 142 years is left out, and that of times that are by another clock. */
export function recordFactsOf(record: DecodedRecord, shift: ClockShift): RecordFacts {
  const { thing, epoch, stream, seq, bootId, anchor, body } = record;
  const isOwn = isByAnchor(anchor, stampOf(body) ?? anchor.wallUs);
  const isSane = isOwn && Math.abs(shift.shiftUs) < MAX_SHIFT_US;
  const of = body.kind === "samples" || body.kind === "rows" || body.kind === "frames" ? body : undefined;
  return {
    thing,
    epoch,
    stream,
    seq,
    bootId,
    monotonicUs: boottimeUsOf(anchor),
    offsetUs: distanceUsOf(anchor),
    timeQuality: isSane ? shift.quality : anchor.quality,
    shiftUs: isSane ? shift.shiftUs : 0,
    timeBasis: isSane ? shift.basis : "unknown",
    campaign: of?.campaign?.id,
    trigger: of?.trigger,
  };
}

/** The facts of a signal of a table. */
export function signalFactsOf({ bus, message, name, unit, aggregate, windowUs, vss }: RecordSignal): SignalFacts {
  return {
    bus,
    message,
    signal: name,
    aggregate,
    windowUs: aggregate === undefined ? undefined : (windowUs ?? 0),
    unit,
    vssPath: pathsOf(vss.map(({ path }) => path)),
  };
}

/** The facts of a sample that came with its names: "Message.Signal", or the name alone of a derived signal. */
export function rowFactsOf({ bus, name, unit, aggregate, windowUs, vssPaths }: RecordRow): SignalFacts {
  return {
    bus,
    ...splitSignalName(name),
    aggregate,
    windowUs: aggregate === undefined ? undefined : (windowUs ?? 0),
    unit,
    vssPath: pathsOf(vssPaths),
  };
}

function pathsOf(paths: readonly string[]): string | undefined {
  return paths.length === 0 ? undefined : paths.join(" ");
}
