import { AscParser } from "./asc.ts";
import { BlfParser } from "./blf.ts";
import { parseCandump } from "./candump.ts";
import { rejectForeign } from "./foreign-logs.ts";
import type { LogEntry, LogParser, LogPiece } from "./log-entry.ts";
import { TextLog } from "./text-log.ts";
import { TrcParser } from "./trc.ts";

/** The format is known by the first line that is no remark, and at the latest by so much of the beginning, bytes. */
const MAX_HEAD_BYTES = 65_536;
/** Enough to tell files of another kind, bytes. */
const FOREIGN_HEAD_BYTES = 16;

/**
 * The frames of a log of can-utils (`candump -l`, `-L` or live), Vector (ASC, BLF) or PEAK (TRC), whichever its beginning says it is,
 * in pieces as they come; what makes no sense is an entry of its own, and the rest is read nevertheless. Memory is bounded, whatever is
 * in the log. Throws `input.malformed` when it begins as a file of another kind does.
 */
export async function* readLog(name: string, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<LogPiece> {
  let head: Uint8Array = new Uint8Array(0);
  let parser: LogParser | undefined;
  for await (const chunk of chunks) {
    if (parser !== undefined) {
      yield* pieces(parser, parser.push(chunk));
      continue;
    }
    head = Buffer.concat([head, chunk]);
    parser = recognise(name, head, false);
    if (parser !== undefined) yield* pieces(parser, parser.push(head));
  }
  if (parser === undefined) {
    parser = recognise(name, head, true) ?? new TextLog("candump", CANDUMP, true);
    yield* pieces(parser, parser.push(head));
  }
  yield* pieces(parser, parser.end());
}

const CANDUMP = { parse: parseCandump };

function* pieces(parser: LogParser, slices: Iterable<readonly LogEntry[]>): Generator<LogPiece> {
  for (const entries of slices) yield { format: parser.format, entries, looked: parser.looked };
}

/** Undefined while the beginning says too little. Throws `input.malformed` for a file of another kind. */
function recognise(name: string, head: Uint8Array, isAll: boolean): LogParser | undefined {
  const text = String.fromCharCode(...head.subarray(0, FOREIGN_HEAD_BYTES));
  rejectForeign(name, text);
  if (text.startsWith("LOGG")) return new BlfParser();
  const isEnough = isAll || head.length >= MAX_HEAD_BYTES;
  if (head.length < FOREIGN_HEAD_BYTES && !isEnough && !text.includes("\n")) return undefined;
  const lines = new TextDecoder().decode(head.subarray(0, MAX_HEAD_BYTES)).split("\n");
  // The last one is not whole yet.
  if (!isEnough) lines.pop();
  const line = lines.find((one) => !/^\s*(?:$|#|\/\/)/.test(one));
  if (line === undefined && !isEnough) return undefined;
  return parserOf(line ?? "");
}

function parserOf(line: string): LogParser {
  const start = line.slice(0, 100).trimStart();
  if (start.startsWith(";")) return new TextLog("trc", new TrcParser(), false);
  const isAscHeader = /^(?:date\s+\S+\s|base\s+(?:hex|dec)\b|(?:no\s+)?internal\s+events\s|begin\s+triggerblock\b)/i;
  const isAscEvent = /^-?\d+\.\d+\s+(?:\d+\s|CANFD\s|CAN\s|Start of )/;
  if (isAscHeader.test(start) || isAscEvent.test(start)) return new TextLog("asc", new AscParser(), false);
  return new TextLog("candump", CANDUMP, true);
}
