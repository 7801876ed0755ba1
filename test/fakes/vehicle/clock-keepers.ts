import type { ClockKeepers, KeeperReading } from "../../../agent/ports/clock-keepers.ts";

/** Keepers that say what the test wants them to. */
export class FakeClockKeepers implements ClockKeepers {
  readings: readonly KeeperReading[] = [];
  asked = 0;

  ask(): Promise<readonly KeeperReading[]> {
    this.asked += 1;
    return Promise.resolve(this.readings);
  }
}

/** A keeper that has the time, with `change` over it. */
export function readingOf(change: Partial<KeeperReading> = {}): KeeperReading {
  return {
    keeper: "chrony",
    state: "synchronised",
    reference: "server",
    errorMs: 3,
    detail: "server 192.0.2.1, stratum 2",
    ...change,
  };
}
