import type { ParsedDbc } from "./model.ts";
import { parseDbc } from "./parse.ts";

/** What the editors that write DBC files mean when they say nothing; it maps every byte. */
const FALLBACK = "windows-1252";
/** Bytes that are looked at for the zeros that UTF-16 has in plain text. */
const LOOKED_AT = 256;

/**
 * Reads a DBC file: as UTF-8 (a byte order mark is dropped) when its bytes are that, else in `encoding`, else as windows-1252 with a
 * warning. UTF-16 is read where `encoding` says so, and otherwise is one error. Never throws for what is in the file.
 */
export function parseDbcBytes(bytes: Uint8Array, encoding?: string): ParsedDbc {
  const wide = wideEncodingOf(bytes);
  if (wide !== undefined)
    return encoding?.startsWith("utf-16") === true ? parseDbc(read(bytes, encoding)) : refuse(wide);
  const plain = startsWith(bytes, [0xef, 0xbb, 0xbf]) ? bytes.subarray(3) : bytes;
  const text = readExactly(plain, "utf-8");
  if (text !== undefined) return parseDbc(text);
  return encoding === undefined ? parseGuessed(plain) : parseIn(plain, encoding);
}

function parseIn(bytes: Uint8Array, encoding: string): ParsedDbc {
  const exact = readExactly(bytes, encoding);
  if (exact !== undefined) return parseDbc(exact);
  const text = read(bytes, encoding);
  return withWarning(parseDbc(text), text, text.indexOf("\uFFFD"), `is no ${encoding}: some characters are lost`);
}

function parseGuessed(bytes: Uint8Array): ParsedDbc {
  const text = read(bytes, FALLBACK);
  // In a text that was written in another encoding a backslash may be the second byte of a character.
  const parsed = parseDbc(text, { trustsBackslash: false });
  const problem = `is not UTF-8; it is read as ${FALLBACK}, and units and texts may be wrong: set encoding (such as gb18030 or shift_jis)`;
  return withWarning(parsed, text, text.search(/[^\0-\x7F]/), problem);
}

function withWarning(parsed: ParsedDbc, text: string, at: number, problem: string): ParsedDbc {
  const before = text.slice(0, at).split(/\r\n|\r|\n/);
  const warning = { line: before.length, column: (before.at(-1) ?? "").length + 1, text: `the text here ${problem}` };
  return { ...parsed, warnings: [warning, ...parsed.warnings] };
}

function refuse(encoding: string): ParsedDbc {
  const text = `the file is ${encoding.toUpperCase()}: save it as UTF-8 (iconv -f UTF-16 -t UTF-8 OLD.dbc > NEW.dbc), or set encoding: ${encoding}`;
  return { database: { version: "", nodes: [], messages: [] }, errors: [{ line: 1, column: 1, text }], warnings: [] };
}

/** By its byte order mark, or by the zeros that every second byte of plain text then is. */
function wideEncodingOf(bytes: Uint8Array): "utf-16le" | "utf-16be" | undefined {
  if (startsWith(bytes, [0xff, 0xfe])) return "utf-16le";
  if (startsWith(bytes, [0xfe, 0xff])) return "utf-16be";
  const zeros = [0, 0];
  const looked = Math.min(bytes.length, LOOKED_AT) & ~1;
  for (let at = 0; at < looked; at++) if (bytes[at] === 0) zeros[at & 1] += 1;
  const most = looked / 4;
  if (looked === 0 || Math.max(...zeros) <= most) return undefined;
  return zeros[1] > zeros[0] ? "utf-16le" : "utf-16be";
}

function startsWith(bytes: Uint8Array, start: readonly number[]): boolean {
  return start.every((byte, at) => bytes[at] === byte);
}

function read(bytes: Uint8Array, encoding: string): string {
  return new TextDecoder(encoding).decode(bytes);
}

function readExactly(bytes: Uint8Array, encoding: string): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
