import type { Clock } from "../core/clock.ts";
import type { Service } from "../core/lifecycle.ts";

/** How long after its begin all code of a start is compiled. */
const START_OVER_MS = 20_000;

/** Keeps once what was compiled for this start, after it: the compiler's work is done by then, and nothing waits for it. */
export function compiledCodeService(clock: Clock, keep: () => Promise<void>): Service {
  const stopping = new AbortController();
  return {
    name: "compiled code",
    start: async () =>
      void clock.sleep(START_OVER_MS, stopping.signal).then(async () => stopping.signal.aborted || keep()),
    stop: async () => stopping.abort(),
  };
}
