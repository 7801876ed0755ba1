import type { Operand } from "./operand.ts";
import { SampleWindow } from "./sample-window.ts";
import { TumblingWindow } from "./tumbling-window.ts";

/** A window is looked at again that long after it last was although no sample came, µs. */
const WINDOW_LAG_US = 100_000;
/** How often an age is looked at that is compared with no literal, µs. */
const AGE_POLL_US = 250_000;

/** A window over the samples of an input. */
export type InputWindow = SampleWindow | TumblingWindow;

/** The newest values of all inputs, the ones before, and the windows over them. On the frame path: allocates nothing. */
export class InputValues {
  /** Before that time, µs, nothing is looked at again and again. */
  pollFromUs = Number.NEGATIVE_INFINITY;
  #values: Float64Array;
  /** When each was last noted, µs; NaN: never. */
  #timesUs: Float64Array;
  #previous: Float64Array;
  /** NaN: there is none, or the clock stepped back since. */
  #previousUs: Float64Array;
  /** 1 where the value is known: it was noted, and was a finite number. */
  #known: Uint8Array;
  /** 1 where an evaluation found the value too old, so that the next is a change even if it is equal. */
  #foundOld: Uint8Array;
  /** By input; undefined where no expression has a window over it. */
  #windows: (readonly InputWindow[] | undefined)[];

  constructor(count: number) {
    this.#values = new Float64Array(count);
    this.#timesUs = new Float64Array(count).fill(Number.NaN);
    this.#previous = new Float64Array(count).fill(Number.NaN);
    this.#previousUs = new Float64Array(count).fill(Number.NaN);
    this.#known = new Uint8Array(count);
    this.#foundOld = new Uint8Array(count);
    this.#windows = Array.from({ length: count }, () => undefined);
  }

  get count(): number {
    return this.#values.length;
  }

  /** When an input was last noted, µs; NaN: never. */
  timeUs(input: number): number {
    return this.#timesUs[input];
  }

  /** Takes over what `before` has of an input. */
  adopt(before: InputValues, input: number): void {
    if (input >= before.count) return;
    this.#values[input] = before.#values[input];
    this.#timesUs[input] = before.#timesUs[input];
    this.#previous[input] = before.#previous[input];
    this.#previousUs[input] = before.#previousUs[input];
    this.#known[input] = before.#known[input];
  }

  /** The window of an operand, one for all that ask for the same; that of `before` goes on with what it holds. */
  windowOf({ input, window }: Operand, before: InputValues): InputWindow | undefined {
    if (window === undefined) return undefined;
    const { lengthUs, wrapsAt, back } = window;
    const fits = (one: InputWindow): boolean =>
      one.lengthUs === lengthUs &&
      (one instanceof SampleWindow ? back === undefined && one.wrapsAt === wrapsAt : back !== undefined);
    const own = this.#windows[input] ?? [];
    const known = own.find(fits);
    if (known !== undefined) return known;
    const fresh = back === undefined ? new SampleWindow(lengthUs, wrapsAt) : new TumblingWindow(lengthUs);
    const made = before.#windows[input]?.find(fits) ?? fresh;
    this.#windows[input] = [...own, made];
    return made;
  }

