import type { Fix } from "./fix.ts";
import type { PositionSink, SourceState } from "./position-source.ts";

/** Tells a sink each state once, whatever its words are: only what changes is news. */
export class SourceVoice {
  readonly #sink: PositionSink;
  #state: SourceState | undefined;
  #what = "";

  constructor(sink: PositionSink) {
    this.#sink = sink;
  }

  say(state: SourceState, what: string, remedy = ""): void {
    if (state === this.#state && (state === "up" || what === this.#what)) return;
    this.#state = state;
    this.#what = what;
    this.#sink.onState(state, what, remedy);
  }

  fix(fix: Fix): void {
    this.#sink.onFix(fix);
  }

  noFix(): void {
    this.#sink.onNoFix();
  }
}
