import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { ParquetBody } from "../consumer/parquet/parquet-body.ts";
import { allTimes, type BatchSpan, SampleAppender } from "../consumer/rows/append-samples.ts";
import { type EventRow, eventRowOf } from "../consumer/rows/event-row.ts";
import { SampleBatch } from "../consumer/rows/sample-batch.ts";
import { AgentError } from "../core/errors.ts";
import { unwritable } from "./output-file.ts";
import type { SampleOutput } from "./sample-output.ts";

/** Rows of a row group: enough to compress well, and what is held in memory. */
const GROUP_ROWS = 250_000;
const GROUP_EVENTS = 10_000;

/**
 * A Parquet file of samples; in a folder `samples.parquet`, and `events.parquet` for what is no sample. The names are there when a file is
 * whole. Throws `usage.invalid` when there is one already, and as `unwritable` says.
 */
export async function parquetOutput(path: string): Promise<SampleOutput> {
  const isFolder = await isExistingFolder(path);
  const samples = await ParquetFile.create(isFolder ? join(path, "samples.parquet") : path, "samples");
  const events = isFolder ? await ParquetFile.create(join(path, "events.parquet"), "events") : undefined;
  const files = [samples, ...(events === undefined ? [] : [events])];
  let span: BatchSpan = allTimes(new SampleBatch());
  const appender = new SampleAppender(() => span);
  let rows: EventRow[] = [];
  const flush = async (leastSamples: number, leastEvents: number): Promise<void> => {
    if (span.batch.rows >= leastSamples) {
      samples.body.addSamples(span.batch);
      span = allTimes(new SampleBatch());
      await samples.flush();
    }
    if (events === undefined || rows.length < leastEvents) return;
    events.body.addEvents(rows);
    rows = [];
    await events.flush();
  };
  return {
    take: async (record, signals, shift) => {
      if (!appender.append(record, signals, shift)) return false;
      const event = events === undefined ? undefined : eventRowOf(record, shift);
      if (event !== undefined) rows.push(event);
      await flush(GROUP_ROWS, GROUP_EVENTS);
      return true;
    },
    finish: async () => {
      await flush(0, 0);
      for (const file of files) await file.finish();
    },
    discard: async () => {
      for (const file of files) await file.discard();
    },
  };
}

/** A file that is written under another name until it is whole. */
class ParquetFile {
  readonly body: ParquetBody;
  readonly #path: string;
  readonly #partial: string;
  readonly #file: FileHandle;

  private constructor(path: string, file: FileHandle, kind: "samples" | "events") {
    this.#path = path;
    this.#partial = partialOf(path);
    this.#file = file;
    this.body = new ParquetBody(kind);
  }

  static async create(path: string, kind: "samples" | "events"): Promise<ParquetFile> {
    if (await isThere(path)) {
      throw new AgentError("usage.invalid", { what: `${path} exists`, remedy: "Give another name, or remove it." });
    }
    return new ParquetFile(path, await writing(path, () => open(partialOf(path), "w")), kind);
  }

  async flush(): Promise<void> {
    await writing(this.#path, () => this.#file.appendFile(this.body.take()));
  }

  async finish(): Promise<void> {
    this.body.finish();
    await this.flush();
    await writing(this.#path, async () => {
      await this.#file.sync();
      await this.#file.close();
      await rename(this.#partial, this.#path);
    });
  }

  async discard(): Promise<void> {
    await this.#file.close();
    await rm(this.#partial, { force: true });
  }
}

function partialOf(path: string): string {
  return `${path}.partial`;
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false;
  }
}

async function isExistingFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw unwritable(path, error);
  }
}
