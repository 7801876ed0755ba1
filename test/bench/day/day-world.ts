import type { PulseFile } from "./pulse-file.ts";
import { machineNowMs, type Timeline, vehicleMsAt } from "./timeline.ts";

/** Who goes by the timeline; resolves when it does. */
export type Follower = (line: Timeline) => Promise<void>;

/** The one that changes the time of a day, and tells everybody. */
export class DayWorld {
  readonly #followers: Follower[] = [];
  readonly #pulse: Pick<PulseFile, "read">;
  #line: Timeline;

  /** The day begins now. `startsAtMs` is its true time, ms since the Unix epoch. */
  constructor(startsAtMs: number, speed: number, pulse: Pick<PulseFile, "read">) {
    this.#pulse = pulse;
    this.#line = {
      startsAtMs,
      paces: [{ fromMs: 0, speed }],
      clocks: [{ fromMs: 0, offMs: 0, quality: "ntp" }],
      bootedAtMs: 0,
      suspends: [],
      waits: false,
    };
  }

  get line(): Timeline {
    return this.#line;
  }

  /** Vehicle time, ms since the day's start. */
  nowMs(): number {
    return vehicleMsAt(this.#line, this.#pulse.read(), machineNowMs());
  }

  /** The truth, ms since the Unix epoch. */
  trueMs(): number {
    return this.#line.startsAtMs + this.nowMs();
  }

  add(follower: Follower): void {
    this.#followers.push(follower);
  }

  /** From now on time passes so many times faster; `waits`: and waits for the agent where it is held up. */
  async pace(speed: number, waits = false): Promise<void> {
    await this.#change({ paces: this.#pacesWith([{ fromMs: this.nowMs(), speed }]), waits });
  }

  /** Passes the time until a vehicle time at `speed`, and from then on at `after`. */
  async leap(untilMs: number, speed: number, after: number): Promise<void> {
    const fromMs = this.nowMs();
    if (untilMs <= fromMs) return;
    await this.#change({
      paces: this.#pacesWith([
        { fromMs, speed },
        { fromMs: untilMs, speed: after },
      ]),
    });
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

  /** What has begun, and not what was planned to come, with what comes now. */
  #pacesWith(paces: Timeline["paces"]): Timeline["paces"] {
    const nowMs = this.nowMs();
    return [...this.#line.paces.filter(({ fromMs }) => fromMs < nowMs), ...paces];
  }

  async #change(change: Partial<Timeline>): Promise<void> {
    this.#line = { ...this.#line, ...change };
    await Promise.all(this.#followers.map((follow) => follow(this.#line)));
  }
}