  /**
   * Takes a sample; whether what expressions read as the value is another now. A time before that of the last sample is a step of the
   * clock: the windows are emptied, and there is no rate until the next sample.
   */
  note(input: number, value: number, timeUs: number): boolean {
    const finite = Number.isFinite(value);
    const isChange = finite ? this.#isNew(input, value) : this.#known[input] === 1;
    const steppedBack = timeUs < this.#timesUs[input];
    this.#previous[input] = Number.isNaN(this.#timesUs[input]) ? Number.NaN : this.#values[input];
    this.#previousUs[input] = steppedBack ? Number.NaN : this.#timesUs[input];
    this.#values[input] = finite ? value : Number.NaN;
    this.#timesUs[input] = timeUs;
    this.#known[input] = finite ? 1 : 0;
    this.#foundOld[input] = 0;
    const windows = this.#windows[input];
    if (windows === undefined) return isChange;
    for (let at = 0; at < windows.length; at++) {
      if (steppedBack) windows[at].clear();
      windows[at].add(timeUs, this.#values[input]);
    }
    return isChange;
  }

  /** The same sample came again until `timeUs`. */
  touch(input: number, timeUs: number): void {
    if (timeUs > this.#timesUs[input]) this.#timesUs[input] = timeUs;
  }

  /** The value is not known until it is noted again; whether it was. Windows keep their samples, and the age goes on. */
  forget(input: number): boolean {
    const wasKnown = this.#known[input] === 1;
    this.#known[input] = 0;
    return wasKnown;
  }

  /** The number that an operand stands for at `nowUs`; NaN: undefined. */
  read(operand: Operand, window: InputWindow | undefined, nowUs: number, maxAgeUs: number): number {
    const { input, kind } = operand;
    const timeUs = this.#timesUs[input];
    if (kind === "age") return timeUs === timeUs ? Math.max(0, nowUs - timeUs) / 1000 : Number.POSITIVE_INFINITY;
    if (this.#known[input] === 0) return Number.NaN;
    if (!operand.holds && nowUs - timeUs > maxAgeUs) {
      this.#foundOld[input] = 1;
      return Number.NaN;
    }
    if (kind === "value") return this.#values[input];
    if (kind === "previous") return this.#previous[input];
    if (kind === "rate") return this.#rate(input);
    return window === undefined ? Number.NaN : readWindow(operand, window, nowUs);
  }

  /**
   * When what an operand stands for may next become another although nothing is noted, µs, after `nowUs`; infinite for never. What is
   * looked at again and again is left out before `pollFromUs`.
   */
  nextChangeUs(operand: Operand, window: InputWindow | undefined, nowUs: number, maxAgeUs: number): number {
    const timeUs = this.#timesUs[operand.input];
    if (timeUs !== timeUs) return Number.POSITIVE_INFINITY;
    if (operand.kind === "age") {
      return operand.ageLimitsMs === undefined
        ? Math.max(nowUs, this.pollFromUs) + AGE_POLL_US
        : nextAgeUs(operand.ageLimitsMs, timeUs, nowUs);
    }
    if (this.#known[operand.input] === 0) return Number.POSITIVE_INFINITY;
    const oldUs = operand.holds ? Number.POSITIVE_INFINITY : Math.floor(timeUs + maxAgeUs) + 1;
    const dueUs = oldUs > nowUs ? oldUs : Number.POSITIVE_INFINITY;
    return window === undefined
      ? dueUs
      : Math.min(dueUs, Math.max(window.nextChangeUs(), Math.max(nowUs, this.pollFromUs) + WINDOW_LAG_US));
  }

  /** Follows a step of the wall clock: ages go on, windows and rates begin anew. */
  shift(byUs: number): void {
    for (let input = 0; input < this.count; input++) {
      this.#timesUs[input] += byUs;
      const windows = this.#windows[input] ?? [];
      for (const window of windows) window.clear();
    }
    this.#previousUs.fill(Number.NaN);
  }

  /** Samples that windows lost because they were full, since they were made. */
  overflows(): number {
    const windows = this.#windows.flatMap((some) => some ?? []);
    return windows.reduce((sum, window) => sum + (window instanceof SampleWindow ? window.overflows : 0), 0);
  }

  #isNew(input: number, value: number): boolean {
    return this.#known[input] === 0 || this.#foundOld[input] === 1 || this.#values[input] !== value;
  }

  /** Per second, between the last two samples. */
  #rate(input: number): number {
    const stepUs = this.#timesUs[input] - this.#previousUs[input];
    return stepUs > 0 ? ((this.#values[input] - this.#previous[input]) / stepUs) * 1_000_000 : Number.NaN;
  }
}

function readWindow({ kind, window: asked }: Operand, window: InputWindow, nowUs: number): number {
  switch (kind) {
    case "tumblingMin":
    case "tumblingMax":
    case "tumblingMean":
      return window instanceof TumblingWindow ? window.read(kind, asked?.back ?? 0, nowUs) : Number.NaN;
    case "value":
    case "age":
    case "previous":
    case "rate":
      return Number.NaN;
    default:
      return window instanceof SampleWindow ? window.read(kind, nowUs) : Number.NaN;
  }
}

/** When an age next gets to one of its limits, or above it. */
function nextAgeUs(limitsMs: readonly number[], timeUs: number, nowUs: number): number {
  let nextUs = Number.POSITIVE_INFINITY;
  for (let at = 0; at < limitsMs.length; at++) {
    const limitUs = Math.ceil(timeUs + limitsMs[at] * 1000);
    if (limitUs > nowUs) nextUs = Math.min(nextUs, limitUs);
    else if (limitUs + 1 > nowUs) nextUs = Math.min(nextUs, limitUs + 1);
  }
  return nextUs;
}
