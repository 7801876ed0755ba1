import { rmSync } from "node:fs";
import { chmod, rename, writeFile } from "node:fs/promises";
import { type Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";

export type TextFileParts = {
  /** Its folder is there. */
  readonly file: string;
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
    try {
      rmSync(file, { force: true });
    } catch {
      // node_textfile_mtime_seconds says how old it is.
    }
  }

  async #write(): Promise<void> {
    const { file, text, log } = this.#parts;
    // Not .prom: node_exporter must not read it half. No sync: after a power cut a new one comes at once.
    const next = `${file}.next`;
    try {
      await writeFile(next, await text());
      // For node_exporter, whatever the umask of the service.
      await chmod(next, 0o644);
      await rename(next, file);
      this.#counters.written += 1;
      this.#problem = undefined;
    } catch (thrown) {
      this.#counters.failed += 1;
      if (this.#problem === undefined) log.warn("metrics.file-failed", { file, what: messageOf(thrown) });
      this.#problem = messageOf(thrown);
    }
  }
}
