import type { SignalRow } from "./signal-rows.ts";

/** Over this long rates are averaged, s. */
const WINDOW_SECONDS = 2;
const COUNTS = 2 ** 32;

type Look = { readonly t: number; readonly counts: ReadonlyMap<string, number> };

/** Samples a second of signals, from their counts at successive looks. */
export class SampleRates {
  #looks: readonly Look[] = [];

  /** Takes a look of time `t`, s. */
  note(t: number, rows: readonly SignalRow[]): void {
    const counts = new Map(rows.flatMap(({ name, count }) => (count === undefined ? [] : [[name, count] as const])));
    const since = this.#looks.findLastIndex((look) => look.t <= t - WINDOW_SECONDS);
    // A clock that was set back would leave a look that is never old enough.
    const kept = this.#looks.slice(Math.max(0, since)).filter((look) => look.t < t);
    this.#looks = [...kept, { t, counts }];
  }

  /** Samples a second; undefined until two looks have it. */
  of({ name }: SignalRow): number | undefined {
    const [first] = this.#looks;
    const last = this.#looks.at(-1);
    const [from, to] = [first?.counts.get(name), last?.counts.get(name)];
    if (first === undefined || last === undefined || first === last || from === undefined || to === undefined) {
      return undefined;
    }
    return ((to - from + COUNTS) % COUNTS) / (last.t - first.t);
  }
}
