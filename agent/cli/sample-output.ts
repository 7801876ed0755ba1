import { allTimes, type BatchSpan, SampleAppender, type SignalLookup } from "../consumer/rows/append-samples.ts";
import { SAMPLE_COLUMNS } from "../consumer/rows/column-names.ts";
import { CSV, sampleLines } from "../consumer/rows/row-text.ts";
import { SampleBatch } from "../consumer/rows/sample-batch.ts";
import { exactLine } from "../core/exact-json.ts";
import type { TimeCorrection } from "../telemetry/record/read/correct-times.ts";
import type { DecodedRecord } from "../telemetry/record/read/decoded-record.ts";
import { samplesOf } from "../telemetry/record/read/samples.ts";
import { type CliContext, printLine } from "./context.ts";

/** Where the samples of records go, in one format. */
export interface SampleOutput {
  /** Takes the samples of a record; false when `signals` lacks one of its signals, and the format has no row for that. */
  take(record: DecodedRecord, signals: SignalLookup | undefined, time: TimeCorrection): Promise<boolean> | boolean;
  /** No record follows. */
  finish(): Promise<void>;
  /** Gives up what was not finished. */
  discard(): Promise<void>;
}

const nothing = (): Promise<void> => Promise.resolve();

/**
 * One sample a line, as JSON; without its signal it has its index and raw value. Times are as the vehicle had them, and where `isCorrected`
 * beside them as they are right.
 */
export function ndjsonOutput(context: CliContext, isCorrected: boolean): SampleOutput {
  return {
    take: (record, signals, time) => {
      const tables = { find: (_: string, index: number) => signals?.get(index) };
      for (const sample of samplesOf(record, tables)) {
        const right = isCorrected ? timesOf(time, sample.timeUs) : {};
        printLine(context, exactLine({ schemaVersion: 1, ...sample, ...right }));
      }
      return true;
    },
    finish: nothing,
    discard: nothing,
  };
}

/** What is said of a time beside it. */
export function timesOf({ shiftUs, basis, errorMs }: TimeCorrection, timeUs: number): object {
  return { correctedUs: timeUs + shiftUs, timeBasis: basis, errorMs };
}

/** A line of names, then one sample a line. */
export function csvOutput(context: CliContext): SampleOutput {
  const { stdout } = context.terminal;
  stdout.write(CSV.header(SAMPLE_COLUMNS));
  let span: BatchSpan = allTimes(new SampleBatch());
  const appender = new SampleAppender(() => span);
  return {
    take: (record, signals, time) => {
      span = allTimes(new SampleBatch());
      const isKnown = appender.append(record, signals, time);
      for (const run of span.batch.runs) for (const line of sampleLines(CSV, span.batch, run)) stdout.write(line);
      return isKnown;
    },
    finish: nothing,
    discard: nothing,
  };
}
