import { type LocalHttpAnswer, type LocalHttpRequest, namesThisMachine } from "../ports/local-http.ts";
import { acceptedFormat } from "./accepted-format.ts";
import type { TextFormat } from "./metrics-text.ts";

const CONTENT_TYPES: Readonly<Record<TextFormat, string>> = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** Requests since start, by what became of them. */
export type ScrapeCounters = { readonly answered: number; readonly refused: number; readonly failed: number };

export type ScrapeParts = {
  /** Whether it is asked on a port, which every page in a browser on this machine reaches. */
  readonly isPort: boolean;
  /** The text of all metrics. */
  readonly text: (format: TextFormat) => Promise<string>;
};

/** Answers GET and HEAD of /metrics. */
export class ScrapeAnswers {
  readonly #parts: ScrapeParts;
  readonly #counters = { answered: 0, refused: 0, failed: 0 };

  constructor(parts: ScrapeParts) {
    this.#parts = parts;
  }

  counters(): ScrapeCounters {
    return { ...this.#counters };
  }

  /** Counts what was ended without an answer. */
  noteRefused(): void {
    this.#counters.refused += 1;
  }

  /** Never rejects. */
  async answer(request: LocalHttpRequest): Promise<LocalHttpAnswer> {
    const refusal = this.#refusalOf(request);
    if (refusal !== undefined) {
      this.noteRefused();
      return plain(refusal.status, refusal.what);
    }
    const format = acceptedFormat(request.accept);
    try {
      const body = await this.#parts.text(format);
      this.#counters.answered += 1;
      return { status: 200, contentType: CONTENT_TYPES[format], body };
    } catch {
      // What a scraper sees as a failed scrape; the counter says it, and the status has the fault itself.
      this.#counters.failed += 1;
      return plain(500, "the metrics cannot be read");
    }
  }

  #refusalOf({ method, path, host }: LocalHttpRequest): { readonly status: number; readonly what: string } | undefined {
    if (this.#parts.isPort && !namesThisMachine(host)) return { status: 403, what: "ask for 127.0.0.1 or localhost" };
    if (method !== "GET" && method !== "HEAD") return { status: 405, what: "only GET" };
    return path === "/metrics" ? undefined : { status: 404, what: "there is /metrics" };
  }
}

function plain(status: number, what: string): LocalHttpAnswer {
  return { status, contentType: "text/plain", body: `${what}\n` };
}
