import { describe, expect, it } from "vitest";
import { messageBytes, scheme } from "../../fakes/fleetwise/messages.ts";
import { manifestBytes, RIG_T0_MS, schemeBytes, vehicleRig } from "../../fakes/fleetwise/vehicle-rig.ts";

type Scheme = Readonly<Record<string, unknown>>;

const every = (period_ms: number): Scheme => ({
  condition_based: undefined,
  time_based: { period_ms },
  signal_information: [{ signal_id: 10, sample_buffer_size: 1 }],
});

async function vehicleWith(schemes: readonly Scheme[]) {
  const rig = await vehicleRig();
  rig.give("decoder_manifests", manifestBytes());
  rig.give("collection_schemes", schemeBytes(...schemes));
  return rig;
}

describe("a cloud that repeats itself at each check-in", () => {
  it("changes nothing with it: no other check-in follows, nothing is written", async () => {
    const { give, checkIns, clock, log, drive, events } = await vehicleWith([every(2000)]);
    await clock.run(10);
    const before = [checkIns().length, log.of("fleetwise.schemes-taken").length];
    for (let at = 0; at < 15; at++) {
      drive([at, 0], 100);
      const later = { timestamp_ms_epoch: RIG_T0_MS + 1000 + at };
      give(
        "collection_schemes",
        messageBytes("CollectionSchemes", { collection_schemes: [scheme(every(2000))], ...later }),
      );
      give("decoder_manifests", manifestBytes());
    }
    for (let at = 0; at < 15; at++) drive([at, 0], 100);
    await clock.run(10);
    expect([checkIns().length, log.of("fleetwise.schemes-taken").length]).toEqual(before);
    expect(events()).toHaveLength(1);
  });
});
