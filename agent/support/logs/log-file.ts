import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { LogLine } from "../../core/recent-log.ts";
import { redact } from "../redact.ts";
import { type LogFilter, type LogSlice, sliceLog } from "./log-slice.ts";

/** What is read of the log before it is compressed, for a byte of the file: more does not come in practice. */
const LARGEST_RATIO = 32;

export type LogFileParts = {
  /** Where it comes from: version, thing, boot. */
  readonly about: Readonly<Record<string, string | number>>;
  /** Oldest first. */
  readonly kept: readonly LogLine[];
  readonly wanted: LogFilter;
  /** ms since the Unix epoch. */
  readonly nowMs: number;
  /** Of the compressed file; at least 4096. */
  readonly maxBytes: number;
};

/** A slice of the log as a file: lines of JSON, compressed with gzip; the first says what it is, the others are those of the log, oldest first. */
export type LogFile = LogSlice & {
  readonly name: string;
  readonly content: Uint8Array;
  /** Of `content`, hexadecimal. */
  readonly sha256: string;
};

/** The wanted lines without their secrets, never more than the bound: the oldest go first, and are counted. Undefined where no line is wanted. */
export function logFile({ about, kept, wanted, nowMs, maxBytes }: LogFileParts): LogFile | undefined {
  const slice = sliceLog(kept, wanted, maxBytes * LARGEST_RATIO);
  if (slice.lines.length + slice.omitted === 0) return undefined;
  const madeAt = new Date(nowMs).toISOString();
  for (let from = 0; ; from += Math.ceil((slice.lines.length - from) / 2)) {
    const lines = slice.lines.slice(from);
    const omitted = slice.omitted + from;
    const head = { schemaVersion: 1, madeAt, about: redact(about), lines: lines.length, omitted };
    const content = gzipSync([head, ...lines.map(lineOf)].map((one) => `${JSON.stringify(one)}\n`).join(""));
    if (content.length > maxBytes && lines.length > 0) continue;
    const sha256 = createHash("sha256").update(content).digest("hex");
    const name = `log-${madeAt.replaceAll(/[-:]|\.\d+/g, "")}-${sha256.slice(0, 8)}.jsonl.gz`;
    return { lines, omitted, name, content, sha256 };
  }
}

/** As the log itself writes it. */
function lineOf({ atMs, level, event, facts }: LogLine) {
  return { time: new Date(atMs).toISOString(), level, event, ...facts };
}
