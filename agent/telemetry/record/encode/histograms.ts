import { type CampaignRef, writeCampaign } from "./campaign-ref.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto. */
const HISTOGRAMS = { campaign: 1, histograms: 2 } as const;
const HISTOGRAM = {
  axes: 1,
  kind: 2,
  by: 3,
  fromUs: 4,
  toUs: 5,
  totalCells: 6,
  firstCell: 7,
  cells: 8,
  states: 9,
  leftOut: 10,
  skipped: 11,
} as const;
const AXIS = { bus: 1, message: 2, name: 3, unit: 4, source: 5, destination: 6, edges: 7 } as const;

/** What cells are of, and what they count; in the order of the wire. */
export const HISTOGRAM_KINDS = ["histogram", "duration", "counter"] as const;
export const HISTOGRAM_COUNTS = ["time", "samples", "changes", "increase"] as const;

/** Bytes of a record around its histograms, and of a histogram around its axes, states and cells. */
const RECORD_OVERHEAD_BYTES = 160;
const HISTOGRAM_OVERHEAD_BYTES = 96;
/** Of one cell, which is below 2^53. */
const MAX_COUNT_BYTES = 8;

/** A signal that cells are of. */
export type HistogramSignal = {
  /** Bus and message are empty for a derived signal. */
  readonly bus: string;
  readonly message: string;
  readonly name: string;
  readonly unit: string;
  /** Of a signal with a PGN: who sent it, and to whom. */
  readonly source?: number | undefined;
  readonly destination?: number | undefined;
};

/** `edges` rise, in the signal's unit: cell 0 is below the first, cell i from edge i-1 on. None for durations and counters. */
export type HistogramAxis = HistogramSignal & { readonly edges: readonly number[] };

/** The cells of one signal, or of two, since they were 0. */
export type Histogram = {
  readonly kind: (typeof HISTOGRAM_KINDS)[number];
  /** What the cells count: "time" is µs. */
  readonly by: (typeof HISTOGRAM_COUNTS)[number];
  /** One, or two: then cell x * ny + y is of cell x of the first and y of the second, which has ny. */
  readonly axes: readonly HistogramAxis[];
  /** Of durations: the raw value of each cell; the one after them is of all others. */
  readonly states: readonly number[];
  /** Earliest and latest sample, µs since the Unix epoch. Names it, with campaign and axes: what comes again is the same. */
  readonly fromUs: number;
  readonly toUs: number;
  readonly cells: ArrayLike<number>;
  /** Samples that were NaN. */
  readonly leftOut: number;
  /** Times that nothing was counted for: a gap too long, a step back of the clock or of a counter. */
  readonly skipped: number;
};

/** Histograms of a campaign. */
export type HistogramsReport = { readonly campaign: CampaignRef; readonly histograms: readonly Histogram[] };

/** The `Histograms` message as field `field`, in as many parts of at most `maxBytes` as it takes: a large histogram is cut between cells. */
export function encodeHistograms(report: HistogramsReport, field: number, maxBytes: number): readonly Uint8Array[] {
  const room = maxBytes - RECORD_OVERHEAD_BYTES;
  const parts: Uint8Array[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const piece of report.histograms.flatMap((histogram) => piecesOf(histogram, room))) {
    if (bytes + piece.length > room) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(piece);
    bytes += piece.length;
  }
  return parts.map((pieces) => {
    const writer = new ProtobufWriter();
    writer.begin(field, 4096);
    writeCampaign(writer, HISTOGRAMS.campaign, report.campaign);
    for (const piece of pieces) writer.append(piece);
    writer.end();
    return writer.finish();
  });
}

/** One, or several that each have some of the cells. */
function piecesOf(histogram: Histogram, maxBytes: number): Uint8Array[] {
  const { axes, states, cells } = histogram;
  const names = new ProtobufWriter();
  for (const axis of axes) writeAxis(names, axis);
  const room = maxBytes - names.length - states.length * 8 - HISTOGRAM_OVERHEAD_BYTES;
  const pieces: Uint8Array[] = [];
  for (let from = 0; from < cells.length; ) {
    const first = nextNonZero(cells, from);
    const end = runEnd(cells, first, room);
    if (first < end) pieces.push(pieceOf(histogram, names.finish(), first, end));
    from = end;
  }
  return pieces.length > 0 ? pieces : [pieceOf(histogram, names.finish(), 0, 0)];
}

function nextNonZero(cells: ArrayLike<number>, from: number): number {
  let at = from;
  while (at < cells.length && cells[at] === 0) at += 1;
  return at;
}

/** The end of a run of cells from `first` on that there is room for, one at least, without the zeros behind it. */
function runEnd(cells: ArrayLike<number>, first: number, room: number): number {
  let end = Math.min(first + 1, cells.length);
  let bytes = MAX_COUNT_BYTES;
  for (let at = end; at < cells.length && bytes + MAX_COUNT_BYTES <= room; at++) {
    bytes += varintBytes(cells[at]);
    if (cells[at] !== 0) end = at + 1;
  }
  return end;
}

/** Bytes of 0 <= count < 2^53 in protobuf. */
function varintBytes(count: number): number {
  let bytes = 1;
  for (let rest = count; rest > 127; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
}

function pieceOf(histogram: Histogram, names: Uint8Array, first: number, end: number): Uint8Array {
  const { kind, by, fromUs, toUs, cells, states, leftOut, skipped } = histogram;
  const writer = new ProtobufWriter();
  writer.begin(HISTOGRAMS.histograms, names.length + end - first);
  writer.append(names);
  writer.uintField(HISTOGRAM.kind, HISTOGRAM_KINDS.indexOf(kind));
  writer.uintField(HISTOGRAM.by, HISTOGRAM_COUNTS.indexOf(by));
  writer.sintField(HISTOGRAM.fromUs, fromUs);
  writer.sintField(HISTOGRAM.toUs, toUs);
  writer.uintField(HISTOGRAM.totalCells, cells.length);
  writer.uintField(HISTOGRAM.firstCell, first);
  writer.begin(HISTOGRAM.cells, end - first);
  for (let cell = first; cell < end; cell++) writer.uint64(cells[cell]);
  writer.end();
  writeDoubles(writer, HISTOGRAM.states, states);
  writer.uintField(HISTOGRAM.leftOut, leftOut);
  writer.uintField(HISTOGRAM.skipped, skipped);
  writer.end();
  return writer.finish();
}

function writeAxis(writer: ProtobufWriter, axis: HistogramAxis): void {
  const { bus, message, name, unit, source, destination, edges } = axis;
  writer.begin(HISTOGRAM.axes, 64 + edges.length * 8);
  writer.stringField(AXIS.bus, bus);
  writer.stringField(AXIS.message, message);
  writer.stringField(AXIS.name, name);
  writer.stringField(AXIS.unit, unit);
  if (source !== undefined) writer.presentUintField(AXIS.source, source);
  if (destination !== undefined) writer.presentUintField(AXIS.destination, destination);
  writeDoubles(writer, AXIS.edges, edges);
  writer.end();
}

function writeDoubles(writer: ProtobufWriter, field: number, values: readonly number[]): void {
  if (values.length === 0) return;
  writer.begin(field, values.length * 8);
  for (const value of values) writer.double(value);
  writer.end();
}
