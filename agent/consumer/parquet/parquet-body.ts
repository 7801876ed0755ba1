import { constants, zstdCompressSync } from "node:zlib";
import { ByteWriter, type ColumnSource, ParquetWriter } from "hyparquet-writer";
import type { EventRow } from "../rows/event-row.ts";
import type { SampleBatch } from "../rows/sample-batch.ts";
import type { Column } from "./column.ts";
import { EVENT_PARQUET } from "./event-columns.ts";
import { SAMPLE_PARQUET } from "./sample-columns.ts";

/** Half the bytes of snappy on the records of the bench's vehicle, at the same speed; DuckDB, pandas, Polars, Spark and Athena read it. */
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };
const CREATED_BY = "causeway";

/** What a file holds that is complete, as far as rows can be put behind it. */
export type ParquetEnd = {
  /** Bytes of the file. */
  readonly bytes: number;
  readonly rows: number;
  readonly rowGroups: ParquetWriter["row_groups"];
};

/**
 * The bytes of a Parquet file of samples or of events, row group by row group, in memory until they are taken. A batch is a row group, and
 * should be of 10^5 to 10^6 rows.
 *
 * With `end`, the bytes that go behind those of a complete file: row groups, and a footer that has the ones before too. The footer
 * in the middle is skipped by readers. Whatever of these bytes is cut off again, the file before is left.
 */
export class ParquetBody {
  readonly #bytes = new ByteWriter();
  readonly #writer: ParquetWriter;

  constructor(kind: "samples" | "events", end?: ParquetEnd) {
    const elements = kind === "samples" ? elementsOf(SAMPLE_PARQUET) : elementsOf(EVENT_PARQUET);
    this.#writer = new ParquetWriter({
      writer: this.#bytes,
      schema: [{ name: "root", num_children: elements.length }, ...elements],
      codec: "ZSTD",
      compressors: { ZSTD: (bytes) => zstdCompressSync(bytes, ZSTD) },
      createdBy: CREATED_BY,
    });
    if (end !== undefined) this.#goOn(end);
  }

  /** The magic number that a file begins with is there already. */
  #goOn({ bytes, rows, rowGroups }: ParquetEnd): void {
    this.#bytes.index = 0;
    this.#bytes.offset = bytes;
    this.#writer.num_rows = BigInt(rows);
    this.#writer.row_groups.push(...rowGroups);
  }

  /** Adds a row group, by signal and time. Nothing for a batch without rows. */
  addSamples(batch: SampleBatch): void {
    if (batch.rows === 0) return;
    this.#write(SAMPLE_PARQUET, { batch, runs: batch.bySignal() }, batch.rows);
  }

  /** Adds a row group. Nothing for no events. */
  addEvents(events: readonly EventRow[]): void {
    if (events.length > 0) this.#write(EVENT_PARQUET, events, events.length);
  }

  /** The bytes since they were taken last. */
  take(): Uint8Array {
    const bytes = this.#bytes.getBytes().slice();
    this.#bytes.index = 0;
    return bytes;
  }

  /** Ends the file; `take` then gives its last bytes. */
  finish(): ParquetEnd {
    // A promise only where bytes are sent on; here they stay in memory.
    void this.#writer.finish();
    const { row_groups: rowGroups, num_rows: rows } = this.#writer;
    return { bytes: this.#bytes.offset, rows: Number(rows), rowGroups };
  }

  #write<From>(columns: Readonly<Record<string, Column<From>>>, from: From, rows: number): void {
    const columnData = Object.entries(columns).map(([name, column]): ColumnSource => {
      const { encoding, statistics, build } = column;
      // The writer asks for the data of one column after the other.
      return {
        name,
        ...(encoding && { encoding }),
        statistics,
        offsetIndex: false,
        get data() {
          return build(from);
        },
      };
    });
    void this.#writer.write({ columnData, rowGroupSize: rows });
  }
}

function elementsOf<From>(columns: Readonly<Record<string, Column<From>>>): ParquetWriter["schema"] {
  return Object.entries(columns).map(([name, { element, required }]) => ({
    ...element,
    name,
    repetition_type: required ? "REQUIRED" : "OPTIONAL",
  }));
}
