import type { ResultSink } from "./board-plan.ts";
import type { OperandValues } from "./operand.ts";

export type TriggerSettings = {
  /** "rising" begins when the condition becomes true; "while" begins then and ends when it no longer is. */
  readonly mode: "rising" | "while";
  /** How long it must have been true without a break. */
  readonly forMs: number;
  /** Least time between two beginnings. */
  readonly minIntervalMs: number;
  /** Most beginnings, over restarts too if `restore` is called; undefined: any number. */
  readonly maxCount?: number | undefined;
  /** Whether there is a release condition, whose results come to `release`. */
  readonly hasRelease: boolean;
};

/** What a trigger remembers over a restart. */
export type TriggerState = { readonly fired: number; readonly lastFiredUs: number | undefined };

/** Who acts when a trigger fires. Called inside the board, which it must not call. */
export type TriggerListener = {
  /** `timeUs` is that of the frame, or of the moment at which `forMs` was over; `values` are the operands of the condition: copy them. */
  begin(trigger: Trigger, timeUs: number, values: OperandValues): void;
  /** Of mode "while" alone. */
  end(trigger: Trigger, timeUs: number): void;
};

const NOTHING_READ: OperandValues = { operands: [], values: new Float64Array(0) };

/**
 * Fires by the results of a condition.
 *
 * Rising: fires at the change to true, once; then it must be seen to be false before it can again. Undefined is not false: a gap in the
 * signals while the condition holds fires nothing. With a release condition, that must besides have been true since, and a change to
 * true before is not taken later. What would fire within `minIntervalMs` after the last time, or beyond `maxCount`, is counted in
 * `suppressed` and not taken later either (AWS IoT FleetWise Edge takes it later if it is still true).
 * While: is on from the change to true until the condition is no longer true; undefined ends it. With a release condition it stays on
 * after the condition became false until the release is true too. Within `minIntervalMs` it begins as soon as that is over, if it is
 * still true then, since it is a state and no event.
 * `forMs` begins anew after every result that is not true.
 */
export class Trigger {
  readonly condition: ResultSink;
  readonly release: ResultSink;
  /** Changes to true that fired nothing because of `minIntervalMs` or `maxCount`. */
  suppressed = 0;
  readonly #settings: TriggerSettings;
  readonly #listener: TriggerListener;
  #result = Number.NaN;
  #releaseResult = Number.NaN;
  /** Whether the release has been true since it last fired, that moment counted. */
  #isReleased = true;
  /** Whether the next change to true counts. */
  #isArmed = true;
  #isOn = false;
  #trueSinceUs = Number.NaN;
  #dueUs = Number.POSITIVE_INFINITY;
  #fired = 0;
  #lastFiredUs: number | undefined;
  #values = NOTHING_READ;

  constructor(settings: TriggerSettings, listener: TriggerListener) {
    this.#settings = settings;
    this.#listener = listener;
    const dueUs = (): number => this.#dueUs;
    this.condition = {
      take: (result, timeUs, values) => this.#takeResult(result, timeUs, values),
      get dueUs() {
        return dueUs();
      },
      expire: (timeUs) => this.#expire(timeUs),
      shift: (byUs) => this.#shift(byUs),
    };
    this.release = {
      take: (result, timeUs) => this.#takeRelease(result, timeUs),
      dueUs: Number.POSITIVE_INFINITY,
      expire: () => undefined,
      shift: () => undefined,
    };
  }

  /** Whether it has begun and not ended (mode "while"). */
  get isOn(): boolean {
    return this.#isOn;
  }

  state(): TriggerState {
    return { fired: this.#fired, lastFiredUs: this.#lastFiredUs };
  }

  restore({ fired, lastFiredUs }: TriggerState): void {
    this.#fired = fired;
    this.#lastFiredUs = lastFiredUs;
  }

  /** Fires by hand, whatever the condition says; counts like any other, and no end follows it. */
  fire(timeUs: number): void {
    this.#fired += 1;
    this.#lastFiredUs = timeUs;
    this.#isReleased = this.#releaseResult === 1;
    this.#listener.begin(this, timeUs, this.#values);
  }

  #takeResult(result: number, timeUs: number, values: OperandValues): void {
    this.#values = values;
    if (Object.is(result, this.#result)) return;
    this.#result = result;
    if (result === 1) {
      this.#trueSinceUs = timeUs;
      this.#consider(timeUs);
      return;
    }
    this.#dueUs = Number.POSITIVE_INFINITY;
    if (result === 0 && (this.#isReleased || !this.#settings.hasRelease)) this.#isArmed = true;
    if (this.#isOn && (result !== 0 || !this.#settings.hasRelease || this.#releaseResult === 1)) this.#end(timeUs);
  }

  #takeRelease(result: number, timeUs: number): void {
    this.#releaseResult = result;
    if (result !== 1) return;
    this.#isReleased = true;
    if (this.#result === 0) this.#isArmed = true;
    if (this.#isOn && this.#result !== 1) this.#end(timeUs);
  }

  #expire(timeUs: number): void {
    this.#dueUs = Number.POSITIVE_INFINITY;
    if (this.#result === 1) this.#consider(timeUs);
  }

  /** Fires, or sets when to look again. The condition is true. */
  #consider(timeUs: number): void {
    const { mode, forMs } = this.#settings;
    const readyUs = this.#trueSinceUs + forMs * 1000;
    if (mode === "rising") {
      if (!this.#isArmed) return;
      if (timeUs < readyUs) this.#dueUs = readyUs;
      else this.#fireOnce(timeUs);
      return;
    }
    if (this.#isOn) return;
    const allowedUs = Math.max(readyUs, this.#intervalEndsUs(timeUs));
    if (timeUs < allowedUs) this.#dueUs = allowedUs;
    else if (this.#isSpent()) this.suppressed += 1;
    else {
      this.#isOn = true;
      this.fire(timeUs);
    }
  }

  #fireOnce(timeUs: number): void {
    this.#isArmed = false;
    if (this.#isSpent() || timeUs < this.#intervalEndsUs(timeUs)) this.suppressed += 1;
    else this.fire(timeUs);
  }

  /** A last time in the future means that the clock was set back: waiting for it could take years. */
  #intervalEndsUs(timeUs: number): number {
    const lastUs = this.#lastFiredUs;
    return lastUs === undefined || lastUs > timeUs ? timeUs : lastUs + this.#settings.minIntervalMs * 1000;
  }

  #isSpent(): boolean {
    return this.#settings.maxCount !== undefined && this.#fired >= this.#settings.maxCount;
  }

  #end(timeUs: number): void {
    this.#isOn = false;
    this.#listener.end(this, timeUs);
  }

  #shift(byUs: number): void {
    this.#trueSinceUs += byUs;
    this.#dueUs += byUs;
    if (this.#lastFiredUs !== undefined) this.#lastFiredUs += byUs;
  }
}
