import type { TesterBus, Withheld } from "./tester-bus.ts";
import { emptyState } from "./tester-counts.ts";

/** The tester of a bus on which nothing is ever sent; `what` says why. */
export function createOffTester(bus: string, what: string): TesterBus {
  const off: Withheld = { kind: "withheld", reason: "off", what };
  let withheld = 0;
  const refuse = async (): Promise<Withheld> => {
    withheld += 1;
    return off;
  };
  return {
    bus,
    ask: refuse,
    askAll: refuse,
    sendFrame: refuse,
    state: () => {
      const state = emptyState(bus);
      return { ...state, withheld: off, withheldCounts: { ...state.withheldCounts, off: withheld } };
    },
  };
}
