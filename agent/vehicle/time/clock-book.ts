import type { TimeConfig } from "../../../config/time.ts";
import type { Clock, ClockQuality } from "../../core/clock.ts";
import { WakeSignal } from "../../core/wake-signal.ts";
import type { ClockKeepers, KeeperReading } from "../../ports/clock-keepers.ts";
import type { ClockChange } from "../../telemetry/record/encode/clock-change.ts";
import { ClockChanges } from "./clock-changes.ts";
import { type ClockFacts, judgeClock, type KeptBefore } from "./clock-facts.ts";
import type { ClockLook, ClockSteps } from "./clock-steps.ts";

/** Who keeps the clock is not asked more often, however often it is set. */
const SOONEST_MS = 1000;
/** A reading that is older, in polls, says nothing of now. */
const STALE_POLLS = 3;

export type ClockBookParts = {
  /** As the machine has it: its quality is the kernel's word. */
  readonly clock: Clock;
  readonly keepers: ClockKeepers;
  /** The kernel's bound of the error, µs; undefined where it has none. */
  readonly kernelErrorUs: () => number | undefined;
  readonly settings: TimeConfig;
};

/** Keeps the book of the wall clock: who keeps it, how well, and each change of that. Sets nothing. */
export class ClockBook {
  readonly #parts: ClockBookParts;
  readonly #wake: WakeSignal;
  readonly #changes: ClockChanges;
  #readings: readonly KeeperReading[] = [];
  #askedAtMs: number | undefined;
  #before: KeptBefore | undefined;
  #seen: ClockQuality;

  constructor(parts: ClockBookParts) {
    const { clock, settings } = parts;
    this.#parts = parts;
    this.#wake = new WakeSignal(clock);
    this.#changes = new ClockChanges(clock, settings.maxChangesPerHour);
    this.#seen = clock.quality();
  }

  /** What is known at this moment, by the newest readings. */
  facts(): ClockFacts {
    const { clock, kernelErrorUs, settings } = this.#parts;
    const { driftPpm } = settings;
    const readings = this.#isFresh() ? this.#readings : [];
    const nowMs = clock.boottimeMs();
    const evidence = { kernelErrorUs: kernelErrorUs(), readings, before: this.#before, nowMs, driftPpm };
    return judgeClock({ quality: clock.quality(), ...evidence });
  }

  /** Of the machine's word the better one where a receiver is behind it. */
  quality(): ClockQuality {
    const quality = this.#parts.clock.quality();
    if (quality !== "ntp" || !this.#isFresh()) return quality;
    const known = this.#readings.find(({ state }) => state === "synchronised");
    return known?.reference === "gps" ? "gps" : quality;
  }

  /** Changes that were told, and those that were not as there were too many, since the start. */
  counters(): { readonly changes: number; readonly untold: number } {
    return this.#changes.counters();
  }

  /** Asks regularly, and soon after each step, until aborted. `tell` is handed each change once. */
  async run(
    steps: Pick<ClockSteps, "onLook">,
    tell: (change: ClockChange) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const end = steps.onLook((look) => this.#look(look));
    const onAbort = (): void => this.#wake.wake();
    signal.addEventListener("abort", onAbort);
    const { clock, keepers, settings } = this.#parts;
    while (!signal.aborted) {
      this.#take(await keepers.ask(signal));
      if (signal.aborted) break;
      const change = this.#changes.next(this.facts());
      if (change !== undefined) tell(change);
      await clock.sleep(SOONEST_MS, signal);
      if (!signal.aborted) await this.#wake.until(clock.monotonicMs() + settings.pollSeconds * 1000 - SOONEST_MS);
    }
    signal.removeEventListener("abort", onAbort);
    end();
  }

  #look({ steppedMs, suspendedMs }: ClockLook): void {
    const quality = this.#parts.clock.quality();
    if (steppedMs !== 0) this.#changes.stepped(steppedMs);
    if (steppedMs !== 0 || suspendedMs >= SOONEST_MS || quality !== this.#seen) this.#wake.wake();
    this.#seen = quality;
  }

  #take(readings: readonly KeeperReading[]): void {
    const { clock } = this.#parts;
    this.#readings = readings;
    this.#askedAtMs = clock.boottimeMs();
    const quality = clock.quality();
    const isKept = readings.some(({ state }) => state === "synchronised") && quality === "ntp";
    if (!isKept) return;
    const { source, errorMs } = this.facts();
    this.#before = { source, errorMs, atMs: this.#askedAtMs };
  }

  #isFresh(): boolean {
    const { clock, settings } = this.#parts;
    return (
      this.#askedAtMs !== undefined &&
      clock.boottimeMs() - this.#askedAtMs <= settings.pollSeconds * 1000 * STALE_POLLS + SOONEST_MS
    );
  }
}
