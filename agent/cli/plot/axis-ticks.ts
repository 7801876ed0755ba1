import { shownValue } from "../../signals/shown-precision.ts";

/** Steps that people count in. */
const STEPS = [1, 2, 5, 10];
const SECONDS_STEPS = [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400];
const FROM_MINUTES = 120;

/** A place on an axis, and what is written there. */
export type Tick = { readonly at: number; readonly text: string };

/** At most `most` round places within `from` .. `to`, evenly apart; seconds as such, or as h:mm:ss where there are many. */
export function timeTicks(from: number, to: number, most: number): readonly Tick[] {
  const step = stepOf((to - from) / Math.max(1, most), to - from > FROM_MINUTES);
  return places(from, to, step).map((at) => ({ at, text: timeText(at, step, to - from) }));
}

/** At most `most` round places within `from` .. `to`, evenly apart. */
export function valueTicks(from: number, to: number, most: number): readonly Tick[] {
  const parts = Math.max(1, most);
  const step = stepOf(to / parts - from / parts, false);
  return places(from, to, step).map((at) => ({ at, text: rounded(at, step) }));
}

function places(from: number, to: number, step: number): readonly number[] {
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => (first + index) * step);
}

function stepOf(least: number, isTime: boolean): number {
  if (!(least > 0)) return 1;
  const long = isTime ? SECONDS_STEPS.find((step) => step >= least) : undefined;
  if (long !== undefined) return long;
  const power = 10 ** Math.floor(Math.log10(least));
  return power * (STEPS.find((step) => step * power >= least * (1 - 1e-9)) ?? 10);
}

function timeText(at: number, step: number, range: number): string {
  if (range <= FROM_MINUTES) return `${rounded(at, step)} s`;
  const seconds = Math.round(at);
  const two = (value: number): string => String(value).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  const clock = `${two(minutes % 60)}:${two(seconds % 60)}`;
  return minutes < 60 ? `${minutes % 60}:${two(seconds % 60)}` : `${Math.floor(minutes / 60)}:${clock}`;
}

function rounded(at: number, step: number): string {
  const decimals = Math.min(12, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
  return shownValue(at, { decimals });
}
