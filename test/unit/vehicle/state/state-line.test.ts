import { describe, expect, it } from "vitest";
import type { IgnitionReading } from "../../../../agent/vehicle/state/ignition.ts";
import { VehicleStateLine } from "../../../../agent/vehicle/state/state-line.ts";
import type { StateReading } from "../../../../agent/vehicle/state/vehicle-state.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { BookRig } from "../../../fakes/vehicle/book-rig.ts";

const DEBOUNCE = { onMs: 500, offMs: 5000, silentMs: 30_000 };

function rig({ asleepAfterMs = 60_000 } = {}) {
  const clock = new ManualClock();
  const says: IgnitionReading["kind"][] = ["unknown", "unknown"];
  let changed = (): void => undefined;
  const line = new VehicleStateLine({
    sources: [
      {
        name: "first",
        look: () => ({ kind: says[0], why: "first" }),
        start: async (call) => {
          changed = call;
        },
      },
      { name: "second", look: () => ({ kind: says[1], why: "second" }) },
    ],
    settings: { debounce: DEBOUNCE, asleepAfterMs },
    book: new BookRig(clock).open(),
    clock,
    log: new MemoryLog(),
  });
  const changes: string[] = [];
  line.onChange((now: StateReading, before: StateReading) => {
    changes.push(`${before.state} > ${now.state} (${now.why})`);
    expect(line.now()).toBe(now);
  });
  return { clock, says, line, changes, changed: () => changed() };
}

describe("VehicleStateLine", () => {
  it("is parked until something says otherwise", async () => {
    const { clock, line, changes } = rig();
    await line.start();
    clock.advance(50_000);
    expect(line.now()).toMatchObject({ state: "parked", why: "not known yet" });
    expect(changes).toEqual([]);
  });

  it("drives, parks and is asleep soon, and drives again at once", async () => {
    const { clock, says, line, changes } = rig();
    await line.start();
    says[1] = "on";
    clock.advance(1000);
    expect(line.isIgnitionOn()).toBe(true);
    says[1] = "off";
    clock.advance(70_000);
    says[1] = "on";
    clock.advance(1000);
    expect(changes).toEqual([
      "parked > driving (ignition on: second)",
      "driving > parked (ignition off: second)",
      "parked > asleep-soon (parked for 60 s)",
      "asleep-soon > driving (ignition on: second)",
    ]);
  });

  it("believes the first source that knows", async () => {
    const { clock, says, line } = rig();
    await line.start();
    says[0] = "off";
    says[1] = "on";
    clock.advance(2000);
    expect(line.isIgnitionOn()).toBe(false);
    says[0] = "unknown";
    clock.advance(29_000);
    expect(line.isIgnitionOn()).toBe(false);
    clock.advance(2000);
    expect(line.isIgnitionOn()).toBe(true);
  });

  it("looks at once when a source asks for it", async () => {
    const { clock, says, line, changed } = rig();
    await line.start();
    says[0] = "on";
    changed();
    clock.advance(500);
    expect(line.now().state).toBe("driving");
  });

  it("is never asleep soon where that is 0", async () => {
    const { clock, line } = rig({ asleepAfterMs: 0 });
    await line.start();
    clock.advance(10_000_000);
    expect(line.now().state).toBe("parked");
  });

  it("looks no more after its stop", async () => {
    const { clock, line } = rig();
    await line.start();
    await line.stop();
    expect(clock.waiting()).toBe(0);
  });
});
