import { describe, expect, it } from "vitest";
import { messageBytes, operation, scheme } from "../../fakes/fleetwise/messages.ts";
import { manifestBytes, RIG_T0_MS, schemeBytes, vehicleRig } from "../../fakes/fleetwise/vehicle-rig.ts";
import { MISFIRE } from "../../fakes/telemetry/trouble-codes.ts";

type Scheme = Readonly<Record<string, unknown>>;

const every = (period_ms: number): Scheme => ({
  condition_based: undefined,
  time_based: { period_ms },
  signal_information: [{ signal_id: 10, sample_buffer_size: 1 }],
});

async function vehicleWith(schemes: readonly Scheme[], settings: Parameters<typeof vehicleRig>[0] = {}) {
  const rig = await vehicleRig(settings);
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

describe("a condition over windows", () => {
  const LAST_MAX = 1;
  const PREV_LAST_MAX = 4;
  const window = (window_type: number) => ({ node_function: { window_function: { signal_id: 11, window_type } } });

  it("is true by what was in the last of them, and in the one before", async () => {
    const { drive, events, log } = await vehicleWith([
      {
        condition_based: {
          condition_minimum_interval_ms: 10,
          condition_trigger_mode: 1,
          condition_tree: operation(1, operation(10, window(LAST_MAX), window(PREV_LAST_MAX)), {
            node_double_value: 20,
          }),
        },
        signal_information: [
          { signal_id: 10, sample_buffer_size: 1 },
          { signal_id: 11, sample_buffer_size: 1, fixed_window_period_ms: 1000, condition_only_signal: true },
        ],
      },
    ]);
    expect(log.of("fleetwise.refused")).toEqual([]);
    const peaks = [10, 25, 50, 50];
    for (const [at, peak] of peaks.entries()) {
      for (let step = 0; step < 10; step++) drive([at * 10 + step, step === 4 ? peak : 1], 100);
    }
    for (let step = 0; step < 15; step++) drive([100, 1], 100);
    // 50 - 25 = 25 when the third window has closed; 25 - 10 = 15 and 50 - 50 = 0 are not enough.
    const times = events().map(({ eventMs }) => eventMs);
    expect(times).toHaveLength(1);
    expect(times[0]).toBeGreaterThanOrEqual(3000);
    expect(times[0]).toBeLessThanOrEqual(3200);
  });

  it("is refused where the scheme gives the signal no window", async () => {
    const { log } = await vehicleWith([
      {
        condition_based: { condition_tree: operation(1, window(LAST_MAX), { node_double_value: 20 }) },
        signal_information: [{ signal_id: 10, sample_buffer_size: 1 }],
      },
    ]);
    expect(log.of("fleetwise.refused")[0].facts?.what).toMatch(
      /^scheme c-1: .*asks for windows over signal 11, which have no length/,
    );
  });
});

describe("active trouble codes", () => {
  const codes = [{ ...MISFIRE, lastSeenUs: (RIG_T0_MS + 700) * 1000 }];
  const withCodes = { ...every(1000), include_active_dtcs: true };

  it("come with the events of a scheme that asks for them, with the time when they were seen", async () => {
    const { drive, events, log } = await vehicleWith([withCodes, { ...every(1000), campaign_sync_id: "c-2" }], {
      codes,
    });
    for (let at = 0; at < 15; at++) drive([at, 0], 100);
    expect(events().map(({ campaign, codes: sent }) => [campaign, sent])).toEqual([
      ["c-1", "P0301-1F@700"],
      ["c-2", undefined],
    ]);
    expect(log.of("fleetwise.refused")).toEqual([]);
  });

  it("are in no event where none is active", async () => {
    const { drive, events } = await vehicleWith([withCodes], { codes: [] });
    for (let at = 0; at < 15; at++) drive([at, 0], 100);
    expect(events().map(({ codes: sent }) => sent)).toEqual([undefined]);
  });

  it("are told not to be sent where the configuration has no diagnostics", async () => {
    const { drive, events, log } = await vehicleWith([withCodes]);
    for (let at = 0; at < 15; at++) drive([at, 0], 100);
    expect(events().map(({ codes: sent }) => sent)).toEqual([undefined]);
    expect(log.of("fleetwise.refused")[0]?.facts?.what).toBe(
      "scheme c-1: active DTCs are not sent: the configuration has no diagnostics",
    );
  });
});

describe("what a support bundle says of a vehicle of FleetWise", () => {
  it("is what is in force, what came of it, what was refused and every frame", async () => {
    const { drive, vehicle, clock } = await vehicleWith([every(1000), { ...every(1000), campaign_sync_id: "c-2" }]);
    for (let at = 0; at < 15; at++) drive([at, 0], 100);
    await clock.run(10);
    expect(vehicle.facts()).toMatchObject({
      documents: ["dm-1", "c-1", "c-2"],
      signals: 2,
      schemes: [
        { state: "running", events: 1, suppressed: 0 },
        { state: "running", events: 1, suppressed: 0 },
      ],
      frames: { can0: { decoded: 15, unknown: 0, unwanted: 0, remote: 0, error: 0 } },
      refused: [],
      droppedSamples: 0,
    });
  });
});

describe("signals of OBD-II in a manifest", () => {
  /** As FWE's own tests have engine speed: two bytes, a quarter of a revolution each. */
  const SPEED = {
    signal_id: 20,
    interface_id: "can0",
    pid_response_length: 2,
    service_mode: 1,
    pid: 0x0c,
    scaling: 0.25,
    start_byte: 0,
    byte_length: 2,
    bit_mask_length: 8,
  };
  const LOAD = { ...SPEED, signal_id: 21, pid: 0x04, pid_response_length: 1, byte_length: 1, scaling: 100 / 255 };

  it("get their values from what the agent polls, and are refused where it does not", async () => {
    const rig = await vehicleRig();
    rig.give("decoder_manifests", manifestBytes({ obd_pid_signals: [SPEED, LOAD] }));
    rig.give(
      "collection_schemes",
      schemeBytes({
        condition_based: undefined,
        time_based: { period_ms: 1000 },
        signal_information: [{ signal_id: 20, sample_buffer_size: 3 }],
      }),
    );
    const take = (...pdu: readonly number[]): void =>
      rig.vehicle.takeObd("can0", Uint8Array.from(pdu), rig.clock.wallUs());
    take(0x41, 0x0c, 0x1a, 0xf8);
    take(0x41, 0x04, 0xff);
    rig.clock.advance(500);
    take(0x41, 0x0c, 0x1a, 0xfc);
    rig.vehicle.takeObd("can1", Uint8Array.of(0x41, 0x0c, 0, 0), rig.clock.wallUs());
    rig.clock.advance(1000);
    expect(rig.events()[0].samples.toSorted()).toEqual(["20@0=1726", "20@500=1727"]);
    expect(rig.notices.map(({ detail }) => detail).join()).toContain("signal 21: PID 0x04 is not polled on can0");
    await rig.stop();
  });
});
