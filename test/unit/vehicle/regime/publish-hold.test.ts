import { describe, expect, it } from "vitest";
import { PublishHold } from "../../../../agent/vehicle/regime/publish-hold.ts";
import { Regimes } from "../../../../agent/vehicle/regime/regimes.ts";
import { powerRegimes } from "../../../../config/power-regimes.ts";
import { createPublisherBench, draft, times } from "../../../fakes/telemetry/publisher.ts";
import { FakeVehicleStates } from "../../../fakes/vehicle/vehicle-states.ts";

/** A publisher of a vehicle whose publishing in asleep-soon is `publish`. */
function heldBench(publish: unknown) {
  const bench = createPublisherBench({ inFlight: 4 });
  const states = new FakeVehicleStates();
  const regimes = new Regimes(powerRegimes.parse({ "asleep-soon": { publish } }), states);
  const hold = new PublishHold({ regimes, outbox: bench.outbox, clock: bench.clock });
  bench.publisher.goBy(hold);
  states.onChange(() => hold.restart());
  return { ...bench, states };
}

describe("a publisher that goes by the vehicle's state", () => {
  it("holds all classes but those that are named, and lets them go in another state", async () => {
    const { append, start, stop, ids, clock, states, publisher } = heldBench({ only: ["control", "event"] });
    states.enter("asleep-soon");
    append(...times(9, () => draft("telemetry")), draft("event"));
    await start();
    append(draft("telemetry"), draft("control"), draft("capture"));
    await clock.run(86_400_000);
    expect(ids().toSorted()).toEqual(["control-1", "event-1"]);
    states.enter("driving");
    publisher.wake();
    await clock.run(1000);
    expect(ids()).toHaveLength(13);
    await stop();
  });

  it("lets what waits go together so often, and what came later the next time", async () => {
    const { append, start, stop, ids, clock, states } = heldBench({ only: ["event"], everySeconds: 60 });
    states.enter("asleep-soon");
    append(...times(30, () => draft("telemetry")));
    await start();
    await clock.run(58_000);
    expect(ids()).toEqual([]);
    await clock.run(5000);
    expect(ids()).toHaveLength(30);
    append(...times(5, () => draft("telemetry")));
    await clock.run(50_000);
    expect(ids()).toHaveLength(30);
    await clock.run(10_000);
    expect(ids()).toHaveLength(35);
    await stop();
  });

  it("is drained when only held records are left", async () => {
    const { append, start, stop, publisher, clock, states } = heldBench({ only: ["event"] });
    states.enter("asleep-soon");
    append(draft("telemetry"), draft("event"));
    await start();
    await clock.run(100);
    await publisher.drained(AbortSignal.timeout(1000));
    await stop();
  });
});
