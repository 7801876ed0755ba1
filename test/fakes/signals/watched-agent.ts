import { signalsHandlers } from "../../../agent/local-api/signals-handlers.ts";
import { LatestSignals, type LatestValue } from "../../../agent/signals/latest-signals.ts";
import { ManualClock } from "../core/clock.ts";
import { serveView } from "../daemon/view-socket.ts";
import { type MessageSpec, tableOf } from "../telemetry/table.ts";

/** An agent that answers for the signals of a hand-made table, with the values that a test gives it. */
export class WatchedAgent {
  readonly clock = new ManualClock();
  readonly #signals: LatestSignals;
  readonly #latest = new Map<string, LatestValue>();
  #looks = 0;

  constructor(specs: readonly MessageSpec[]) {
    this.#signals = new LatestSignals(tableOf(specs), { latestOf: () => undefined });
  }

  /** How often somebody looked at the values. */
  get looks(): number {
    return this.#looks;
  }

  /** MESSAGE.SIGNAL was received now, for the `count`-th time. */
  receive(name: string, raw: number, count = 1): void {
    const found = this.#signals.find(name);
    if (found.kind === "unfit") throw new Error(found.problem);
    const { signal } = found;
    this.#latest.set(name, { signal, origin: undefined, timeUs: this.clock.wallUs(), raw, count });
  }

  /** Answers until the test ends; gives the path of its configuration. */
  async serve(): Promise<string> {
    const [watch] = signalsHandlers({
      latest: () => {
        this.#looks += 1;
        return [...this.#latest.values()].toSorted((a, b) => a.signal.index - b.signal.index);
      },
      derived: () => [],
      signals: this.#signals,
      clock: this.clock,
    });
    return await serveView({ watch: watch?.handle });
  }
}
