import type { Clock } from "../core/clock.ts";
import type { MetricRegistry } from "../core/metrics/registry.ts";
import { metricsText, type TextFormat } from "./metrics-text.ts";

/** How long a text is given again: whoever asks oftener costs nothing more, ms. */
const FRESH_MS = 1000;

/** The text of all metrics, made at most once a second for each format. */
export class TextCache {
  readonly #all: () => Promise<MetricRegistry>;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #made = new Map<TextFormat, { readonly atMs: number; readonly text: Promise<string> }>();

  constructor(all: () => Promise<MetricRegistry>, clock: Pick<Clock, "monotonicMs">) {
    this.#all = all;
    this.#clock = clock;
  }

  /** Rejects with what a reading throws. */
  text(format: TextFormat): Promise<string> {
    const nowMs = this.#clock.monotonicMs();
    const made = this.#made.get(format);
    if (made !== undefined && nowMs - made.atMs < FRESH_MS) return made.text;
    const text = this.#all().then((registry) => metricsText(registry.read(), format));
    this.#made.set(format, { atMs: nowMs, text });
    return text;
  }
}
