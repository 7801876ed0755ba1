import type { KnownTables } from "../consumer/input/known-tables.ts";
import type { TimeCorrection } from "../telemetry/record/read/correct-times.ts";
import type { DecodedRecord } from "../telemetry/record/read/decoded-record.ts";
import type { SampleOutput } from "./sample-output.ts";

/** Records of a stream that wait for their signal table; with one more the oldest goes without. */
const MAX_WAITING = 1000;
/** Tables that were missing and are told by name. */
const MAX_TOLD = 100;

export type SampleDecoderParts = {
  readonly output: SampleOutput;
  readonly tables: KnownTables;
  /** Whether tables and clocks come with the records: of what is read once alone. */
  readonly learns: boolean;
  /** How the times of a record are made right. */
  readonly correctionOf: (record: DecodedRecord) => TimeCorrection;
};

/** Hands the samples of records to an output, and counts what it cannot show. */
export class SampleDecoder {
  readonly unknownTables = new Set<string>();
  /** Records that the output has no rows for without their signal table. */
  leftOut = 0;
  /** Records that hold no samples, tables aside. */
  otherRecords = 0;
  readonly #parts: SampleDecoderParts;
  #waiting: DecodedRecord[] = [];

  constructor(parts: SampleDecoderParts) {
    this.#parts = parts;
  }

  async take(record: DecodedRecord): Promise<void> {
    const { tables, learns } = this.#parts;
    if (learns) tables.learn(record);
    const { kind } = record.body;
    if (kind === "table" && learns) return this.#release();
    if (kind !== "samples" && kind !== "rows" && kind !== "table") this.otherRecords += 1;
    if (!learns || tables.knows(record)) return this.#write(record);
    this.#waiting.push(record);
    const oldest = this.#waiting.length > MAX_WAITING ? this.#waiting.shift() : undefined;
    if (oldest !== undefined) await this.#write(oldest);
  }

  /** Writes what still waits, and ends the output. */
  async finish(): Promise<void> {
    for (const record of this.#waiting) await this.#write(record);
    this.#waiting = [];
    await this.#parts.output.finish();
  }

  /** Writes what waits no more, in the order in which it came. */
  async #release(): Promise<void> {
    const { tables } = this.#parts;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter((record) => !tables.knows(record));
    for (const record of waiting) if (tables.knows(record)) await this.#write(record);
  }

  async #write(record: DecodedRecord): Promise<void> {
    const { output, tables, correctionOf } = this.#parts;
    const { body } = record;
    if (body.kind === "samples" && !tables.knows(record) && this.unknownTables.size < MAX_TOLD) {
      this.unknownTables.add(body.table);
    }
    const isTaken = await output.take(record, tables.tableOf(record)?.signals, correctionOf(record));
    if (!isTaken) this.leftOut += 1;
  }
}
