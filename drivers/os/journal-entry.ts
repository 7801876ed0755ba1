import type { LogFacts } from "../../agent/core/log.ts";
import { logEventId } from "../../agent/core/log-event-id.ts";

/** A datagram holds no more, bytes: well below what a Unix datagram takes with the least send buffer that is usual (212992, half of it usable). */
const MAX_ENTRY_BYTES = 49_152;
/** Of MESSAGE, bytes. */
const MAX_MESSAGE_BYTES = 24_576;
/** Of a fact, bytes: with its name what journalctl prints as JSON without --all (4096). */
const MAX_FACT_BYTES = 4000;
/** Of a name of a field (systemd.journal-fields(7)). */
const MAX_NAME = 64;
/** What the count of the cut takes at most. */
const CUT_BYTES = 32;

/** One line of the log for the journal. */
export type JournalLine = {
  /** Of syslog(3): 3 error, 4 warning, 6 info, 7 debug. */
  readonly priority: number;
  readonly event: string;
  readonly facts: LogFacts;
  /** The line as it stands in every other log: JSON without its newline. */
  readonly text: string;
};

/** "busy": it is full for the moment. */
export type JournalOutcome = "taken" | "busy" | { readonly problem: string };

/**
 * A line as a datagram of the journal's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL), at most `MAX_ENTRY_BYTES`.
 *
 * A fact is a field of its own, `retryMs` as CAUSEWAY_RETRY_MS, so that the code of a fault is CAUSEWAY_CODE. A long text is cut at the
 * end of a character, what no longer fits is left out, and CAUSEWAY_CUT counts both.
 */
export function journalEntry({ priority, event, facts, text }: JournalLine, identifier: string): Buffer {
  const message = cut(text, MAX_MESSAGE_BYTES);
  const fields = [
    field("PRIORITY", String(priority)),
    field("SYSLOG_IDENTIFIER", identifier),
    field("MESSAGE_ID", logEventId(event)),
    field("CAUSEWAY_EVENT", cut(event, MAX_FACT_BYTES)),
    field("MESSAGE", message),
  ];
  let left = MAX_ENTRY_BYTES - CUT_BYTES - fields.reduce((sum, { length }) => sum + length, 0);
  let cuts = message === text ? 0 : 1;
  const taken = new Set(["CAUSEWAY_EVENT", "CAUSEWAY_CUT"]);
  for (const [fact, given] of Object.entries(facts)) {
    const name = fieldName(fact);
    if (given === undefined || taken.has(name)) continue;
    const whole = String(given);
    const value = cut(whole, MAX_FACT_BYTES);
    const bytes = field(name, value);
    if (value !== whole || bytes.length > left) cuts += 1;
    if (bytes.length > left) continue;
    taken.add(name);
    fields.push(bytes);
    left -= bytes.length;
  }
  if (cuts > 0) fields.push(field("CAUSEWAY_CUT", String(cuts)));
  return Buffer.concat(fields);
}

/** The name of a fact as that of a field: upper case, digits and low lines, 64 characters at most. */
function fieldName(fact: string): string {
  const words = fact.replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2").replaceAll(/[^A-Za-z0-9]+/g, "_");
  return `CAUSEWAY_${words.toUpperCase()}`.slice(0, MAX_NAME);
}

/** A value with a newline goes with its length before it, little-endian in 64 bits. */
function field(name: string, value: string): Buffer {
  if (!value.includes("\n")) return Buffer.from(`${name}=${value}\n`);
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, bytes, Buffer.from("\n")]);
}

/** The beginning of a text that has at most `maxBytes` in UTF-8, whole characters. */
function cut(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes) return text;
  const bytes = Buffer.from(text);
  let end = maxBytes;
  while ((bytes[end] & 0xc0) === 0x80) end -= 1;
  return bytes.toString("utf8", 0, end);
}
