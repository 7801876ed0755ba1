import { stat } from "node:fs/promises";
import { filesIn } from "../consumer/input/input-folder.ts";
import { type FramedPayload, PayloadSplitter } from "../consumer/input/payload-splitter.ts";
import { AgentError, EXIT } from "../core/errors.ts";
import type { DecodedRecord } from "../telemetry/record/read/decoded-record.ts";
import { malformed } from "../telemetry/record/read/malformed-record.ts";
import { type CliContext, printProblem } from "./context.ts";
import { readInput, unreadable } from "./input-file.ts";
import type { PayloadReader } from "./payload-reader.ts";

const LINE_FEED = 0x0a;

/** Where payloads come from: one, or several one after the other (`PayloadSplitter`). That of stdin can be read once. */
export type Source = { readonly name: string; readonly payloads: () => AsyncIterable<FramedPayload> };

/** Payloads in a file. */
export function fileSource(context: CliContext, name: string): Source {
  return { name, payloads: () => payloadsIn(readInput(context, name)) };
}

/** Payloads from stdin. */
export function stdinSource(context: CliContext): Source {
  return { name: "stdin", payloads: () => payloadsIn(readInput(context, undefined)) };
}

/** Payloads in files, and in all files of folders and those below, in the order of their names. Throws `input.missing` for a folder that cannot be read. */
export async function fileSources(context: CliContext, paths: readonly string[]): Promise<readonly Source[]> {
  const sources: Source[] = [];
  for (const path of paths) {
    const files = (await isFolder(path)) ? await namesIn(path) : [path];
    for (const file of files) sources.push(fileSource(context, file));
  }
  return sources;
}

/** A bad file is told, and the others are read nevertheless. Waits for `take` after each record. Gives whether all could be read. */
export async function eachRecord(
  context: CliContext,
  reader: PayloadReader,
  sources: readonly Source[],
  take: (record: DecodedRecord) => Promise<void> | void,
): Promise<boolean> {
  let isWhole = true;
  for (const source of sources) {
    if (context.signal.aborted) {
      context.finish(EXIT.interrupted);
      return false;
    }
    for await (const record of recordsOf(reader, source)) {
      if (!(record instanceof AgentError)) await take(record);
      else {
        printProblem(context, { what: record.message, remedy: record.remedy });
        context.finish(EXIT.badInput);
        isWhole = false;
      }
      if (context.signal.aborted) break;
    }
  }
  return isWhole;
}

/** The records of a source; in the place of one that is none, or cannot be read, an error that names it. */
export async function* recordsOf(reader: PayloadReader, source: Source): AsyncGenerator<DecodedRecord | AgentError> {
  try {
    for await (const framed of source.payloads()) yield await recordOf(reader, source.name, framed);
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    yield thrown;
  }
}

async function recordOf(
  reader: PayloadReader,
  name: string,
  framed: FramedPayload,
): Promise<DecodedRecord | AgentError> {
  const place = framed.at === "" ? name : `${name}: ${framed.at}`;
  try {
    if ("problem" in framed) throw malformed(framed.problem);
    return await decodeWithLineEnd(reader, framed.payload);
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    const { code, message, remedy } = thrown;
    return new AgentError(code, { what: `${place}: ${message}`, remedy, cause: thrown });
  }
}

async function* payloadsIn(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<FramedPayload> {
  const splitter = new PayloadSplitter();
  for await (const piece of pieces) yield* splitter.push(piece);
  yield* splitter.end();
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    // What is wrong with it is told when it is read.
    return false;
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await filesIn(folder);
  } catch (error) {
    throw error instanceof AgentError ? error : unreadable(folder, error);
  }
}

/** mosquitto_sub without -N ends each payload with a line feed, which is no part of it. */
async function decodeWithLineEnd(reader: PayloadReader, bytes: Uint8Array): Promise<DecodedRecord> {
  try {
    return await reader.decode(bytes);
  } catch (thrown) {
    if (bytes.at(-1) !== LINE_FEED) throw thrown;
    try {
      return await reader.decode(bytes.subarray(0, -1));
    } catch {
      // Without the line feed it is no record either: what is wrong with the whole is what counts.
      throw thrown;
    }
  }
}
