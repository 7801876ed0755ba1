import type { Clock } from "../../core/clock.ts";

/** How long polls leave an ECU alone that does not answer, ms: first, then twice as long each time. */
export type BackOffSettings = { readonly firstMs: number; readonly longestMs: number };

/** Who is asked: by what it is known, and how people call it. */
export type AskedName = { readonly key: string; readonly name: string };

type Silent = { readonly name: string; readonly untilMs: number; readonly lastMs: number };

/** Silent ECUs that are remembered; beyond, the one that was silent first is forgotten. */
const MAX_ECUS = 256;

/** ECUs that did not answer are asked ever more rarely. */
export class SilentEcus {
  readonly #settings: BackOffSettings;
  readonly #clock: Clock;
  readonly #silent = new Map<string, Silent>();

  constructor(settings: BackOffSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** How long the ECU is to be left alone, ms; 0 where it may be asked. */
  waitMs({ key }: Pick<AskedName, "key">): number {
    return Math.max(0, (this.#silent.get(key)?.untilMs ?? 0) - this.#clock.monotonicMs());
  }

  answered({ key }: AskedName): void {
    this.#silent.delete(key);
  }

  wasSilent({ key, name }: AskedName): void {
    const { firstMs, longestMs } = this.#settings;
    const before = this.#silent.get(key);
    const lastMs = before === undefined ? firstMs : Math.min(before.lastMs * 2, longestMs);
    this.#silent.delete(key);
    this.#silent.set(key, { name, untilMs: this.#clock.monotonicMs() + lastMs, lastMs });
    const [oldest] = this.#silent.keys();
    if (this.#silent.size > MAX_ECUS) this.#silent.delete(oldest);
  }

  /** Those that are left alone now, and for how long yet, ms. */
  list(): readonly { readonly ecu: string; readonly ms: number }[] {
    const left = [...this.#silent].map(([key, { name }]) => ({ ecu: name, ms: this.waitMs({ key }) }));
    return left.filter(({ ms }) => ms > 0);
  }
}
