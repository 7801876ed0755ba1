import { closeSync, fsyncSync, ftruncateSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { ParquetBody, type ParquetEnd } from "../parquet/parquet-body.ts";
import type { BatchSpan } from "../rows/append-samples.ts";
import { EVENT_COLUMNS, SAMPLE_COLUMNS } from "../rows/column-names.ts";
import type { EventRow } from "../rows/event-row.ts";
import { CSV, eventLine, NDJSON, type RowFormat, sampleLines } from "../rows/row-text.ts";
import type { FolderSettings } from "./settings.ts";

/** Bytes that are written at a time. */
const PIECE_BYTES = 1_048_576;

/** Rows of one file. */
export type FileRows =
  | { readonly kind: "samples"; readonly span: BatchSpan }
  | { readonly kind: "events"; readonly events: readonly EventRow[] };

/** Where rows go: a new file, which has the name `partial` until it is whole, or behind the `before` bytes of one that there is. */
export type RollFile = {
  /** In the folder, as `partial` is. */
  readonly path: string;
  readonly partial: string | undefined;
  readonly before: ParquetEnd | undefined;
};

/** Writes rows and makes them durable; what the file is then. `step` is told of each piece. Throws what the file system says. */
export function writeRows(
  folder: string,
  { path, partial, before }: RollFile,
  rows: FileRows,
  { format, step }: { readonly format: FolderSettings["format"]; readonly step: (name: string) => void },
): ParquetEnd {
  const file = join(folder, partial ?? path);
  mkdirSync(dirname(file), { recursive: true });
  const handle = openSync(file, partial === undefined ? "r+" : "w");
  try {
    const start = before?.bytes ?? 0;
    // What an attempt has left that was given up.
    ftruncateSync(handle, start);
    let bytes = start;
    const write = (piece: Uint8Array): void => {
      for (let from = 0; from < piece.length; from += PIECE_BYTES) {
        const part = piece.subarray(from, from + PIECE_BYTES);
        // Half first, so that a kill in between leaves half.
        const half = part.length >> 1;
        writeAll(handle, part.subarray(0, half), bytes);
        step("half-written");
        writeAll(handle, part.subarray(half), bytes + half);
        bytes += part.length;
      }
    };
    const end =
      format === "parquet"
        ? writeParquet(rows, before, write)
        : writeLines(rows, format === "csv" ? CSV : NDJSON, start, write);
    fsyncSync(handle);
    return { ...end, bytes, rows: end.rows + (format === "parquet" ? 0 : (before?.rows ?? 0)) };
  } finally {
    closeSync(handle);
  }
}

function writeAll(handle: number, piece: Uint8Array, at: number): void {
  let done = 0;
  while (done < piece.length) done += writeSync(handle, piece, done, piece.length - done, at + done);
}

function writeParquet(rows: FileRows, before: ParquetEnd | undefined, write: (piece: Uint8Array) => void): ParquetEnd {
  const body = new ParquetBody(rows.kind, before);
  if (rows.kind === "samples") body.addSamples(rows.span.batch);
  else body.addEvents(rows.events);
  const end = body.finish();
  write(body.take());
  return end;
}

function writeLines(
  rows: FileRows,
  format: RowFormat,
  start: number,
  write: (piece: Uint8Array) => void,
): Omit<ParquetEnd, "bytes"> {
  let text = start === 0 ? format.header(rows.kind === "samples" ? SAMPLE_COLUMNS : EVENT_COLUMNS) : "";
  let count = 0;
  for (const line of linesOf(rows, format)) {
    text += line;
    count += 1;
    if (text.length < PIECE_BYTES) continue;
    write(Buffer.from(text));
    text = "";
  }
  write(Buffer.from(text));
  return { rows: count, rowGroups: [] };
}

function* linesOf(rows: FileRows, format: RowFormat): Generator<string> {
  if (rows.kind === "events") for (const event of rows.events) yield eventLine(format, event);
  else for (const run of rows.span.batch.runs) yield* sampleLines(format, rows.span.batch, run);
}
