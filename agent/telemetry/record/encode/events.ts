import type { BusState } from "../../../ports/can-bus.ts";
import type { LossRange, LossReason } from "../../../ports/outbox.ts";
import { type BusCount, writeBusCount } from "./bus-count.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto. */
const LOSS = {
  epoch: 1,
  stream: 2,
  first: 3,
  last: 4,
  reason: 5,
  detail: 6,
  thinning: 7,
  keptFirst: 8,
  keptLast: 9,
} as const;
const BUS_EVENT = { count: 1, state: 2, detail: 3, timeUs: 4 } as const;
const NOTICE = { event: 1, detail: 2, timeUs: 3 } as const;
const REASON: Readonly<Record<LossReason, number>> = {
  evicted: 1,
  expired: 2,
  rejected: 3,
  damaged: 4,
  dropped: 5,
  thinned: 6,
};

/** A `detail` is for people; what is longer is cut, so that an event always fits its record. */
const MAX_DETAIL_CHARACTERS = 500;

/** A bus changed its state. */
export type BusEvent = {
  readonly count: BusCount;
  readonly state: BusState;
  readonly detail: string;
  /** µs since the Unix epoch. */
  readonly timeUs: number;
};

/** Something about the agent itself that a person must know of. */
export type Notice = {
  /** As in the log, for example "config.unusable". */
  readonly event: string;
  readonly detail: string;
};

/** Writes the `Loss` message as field `field`. */
export function writeLoss(writer: ProtobufWriter, field: number, loss: LossRange): void {
  writer.begin(field, 64);
  writer.uintField(LOSS.epoch, loss.epoch);
  writer.stringField(LOSS.stream, loss.stream);
  writer.uintField(LOSS.first, loss.first);
  writer.uintField(LOSS.last, loss.last);
  writer.uintField(LOSS.reason, REASON[loss.reason]);
  writer.stringField(LOSS.detail, loss.detail.slice(0, MAX_DETAIL_CHARACTERS));
  if (loss.thinned !== undefined) {
    writer.uintField(LOSS.thinning, loss.thinned.ratio);
    writer.uintField(LOSS.keptFirst, loss.thinned.keptFirst);
    writer.uintField(LOSS.keptLast, loss.thinned.keptLast);
  }
  writer.end();
}

/** Writes the `BusEvent` message as field `field`. */
export function writeBusEvent(writer: ProtobufWriter, field: number, event: BusEvent): void {
  writer.begin(field, 64);
  writeBusCount(writer, BUS_EVENT.count, event.count);
  writer.stringField(BUS_EVENT.state, event.state);
  writer.stringField(BUS_EVENT.detail, event.detail.slice(0, MAX_DETAIL_CHARACTERS));
  writer.sintField(BUS_EVENT.timeUs, event.timeUs);
  writer.end();
}

/** Writes the `Notice` message as field `field`; `timeUs` is in µs since the Unix epoch. */
export function writeNotice(writer: ProtobufWriter, field: number, { event, detail }: Notice, timeUs: number): void {
  writer.begin(field, 64);
  writer.stringField(NOTICE.event, event);
  writer.stringField(NOTICE.detail, detail.slice(0, MAX_DETAIL_CHARACTERS));
  writer.sintField(NOTICE.timeUs, timeUs);
  writer.end();
}
