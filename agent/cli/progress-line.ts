import { Presets, SingleBar } from "cli-progress";
import { formatBytes } from "../core/quantity.ts";
import { type CliContext, note } from "./context.ts";

/** How far an update is; `waitingFor` says what holds it up. */
export type UpdateProgressShown = {
  readonly step: string;
  readonly bytes?: number | undefined;
  readonly totalBytes?: number | undefined;
  readonly waitingFor?: string | undefined;
};

/** How an update goes on: a bar on a terminal while it downloads, and a line on stderr for each new step or reason to wait. */
export class ProgressLine {
  readonly #context: CliContext;
  #bar: SingleBar | undefined;
  #lastLine = "";

  constructor(context: CliContext) {
    this.#context = context;
  }

  show({ step, bytes = 0, totalBytes = 0, waitingFor }: UpdateProgressShown): void {
    if (step === "download" && this.#isTerminal()) {
      this.#bar ??= this.#begin(totalBytes);
      this.#bar.setTotal(totalBytes);
      this.#bar.update(bytes, { of: formatBytes(totalBytes), bytes: formatBytes(bytes) });
      return;
    }
    this.end();
    const line = waitingFor === undefined ? step : `${step}: waits for ${waitingFor}`;
    if (line !== this.#lastLine) note(this.#context, line);
    this.#lastLine = line;
  }

  end(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #isTerminal(): boolean {
    const { quiet, json } = this.#context.options();
    return this.#context.terminal.stderr.isTerminal && !quiet && !json;
  }

  #begin(totalBytes: number): SingleBar {
    const format = "download {bar} {percentage} %  {bytes} of {of}";
    const bar = new SingleBar({ format, stream: process.stderr, hideCursor: true }, Presets.shades_classic);
    bar.start(totalBytes, 0, { of: "", bytes: "" });
    return bar;
  }
}
