import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { AgentError, messageOf } from "../core/errors.ts";
import type { LogLine } from "../core/recent-log.ts";
import { redact } from "./redact.ts";

/** A part that throws is named in the bundle with its fault; the others are collected nevertheless. */
export type SupportParts = {
  /** Where it comes from: version, thing, boot. */
  readonly about: Readonly<Record<string, string | number>>;
  /** Sections by name, each JSON-like. */
  readonly sections: Readonly<Record<string, () => unknown>>;
  /** Oldest first. */
  readonly log: () => readonly LogLine[];
  /** ms since the Unix epoch. */
  readonly nowMs: number;
  /** Of the compressed file; at least 4096. */
  readonly maxBytes: number;
};

/** A support bundle: one JSON document, compressed with gzip. */
export type SupportBundle = {
  readonly name: string;
  readonly content: Uint8Array;
  /** Of `content`, hexadecimal. */
  readonly sha256: string;
};

/** Collects what someone at a desk needs to know about this agent; redacted, and never longer than the bound: the oldest log lines go first, then sections from the last. */
export async function collectBundle(parts: SupportParts): Promise<SupportBundle> {
  const sections: [name: string, content: unknown][] = [];
  for (const [name, look] of Object.entries(parts.sections)) sections.push([name, redact(await attempt(look))]);
  const log = parts.log().map((line) => redact(line));
  const content = fit(parts, sections, log);
  const sha256 = createHash("sha256").update(content).digest("hex");
  const at = new Date(parts.nowMs).toISOString().replace(/[-:]|\.\d+/g, "");
  return { name: `support-${at}-${sha256.slice(0, 8)}.json.gz`, content, sha256 };
}

function fit(
  { about, nowMs, maxBytes }: SupportParts,
  sections: [name: string, content: unknown][],
  log: readonly unknown[],
): Uint8Array {
  for (let kept = log.length, from = sections.length; ; kept > 0 ? (kept = Math.floor(kept / 2)) : (from -= 1)) {
    const left = sections.slice(0, from);
    const document = {
      schemaVersion: 1,
      collectedAt: new Date(nowMs).toISOString(),
      about: redact(about),
      ...Object.fromEntries(left),
      log: log.slice(log.length - kept),
      omitted: { logLines: log.length - kept, sections: sections.slice(from).map(([name]) => name) },
    };
    const content = gzipSync(JSON.stringify(document));
    if (content.length <= maxBytes || from === 0) return content;
  }
}

/** What went wrong is as much worth knowing as what was found. A bug in one section must not hide the others. */
async function attempt(look: () => unknown): Promise<unknown> {
  try {
    return await look();
  } catch (thrown) {
    return { fault: { code: thrown instanceof AgentError ? thrown.code : "internal.bug", what: messageOf(thrown) } };
  }
}
