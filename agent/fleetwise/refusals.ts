import type { Log } from "../core/log.ts";
import { plainText } from "../core/plain-text.ts";
import type { RecordSink } from "../telemetry/durable-records/record-sink.ts";
import type { Notice } from "../telemetry/record/encode/events.ts";
import type { Refusal } from "./read/document.ts";

/** Refusals of one document that are told; the rest is counted. */
const MAX_TOLD = 16;
/** Longest text of one, characters. */
const MAX_CHARACTERS = 300;

/** What is not taken, or not done as asked, by the document that asks for it. Each is told once: in the log, and to the cloud as a notice. */
export class Refusals {
  readonly #log: Log;
  readonly #notices: RecordSink<Notice>;
  readonly #told = new Map<string, ReadonlySet<string>>();

  constructor({ log, notices }: { readonly log: Log; readonly notices: RecordSink<Notice> }) {
    this.#log = log;
    this.#notices = notices;
  }

  /** Of all documents, each once. */
  list(): readonly string[] {
    return [...this.#told.values()].flatMap((some) => [...some]);
  }

  /** These are all that `document` gave rise to, in place of those before. */
  tell(document: string, refusals: readonly Refusal[]): void {
    const before = this.#told.get(document) ?? new Set();
    // They quote what came.
    const lines = refusals.map(({ entry, problem }) => plainText(`${entry}: ${problem}`, MAX_CHARACTERS));
    const shown = lines.slice(0, MAX_TOLD);
    if (lines.length > MAX_TOLD) shown.push(`${document}: ${lines.length - MAX_TOLD} more are not taken as asked`);
    this.#told.set(document, new Set(shown));
    const news = [...new Set(shown)].filter((line) => !before.has(line));
    for (const line of news) this.#log.warn("fleetwise.refused", { document, what: line });
    if (news.length > 0) {
      this.#notices.handOver(news.map((detail) => ({ event: "fleetwise.refused", detail })));
    }
  }
}
