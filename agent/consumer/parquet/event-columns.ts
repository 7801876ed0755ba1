import type { EVENT_COLUMNS } from "../rows/column-names.ts";
import type { EventRow } from "../rows/event-row.ts";
import { type Column, INT64, TEXT, TIME } from "./column.ts";

type Events = readonly EventRow[];

/** Columns of events as Parquet has them. */
export const EVENT_PARQUET: Readonly<Record<(typeof EVENT_COLUMNS)[number], Column<Events>>> = {
  thing: of(TEXT, ({ record }) => record.thing),
  epoch: of(INT64, ({ record }) => BigInt(record.epoch)),
  stream: of(TEXT, ({ record }) => record.stream),
  seq: of(INT64, ({ record }) => BigInt(record.seq)),
  time_us: {
    element: TIME,
    required: true,
    encoding: "DELTA_BINARY_PACKED",
    statistics: true,
    build: (events) => BigInt64Array.from(events, ({ timeUs }) => BigInt(timeUs)),
  },
  time_quality: of(TEXT, ({ record }) => record.timeQuality),
  time_basis: of(TEXT, ({ record }) => record.timeBasis),
  shift_us: of(INT64, ({ record }) => BigInt(record.shiftUs)),
  boot_id: of(TEXT, ({ record }) => record.bootId),
  monotonic_us: of(INT64, ({ record }) => BigInt(record.monotonicUs)),
  offset_us: of(INT64, ({ record }) => BigInt(record.offsetUs)),
  kind: of(TEXT, ({ kind }) => kind),
  body: { ...of(TEXT, ({ body }) => body), statistics: false },
};

function of(element: Column<Events>["element"], valueOf: (event: EventRow) => string | bigint): Column<Events> {
  return { element, required: true, statistics: element === TEXT, build: (events) => events.map(valueOf) };
}
