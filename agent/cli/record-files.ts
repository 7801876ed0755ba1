import { AgentError, EXIT } from "../core/errors.ts";
import type { DecodedRecord } from "../telemetry/record/read/decoded-record.ts";
import type { RecordReader } from "../telemetry/record/read/record-reader.ts";
import { type CliContext, printProblem } from "./context.ts";
import { readInput, readInputFile } from "./input-file.ts";

/** What is read from stdin at most, bytes; a payload is far smaller. */
const MAX_STDIN_BYTES = 268_435_456;
const LINE_FEED = 0x0a;

/** Where a payload comes from. */
export type Source = { readonly name: string; readonly read: () => Promise<Uint8Array> };

/** A payload in a file. */
export function fileSource(name: string): Source {
  return { name, read: () => readInputFile(name) };
}

/** A payload from stdin, which is read once. */
export function stdinSource(context: CliContext): Source {
  let bytes: Promise<Uint8Array> | undefined;
  return {
    name: "stdin",
    read: () => {
      bytes ??= readStdin(context);
      return bytes;
    },
  };
}

async function readStdin(context: CliContext): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of readInput(context, undefined)) {
    chunks.push(chunk.slice());
    length += chunk.length;
    if (length > MAX_STDIN_BYTES) break;
  }
  return Buffer.concat(chunks);
}

/** A bad file is told, and the others are read nevertheless. */
export async function eachRecord(
  context: CliContext,
  reader: RecordReader,
  sources: readonly Source[],
  take: (record: DecodedRecord) => void,
): Promise<void> {
  for (const source of sources) {
    if (context.signal.aborted) return context.finish(EXIT.interrupted);
    try {
      take(await readRecord(reader, source));
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      printProblem(context, { what: thrown.message, remedy: thrown.remedy });
      context.finish(EXIT.badInput);
    }
  }
}

/** The record of a source. Throws `input.missing`, and `input.malformed` that names it. */
export async function readRecord(reader: RecordReader, source: Source): Promise<DecodedRecord> {
  const bytes = await source.read();
  try {
    return decodeWithLineEnd(reader, bytes);
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    const { code, message, remedy } = thrown;
    throw new AgentError(code, { what: `${source.name}: ${message}`, remedy, cause: thrown });
  }
}

/** mosquitto_sub without -N ends each payload with a line feed, which is no part of it. */
function decodeWithLineEnd(reader: RecordReader, bytes: Uint8Array): DecodedRecord {
  try {
    return reader.decode(bytes);
  } catch (thrown) {
    if (bytes.at(-1) !== LINE_FEED) throw thrown;
    try {
      return reader.decode(bytes.subarray(0, -1));
    } catch {
      // Without the line feed it is no record either: what is wrong with the whole is what counts.
      throw thrown;
    }
  }
}
