import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { ShownFile } from "../ports/shown-file.ts";

export type TextFileParts = {
  readonly file: ShownFile;
  readonly everyMs: number;
  readonly text: () => Promise<string>;
  readonly clock: Pick<Clock, "sleep">;
  readonly log: Log;
};

/** Keeps a file with the text of all metrics: a reader finds the one before or the new one, whole. A failure is told once, and tried again. */
export class TextFile {
  readonly #parts: TextFileParts;
  readonly #counters = { written: 0, failed: 0 };
  #problem: string | undefined;

  constructor(parts: TextFileParts) {
    this.#parts = parts;
  }

  /** Files since start; `problem`: why the last one was not written. */
  status(): { readonly written: number; readonly failed: number; readonly problem: string | undefined } {
    return { ...this.#counters, problem: this.#problem };
  }

  /** Until `signal` aborts; then the file is removed, so that nobody takes old numbers for new ones. */
  async run(signal: AbortSignal): Promise<void> {
    const { file, everyMs, clock } = this.#parts;
    while (!signal.aborted) {
      await this.#write();
      await clock.sleep(everyMs, signal);
    }
    file.remove();
  }

  async #write(): Promise<void> {
    const { file, text, log } = this.#parts;
    try {
      await file.replace(await text());
      this.#counters.written += 1;
      this.#problem = undefined;
    } catch (thrown) {
      this.#counters.failed += 1;
      if (this.#problem === undefined) log.warn("metrics.file-failed", { what: messageOf(thrown) });
      this.#problem = messageOf(thrown);
    }
  }
}
