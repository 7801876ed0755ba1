import type { Delivery } from "../../agent/consumer/store/delivery.ts";
import { isWhole, type RecordTable, withPart } from "../../agent/consumer/store/record-table.ts";
import type { Sink } from "../../agent/consumer/store/sink.ts";
import type { ClockQuality } from "../../agent/core/clock.ts";
import type { StreamName } from "../../agent/ports/outbox.ts";
import { createRecordReader } from "../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../config/proto/descriptor.ts";

/** What a reader of the store sees of one record: of one that it sees twice there are two. */
export type StoredRecord = {
  readonly thing: string;
  readonly epoch: number;
  readonly stream: string;
  readonly seq: number;
  readonly kind: string;
  readonly shiftUs: number;
  readonly quality: string;
  /** Of samples: "Message.Signal time value", ascending. */
  readonly rows: readonly string[];
};

/** One store under test. */
export type SinkSubject = {
  /** One more worker's sink on the same store. */
  open(): Promise<Sink>;
  /** All records but parts of tables, as a reader sees them that has nothing to do with the sink. All sinks are closed then. */
  stored(): Promise<readonly StoredRecord[]>;
  /** Makes the service fail from now on, or well again; absent where nothing stands between sink and store. */
  readonly disturb?: (isBroken: boolean) => void;
  end(): Promise<void>;
};

/** Opens an empty store. */
export type OpenSinkSubject = () => Promise<SinkSubject>;

/** µs since the Unix epoch: 2026-01-01T00:00:00Z. */
export const NEW_YEAR_US = 1_767_225_600_000_000;
export const BOOT_ID = "00112233445566778899aabbccddeeff";
export const reader = createRecordReader(readDescriptor());

const QUALITIES = {
  unsynchronised: "CLOCK_QUALITY_UNSYNCHRONISED",
  rtc: "CLOCK_QUALITY_RTC",
  ntp: "CLOCK_QUALITY_NTP",
  gps: "CLOCK_QUALITY_GPS",
  saved: "CLOCK_QUALITY_SAVED",
} as const;

/** What of a record is not as with all others. */
export type RecordSpec = {
  readonly thing?: string;
  readonly epoch?: number;
  readonly stream?: StreamName;
  readonly seq: number;
  readonly quality?: ClockQuality;
  readonly monotonicUs?: number;
  readonly wallUs?: number;
  readonly receivedUs?: number;
  readonly thinned?: { readonly ratio: number; readonly seqs: readonly number[] };
  /** The body in the JSON form of protobuf; a notice when absent. */
  readonly body?: Readonly<Record<string, unknown>>;
  readonly table?: RecordTable;
};

/** A delivery of a record in the JSON form, decoded by the shipped reader. */
export function deliveryOf(spec: RecordSpec): Delivery {
  const { thing = "truck-1", epoch = 7, stream = "telemetry", seq, quality = "ntp", thinned } = spec;
  const { monotonicUs = 5_000_000, wallUs = NEW_YEAR_US, receivedUs = NEW_YEAR_US + 1_000_000 } = spec;
  const deltas = thinned?.seqs.map((one, at, all) => one - (all[at - 1] ?? 0));
  const document = {
    thing,
    epoch,
    stream,
    seq,
    bootId: BOOT_ID,
    anchor: { monotonicUs, wallUs, quality: QUALITIES[quality] },
    ...(thinned !== undefined && { thinned: { ratio: thinned.ratio, seqs: deltas } }),
    ...(spec.body ?? noticeBody(wallUs)),
  };
  const payload = Buffer.from(JSON.stringify(document));
  return { record: reader.decode(payload), payload, wireBytes: payload.length, receivedUs, table: spec.table };
}

function noticeBody(timeUs: number): Readonly<Record<string, unknown>> {
  return { notice: { event: "test.noted", detail: "", timeUs } };
}

/** Samples of signals 0 and 1 of table "0123456789abcdef": `values` of the first, each with its negative of the second, 1 ms apart. */
export function samplesBody(baseTimeUs: number, values: readonly number[]): Readonly<Record<string, unknown>> {
  const steps = (all: readonly number[]): number[] => all.map((value, at) => value - (all[at - 1] ?? 0));
  return {
    samples: {
      table: TABLE_ID,
      baseTimeUs,
      timeUnitUs: 1000,
      axes: [{ deltas: values.map((_, at) => (at === 0 ? 0 : 1)) }],
      columns: [
        { signal: 0, axis: 0, raws: steps(values) },
        { signal: 1, axis: 0, raws: steps(values.map((value) => -value)) },
      ],
      buses: [],
    },
  };
}

export const TABLE_ID = "0123456789abcdef";

/** Part of the table: signal `index` of two. Physical = raw * 0.5 + 10. */
export function tableBody(index: 0 | 1, unit = "rpm"): Readonly<Record<string, unknown>> {
  const place = { bus: "can0", message: "Engine", arbitrationId: 256, name: `Signal${index}` };
  const scale = { unit, factor: 0.5, offset: 10, kind: "SIGNAL_KIND_INTEGER", isSigned: true, bits: 16 };
  return { table: { id: TABLE_ID, total: 2, signals: [{ index, ...place, ...scale }] } };
}

/** The whole table, put together of its parts. */
export function wholeTable(): RecordTable {
  let table: RecordTable | undefined;
  for (const index of [0, 1] as const) {
    const { body } = deliveryOf({ seq: 1, body: tableBody(index) }).record;
    if (body.kind === "table") table = withPart(table, body);
  }
  if (table === undefined || !isWhole(table)) throw new Error("the parts make no table");
  return table;
}

/** The parts of the table, as a vehicle sends them before its samples. */
export function tableDeliveries(of: Omit<RecordSpec, "seq"> = {}): Delivery[] {
  const ids = [0, 1] as const;
  return ids.map((index) => deliveryOf({ ...of, seq: index + 1, stream: "event", body: tableBody(index) }));
}

/** Losses of records first..last of `stream` in `epoch`: telemetry and 7 when absent, evicted unless `reason` says otherwise. */
export function lossBody(loss: {
  readonly epoch?: number;
  readonly stream?: StreamName;
  readonly first: number;
  readonly last: number;
  readonly reason?: string;
  readonly thinning?: number;
  readonly keptFirst?: number;
  readonly keptLast?: number;
}): Readonly<Record<string, unknown>> {
  return { loss: { epoch: 7, stream: "telemetry", reason: "LOSS_REASON_EVICTED", detail: "", ...loss } };
}
