import type { Clock } from "../../core/clock.ts";
import type { SentId } from "./own-frames.ts";
import type { TesterState, Withheld } from "./tester-bus.ts";

/** For the log and for consumers, once at the begin of a silence and once at its end. */
export type SilenceNotice = {
  readonly event: "diagnostics.other-tester" | "diagnostics.other-tester-gone";
  readonly detail: string;
};

export type SilenceParts = {
  readonly bus: string;
  /** Nothing is sent for so long after another tester was last seen, ms. */
  readonly silenceMs: number;
  readonly clock: Clock;
  readonly notice: (notice: SilenceNotice) => void;
};

/** The time in which the agent sends nothing on a bus because of another tester. Each frame of that makes it longer. */
export class Silence {
  readonly #parts: SilenceParts;
  readonly #stopped = new AbortController();
  #seen: { readonly frame: SentId; readonly atMs: number } | undefined;
  #isSilent = false;
  #count = 0;

  constructor(parts: SilenceParts) {
    this.#parts = parts;
  }

  /** How many there were. */
  get count(): number {
    return this.#count;
  }

  /** Another tester is seen. */
  begin(frame: SentId): void {
    const { bus, silenceMs, clock, notice } = this.#parts;
    this.#seen = { frame, atMs: clock.monotonicMs() };
    if (this.#isSilent) return;
    this.#isSilent = true;
    this.#count += 1;
    const detail = `bus ${bus}: another tester speaks (${idText(frame)}); nothing is sent until ${silenceMs / 1000} s after it was last seen`;
    notice({ event: "diagnostics.other-tester", detail });
    void this.#untilOver();
  }

  /** Why nothing may be sent, while it is so. */
  withheld(): Withheld | undefined {
    if (this.#seen === undefined || this.#leftMs() <= 0) return undefined;
    const seconds = Math.ceil(this.#leftMs() / 1000);
    const what = `another tester speaks on bus ${this.#parts.bus} (${idText(this.#seen.frame)}); nothing is sent for ${seconds} s yet`;
    return { kind: "withheld", reason: "other-tester", what };
  }

  /** The other tester that was seen last. */
  seen(): TesterState["other"] {
    if (this.#seen === undefined) return undefined;
    const { frame, atMs } = this.#seen;
    const agoMs = Math.round(this.#parts.clock.monotonicMs() - atMs);
    return { ...frame, agoMs, silentMs: Math.max(0, Math.round(this.#leftMs())) };
  }

  /** Ends without a word. */
  stop(): void {
    this.#stopped.abort();
  }

  #leftMs(): number {
    const { silenceMs, clock } = this.#parts;
    return this.#seen === undefined ? 0 : this.#seen.atMs + silenceMs - clock.monotonicMs();
  }

  async #untilOver(): Promise<void> {
    const { bus, clock, notice } = this.#parts;
    while (this.#leftMs() > 0) {
      await clock.sleep(this.#leftMs(), this.#stopped.signal);
      if (this.#stopped.signal.aborted) return;
    }
    this.#isSilent = false;
    notice({
      event: "diagnostics.other-tester-gone",
      detail: `bus ${bus}: no other tester any more; requests go out again`,
    });
  }
}

/** An id as people write it. */
export function idText({ id, extended }: SentId): string {
  return `0x${id.toString(16).padStart(extended ? 8 : 3, "0")}`;
}
