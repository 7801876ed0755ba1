import { type FileHandle, open, rm } from "node:fs/promises";
import { InvalidArgumentError } from "commander";
import { AgentError, errnoOf } from "../core/errors.ts";
import type { LogEncoder } from "../signals/log-formats/log-encoder.ts";
import { createLogEncoder, WRITTEN_FORMATS, type WrittenFormat } from "../signals/log-formats/write-log.ts";
import { unwritable } from "./output-file.ts";

/** A log file that is being written. Left without `finish` and without a byte in it, it is removed. */
export type LogOutput = AsyncDisposable & {
  readonly encoder: LogEncoder;
  /** Appends bytes. Throws as `unwritable` says. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the log, and makes it safe on disk. Throws as `unwritable` says. */
  finish(): Promise<void>;
};

/** A new log file. Throws `usage.invalid` when there is one already, and as `unwritable` says. */
export async function createLogOutput(path: string, format: WrittenFormat): Promise<LogOutput> {
  const file = await createFile(path);
  const encoder = createLogEncoder(format);
  let isKept = false;
  return {
    encoder,
    write: (bytes) => {
      isKept = true;
      return guarded(path, () => file.writeFile(bytes));
    },
    finish: () =>
      guarded(path, async () => {
        isKept = true;
        await file.writeFile(encoder.end());
        const header = encoder.header();
        if (header !== undefined) await file.write(header, 0, header.length, 0);
        await file.sync();
      }),
    [Symbol.asyncDispose]: async () => {
      await file.close();
      if (!isKept) await rm(path, { force: true });
    },
  };
}

/** The value of an option --format. */
export function formatArgument(text: string): WrittenFormat {
  const format = WRITTEN_FORMATS.find((one) => one === text);
  if (format === undefined) throw new InvalidArgumentError(`Give one of ${WRITTEN_FORMATS.join(", ")}.`);
  return format;
}

async function guarded(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

async function createFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, "wx");
  } catch (cause) {
    if (errnoOf(cause) !== "EEXIST") throw unwritable(path, cause);
    throw new AgentError("usage.invalid", {
      what: `${path} is there already`,
      remedy: "name another file, or remove that one",
      cause,
    });
  }
}
