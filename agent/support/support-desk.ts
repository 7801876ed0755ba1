import type { Clock } from "../core/clock.ts";
import type { LogLine } from "../core/recent-log.ts";
import { collectBundle, type SupportBundle } from "./bundle.ts";

/** What a desk is made of. */
export type SupportDeskParts = {
  readonly about: Readonly<Record<string, string | number>>;
  readonly log: () => readonly LogLine[];
  readonly clock: Clock;
  /** Of a bundle, compressed. */
  readonly maxBytes: number;
};

/** Where the parts of the agent leave what a support bundle says of them, and whoever wants one gets it: a command, a job, a technician. */
export class SupportDesk {
  readonly #parts: SupportDeskParts;
  readonly #sections: Record<string, () => unknown> = {};

  constructor(parts: SupportDeskParts) {
    this.#parts = parts;
  }

  /** Adds a section; what comes first stays longest when a bundle is too long. `look` may throw or reject. */
  include(name: string, look: () => unknown): void {
    this.#sections[name] = look;
  }

  /** One section alone. */
  async section(name: string): Promise<unknown> {
    return await this.#sections[name]?.();
  }

  /** A bundle of this moment. Never rejects. */
  collect(): Promise<SupportBundle> {
    const { about, log, clock, maxBytes } = this.#parts;
    return collectBundle({ about, sections: this.#sections, log, nowMs: clock.wallUs() / 1000, maxBytes });
  }
}
