import { machineNowMs, type Timeline, vehicleMsAt } from "./timeline.ts";

/** Who goes by the timeline; resolves when it does. */
export type Follower = (line: Timeline) => Promise<void>;

/** The one that changes the time of a day, and tells everybody. */
export class DayWorld {
  readonly #followers: Follower[] = [];
  #line: Timeline;

  /** The day begins now. `startsAtMs` is its true time, ms since the Unix epoch. */
  constructor(startsAtMs: number, speed: number) {
    this.#line = {
      startsAtMs,
      paces: [{ machineMs: machineNowMs(), vehicleMs: 0, speed }],
      clocks: [{ fromMs: 0, offMs: 0, quality: "ntp" }],
      bootedAtMs: 0,
      suspends: [],
    };
  }

  get line(): Timeline {
    return this.#line;
  }

  /** Vehicle time, ms since the day's start. */
  nowMs(): number {
    return vehicleMsAt(this.#line, machineNowMs());
  }

  /** The truth, ms since the Unix epoch. */
  trueMs(): number {
    return this.#line.startsAtMs + this.nowMs();
  }

  add(follower: Follower): void {
    this.#followers.push(follower);
  }

  /** From now on time passes so many times faster. */
  async pace(speed: number): Promise<void> {
    await this.#change({ paces: [...this.#past(), { machineMs: machineNowMs(), vehicleMs: this.nowMs(), speed }] });
  }

  /** Passes the time until a vehicle time at `speed`, and from then on at `after`. */
  async leap(untilMs: number, speed: number, after: number): Promise<void> {
    const machineMs = machineNowMs();
    const vehicleMs = this.nowMs();
    if (untilMs <= vehicleMs) return;
    const landing = { machineMs: machineMs + (untilMs - vehicleMs) / speed, vehicleMs: untilMs, speed: after };
    await this.#change({ paces: [...this.#past(), { machineMs, vehicleMs, speed }, landing] });
  }

  /** The gateway boots now. Its clock shows `clockMs` until `setMs`, and the truth from then on; always the truth where it is undefined. */
  async boot({ clockMs, setMs }: { readonly clockMs: number | undefined; readonly setMs: number }): Promise<void> {
    const fromMs = this.nowMs();
    const right = { offMs: 0, quality: "ntp" as const };
    const clocks =
      clockMs === undefined
        ? [{ fromMs, ...right }]
        : [
            { fromMs, offMs: clockMs - this.#line.startsAtMs - fromMs, quality: "unsynchronised" as const },
            { fromMs: Math.max(setMs, fromMs), ...right },
          ];
    await this.#change({ bootedAtMs: fromMs, suspends: [], clocks: [...this.#line.clocks, ...clocks] });
  }

  /** The gateway is suspended from now on. */
  async suspend(): Promise<void> {
    await this.#change({ suspends: [...this.#line.suspends, { fromMs: this.nowMs() }] });
  }

  /** It goes on. */
  async resume(): Promise<void> {
    const last = this.#line.suspends.at(-1);
    if (last === undefined || last.toMs !== undefined) return;
    await this.#change({ suspends: [...this.#line.suspends.slice(0, -1), { ...last, toMs: this.nowMs() }] });
  }

  /** What has begun, and not what was planned to come. */
  #past(): Timeline["paces"] {
    const nowMs = machineNowMs();
    return this.#line.paces.filter(({ machineMs }) => machineMs <= nowMs);
  }

  async #change(change: Partial<Timeline>): Promise<void> {
    this.#line = { ...this.#line, ...change };
    await Promise.all(this.#followers.map((follow) => follow(this.#line)));
  }
}
