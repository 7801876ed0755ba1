import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type RingSettings, SampleRings } from "../../../../agent/fleetwise/collect/sample-rings.ts";

const SEED = 20_261_130;

function taken(rings: SampleRings, untilUs: number): string[] {
  const found: string[] = [];
  rings.take(untilUs, (local, timeUs, low, high) => void found.push(`${local}@${timeUs}=${low}:${high}`));
  return found;
}

describe("SampleRings", () => {
  it("gives the newest samples of each signal, the newest first, each once", () => {
    const rings = new SampleRings([
      { samples: 2, minPeriodMs: 0 },
      { samples: 1, minPeriodMs: 0 },
    ]);
    for (const at of [1, 2, 3]) {
      rings.push(0, at, at, 7);
      rings.push(1, at, at, 8);
    }
    expect(taken(rings, 3)).toEqual(["0@3=3:7", "0@2=2:7", "1@3=3:8"]);
    expect(taken(rings, 3)).toEqual([]);
  });

  it("leaves what came after the end of the event to the next one", () => {
    const rings = new SampleRings([{ samples: 4, minPeriodMs: 0 }]);
    for (const at of [1, 2, 3, 4]) rings.push(0, at, at, 0);
    expect(taken(rings, 2)).toEqual(["0@2=2:0", "0@1=1:0"]);
    expect(taken(rings, 9)).toEqual(["0@4=4:0", "0@3=3:0"]);
  });

  it("has a sample for an event that is asked for late, when later ones have pushed out its own", () => {
    const rings = new SampleRings([{ samples: 1, minPeriodMs: 0 }]);
    for (const at of [1, 2, 3]) rings.push(0, at, at, 0);
    expect(taken(rings, 2)).toEqual(["0@3=3:0"]);
    expect(taken(rings, 3)).toEqual([]);
  });

  it("leaves out what comes too soon, and goes on after a step of the clock back", () => {
    const rings = new SampleRings([{ samples: 9, minPeriodMs: 1 }]);
    for (const us of [5000, 5999, 6000, 6500, 7000, 100, 900, 1100]) rings.push(0, us, us, 0);
    const times = taken(rings, 1e9).map((one) => one.slice(2, one.indexOf("=")));
    expect(times).toEqual(["1100", "100", "7000", "6000", "5000"]);
  });

  it("holds what a list of all samples would", () => {
    const signal = fc.record({ samples: fc.integer({ min: 1, max: 5 }), minPeriodMs: fc.integer({ min: 0, max: 3 }) });
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.record({ local: fc.nat(2), onMs: fc.nat(2) }) },
      { weight: 1, arbitrary: fc.record({ backMs: fc.nat(4) }) },
    );
    fc.assert(
      fc.property(fc.tuple(signal, signal, signal), fc.array(step, { maxLength: 120 }), (signals, steps) => {
        const rings = new SampleRings(signals);
        const all = signals.map((): { us: number; isTaken: boolean }[] => []);
        let nowUs = 0;
        for (const one of steps) {
          if ("local" in one) {
            nowUs += one.onMs * 1000;
            rings.push(one.local, nowUs, nowUs, 0);
            note(all[one.local], signals[one.local], nowUs);
          } else {
            const untilUs = nowUs - one.backMs * 1000;
            const expected = all.flatMap((samples, local) => newest(samples, signals[local], untilUs, local));
            expect(taken(rings, untilUs)).toEqual(expected);
          }
        }
      }),
      { seed: SEED, numRuns: 500 },
    );
  });
});

type Held = { us: number; isTaken: boolean };

function note(samples: Held[], { minPeriodMs }: RingSettings, us: number): void {
  const last = samples.at(-1);
  if (last === undefined || us - last.us >= minPeriodMs * 1000) samples.push({ us, isTaken: false });
}

function newest(samples: Held[], { samples: count }: RingSettings, untilUs: number, local: number): string[] {
  const fresh = samples.slice(-count).filter((one) => !one.isTaken);
  const due = fresh.filter((one) => one.us <= untilUs);
  // A full ring of later ones: the oldest stands for those that they pushed out.
  const given = due.length === 0 && fresh.length === count ? fresh.slice(0, 1) : due;
  for (const one of given) one.isTaken = true;
  return given.toReversed().map(({ us }) => `${local}@${us}=${us}:0`);
}
