import { describe, expect, it } from "vitest";
import { Parking } from "../../../../agent/vehicle/sleep/parking.ts";
import { SleepMemory } from "../../../../agent/vehicle/sleep/sleep-memory.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { FakeJournal } from "../../../fakes/ports/journal.ts";

const HOUR_MS = 3_600_000;
const CURRENTS = { awakeMilliamps: 200, asleepMilliamps: 4 };

function createRig() {
  const clock = new ManualClock();
  const memory = new SleepMemory(new FakeJournal({ clock }), new MemoryLog());
  return { clock, memory, start: (suspends = false) => new Parking({ clock, memory, currents: CURRENTS, suspends }) };
}
const parked = (sentBytes = 0, isAsleep = false) => ({ isDriving: false, isAsleep, sentBytes });

describe("Parking", () => {
  it("counts time awake and asleep, suspended or not, and estimates the charge by the currents", () => {
    const { clock, start } = createRig();
    const parking = start();
    clock.advance(HOUR_MS);
    parking.look(parked(1000));
    clock.advance(HOUR_MS);
    parking.look(parked(1500, true));
    clock.suspend(8 * HOUR_MS);
    parking.look(parked(1500));
    parking.noteCheckIn();
    expect(parking.cost()).toEqual({
      parkedMs: 10 * HOUR_MS,
      awakeMs: HOUR_MS,
      asleepMs: 9 * HOUR_MS,
      checkIns: 1,
      sentBytes: 1500,
      milliampHours: 236,
    });
  });

  it("takes for sleep only what was suspended, where it asks for that", () => {
    const { clock, start } = createRig();
    const parking = start(true);
    clock.advance(HOUR_MS);
    parking.look(parked(0, true));
    clock.suspend(8 * HOUR_MS);
    parking.look(parked(0, true));
    expect(parking.cost()).toMatchObject({ parkedMs: 9 * HOUR_MS, awakeMs: HOUR_MS, asleepMs: 8 * HOUR_MS });
  });

  it("takes nothing back when a busy machine has read more of sleep before than there was", () => {
    const { clock, start } = createRig();
    const parking = start();
    clock.suspend(3);
    parking.look(parked());
    clock.suspend(-3);
    parking.look(parked());
    clock.advance(1000);
    parking.look(parked());
    expect(parking.cost()).toMatchObject({ parkedMs: 1003, awakeMs: 1000, asleepMs: 3 });
  });

  it("begins anew once it is driven", () => {
    const { clock, start } = createRig();
    const parking = start();
    clock.advance(HOUR_MS);
    parking.look(parked(1000));
    parking.look({ isDriving: true, isAsleep: false, sentBytes: 5000 });
    clock.advance(1000);
    parking.look(parked(5010));
    expect(parking.cost()).toMatchObject({ parkedMs: 1000, sentBytes: 10, checkIns: 0 });
  });

  it("goes on over a restart, with the time that it was off where the clock is to be believed", () => {
    const { clock, memory, start } = createRig();
    const before = start();
    clock.advance(HOUR_MS);
    before.look(parked());
    before.keep("saving");
    expect(memory.parking()?.byVolts).toBe("saving");
    clock.advance(5 * HOUR_MS);
    expect(start().parkedMs).toBe(6 * HOUR_MS);
    clock.setQuality("saved");
    expect(start().parkedMs).toBe(HOUR_MS);
    clock.setQuality("ntp");
    clock.stepWall(-50 * 365 * 86_400_000_000);
    expect(start().parkedMs).toBe(HOUR_MS);
  });
});
