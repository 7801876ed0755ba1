import { describe, expect, it } from "vitest";
import { canSignal, comparison, messageBytes } from "../../fakes/fleetwise/messages.ts";
import {
  BASE,
  manifestBytes,
  RIG_T0_MS,
  schemeBytes,
  type VehicleRigSettings,
  vehicleRig,
} from "../../fakes/fleetwise/vehicle-rig.ts";
import { samplesIn } from "../../fakes/telemetry/campaign-rig.ts";

type Scheme = Readonly<Record<string, unknown>>;

/** A vehicle with manifest dm-1 and these schemes. */
async function vehicleWith(schemes: readonly Scheme[], settings: VehicleRigSettings = {}) {
  const rig = await vehicleRig(settings);
  rig.give("decoder_manifests", manifestBytes());
  rig.give("collection_schemes", schemeBytes(...schemes));
  return rig;
}

const ABOVE_50 = comparison(1, 10, 50);
const RISING = 1;
const signals = (given: Scheme = {}): readonly Scheme[] => [{ signal_id: 10, sample_buffer_size: 1, ...given }];
const every = (period_ms: number, given: Scheme = {}): Scheme => ({
  condition_based: undefined,
  time_based: { period_ms },
  signal_information: signals(),
  ...given,
});
const when = (given: Scheme = {}, scheme: Scheme = {}): Scheme => ({
  condition_based: { condition_minimum_interval_ms: 1000, condition_tree: ABOVE_50, ...given },
  signal_information: signals(),
  ...scheme,
});
const rising = (scheme: Scheme = {}): Scheme => when({ condition_trigger_mode: RISING }, scheme);
const samplesOf = (events: readonly { readonly samples: readonly string[] }[]) => events.map(({ samples }) => samples);

describe("a time based scheme", () => {
  it("sends the newest samples of its signals every period, each once, and nothing where nothing came", async () => {
    const { drive, events, clock, log } = await vehicleWith([
      every(10_000, { signal_information: signals({ sample_buffer_size: 3 }) }),
    ]);
    for (let at = 0; at < 20; at++) drive([at, 0], 1000);
    clock.advance(30_000);
    expect(log.of("fleetwise.refused")).toEqual([]);
    expect(samplesOf(events())).toEqual([
      ["10@10000=10", "10@9000=9", "10@8000=8"],
      ["10@19000=19", "10@18000=18", "10@17000=17"],
    ]);
  });

  it("finds the sample of its time however fast others follow and push it out", async () => {
    const { bus, clock, events } = await vehicleWith([every(1000)]);
    for (let at = 0; at < 500; at++) {
      // Batches of ten, as a driver hands them over.
      const frames = Array.from({ length: 10 }, (_, n) => {
        const receivedAtUs = clock.wallUs() - (9 - n) * 1000;
        return { id: 0x123, flags: 0, data: Uint8Array.of(at % 256, n), receivedAtUs };
      });
      clock.advance(10);
      bus.deliver(frames);
    }
    const times = events().map(({ eventMs, samples: [sample] }) => [eventMs, Number(/@(-?\d+)=/.exec(sample)?.[1])]);
    expect(times.length).toBeGreaterThanOrEqual(4);
    // What the driver had not handed over by then is later by as much.
    for (const [eventMs, sampleMs] of times) expect(eventMs - sampleMs).toBeLessThanOrEqual(20);
    for (let at = 1; at < times.length; at++) expect(times[at][0] - times[at - 1][0]).toBe(1000);
  });

  it("has a time for its event that its samples are told from", async () => {
    const { drive, events, clock } = await vehicleWith([every(1000)]);
    drive([5, 0], 300);
    clock.advance(2000);
    const [event] = events();
    expect(event).toMatchObject({ campaign: "c-1", manifest: "dm-1", stream: "telemetry", samples: ["10@0=5"] });
    expect(event.eventMs).toBeGreaterThanOrEqual(1000);
    expect(event.eventMs).toBeLessThanOrEqual(1100);
  });
});

describe("a condition based scheme", () => {
  it("sends with the frame that makes it true, and again after the interval while it is", async () => {
    const { drive, events } = await vehicleWith([when()]);
    drive([1, 0], 1500);
    drive([60, 0], 400);
    drive([70, 0], 400);
    drive([80, 0], 400);
    drive([20, 0], 5000);
    expect(samplesOf(events())).toEqual([["10@1500=60"], ["10@2300=80"]]);
  });

  it("sends at a rising edge alone where it is asked to, as an event", async () => {
    const { drive, events } = await vehicleWith([rising()]);
    drive([60, 0], 2000);
    drive([1, 0], 500);
    for (const value of [60, 70, 80]) drive([value, 0], 2000);
    expect(events()).toMatchObject([{ samples: ["10@2500=60"], stream: "event" }]);
  });

  it("sends what was before it as a number of samples, and what comes in the time after it", async () => {
    const both = [
      { signal_id: 10, sample_buffer_size: 5 },
      { signal_id: 11, sample_buffer_size: 2, minimum_sample_period_ms: 200 },
    ];
    const { drive, events } = await vehicleWith([rising({ after_duration_ms: 250, signal_information: both })]);
    for (let at = 0; at < 20; at++) drive([at, 100 + at], 100);
    for (let at = 20; at < 30; at++) drive([60 + at, 100 + at], 100);
    expect(samplesOf(events())).toEqual([
      ["10@2200=82", "10@2100=81", "10@2000=80", "10@1900=19", "10@1800=18", "11@2200=122", "11@2000=120"],
    ]);
  });

  it("reads signals that it does not send", async () => {
    const both = [
      { signal_id: 10, sample_buffer_size: 1, condition_only_signal: true },
      { signal_id: 11, sample_buffer_size: 1 },
    ];
    const { drive, events } = await vehicleWith([rising({ signal_information: both })]);
    drive([1, 2], 1100);
    drive([60, 3], 100);
    expect(samplesOf(events())).toEqual([["11@1100=3"]]);
  });

  it("goes compressed where it is asked to, and last where it is not the first", async () => {
    const { drive, events } = await vehicleWith([rising({ compress_collected_data: true, priority: 2 })]);
    drive([1, 0], 1100);
    drive([60, 0], 100);
    expect(events(true)).toMatchObject([{ campaign: "c-1", samples: ["10@1100=60"], stream: "capture" }]);
  });
});

describe("the times of a scheme", () => {
  it("count by the wall clock: before the start it waits, and after the expiry it is no document any more", async () => {
    const {
      drive,
      events,
      vehicle: _,
      checkIns,
      clock,
    } = await vehicleWith([
      every(1000, { start_time_ms_epoch: RIG_T0_MS + 5000, expiry_time_ms_epoch: RIG_T0_MS + 8050 }),
    ]);
    for (let at = 0; at < 120; at++) drive([at, 0], 100);
    const times = events().map(({ eventMs }) => Math.floor(eventMs / 1000));
    expect(times[0]).toBeGreaterThanOrEqual(5);
    expect(times.at(-1)).toBeLessThanOrEqual(8);
    expect(times.length).toBeGreaterThanOrEqual(2);
    await clock.run(120_000);
    const ids = checkIns().map(({ document_sync_ids }) => document_sync_ids);
    expect(ids).toContainEqual(["dm-1", "c-1"]);
    expect(ids.at(-1)).toEqual(["dm-1"]);
  });
});

describe("a list of schemes", () => {
  it("takes the place of the one before, and an empty one ends all", async () => {
    const { drive, events, give } = await vehicleWith([every(1000), every(1000, { campaign_sync_id: "c-2" })]);
    for (let at = 0; at < 21; at++) drive([at, 0], 100);
    expect(new Set(events().map(({ campaign }) => campaign))).toEqual(new Set(["c-1", "c-2"]));
    give("collection_schemes", schemeBytes(every(1000, { campaign_sync_id: "c-2" })));
    const before = events().filter(({ campaign }) => campaign === "c-1").length;
    for (let at = 0; at < 21; at++) drive([at, 0], 100);
    expect(events().filter(({ campaign }) => campaign === "c-1")).toHaveLength(before);
    give("collection_schemes", schemeBytes());
    const all = events().length;
    for (let at = 0; at < 21; at++) drive([at, 0], 100);
    expect(events()).toHaveLength(all);
  });

  it("leaves schemes that are in both as they are: their intervals and samples go on", async () => {
    const wide = signals({ sample_buffer_size: 100 });
    const { drive, events, give } = await vehicleWith([every(2000, { signal_information: wide })]);
    for (let at = 0; at < 15; at++) drive([at, 0], 100);
    give(
      "collection_schemes",
      schemeBytes(every(2000, { signal_information: wide }), every(60_000, { campaign_sync_id: "c-2" })),
    );
    for (let at = 15; at < 25; at++) drive([at, 0], 100);
    expect(events()[0].samples.length).toBeGreaterThanOrEqual(20);
  });

  it("loses what cannot be taken with its reason, and nothing else", async () => {
    const { drive, events, log, notices, checkIns, clock } = await vehicleWith([
      when({ condition_tree: comparison(1, 99, 5) }, { campaign_sync_id: "bad-signal" }),
      every(1000, { campaign_sync_id: "too-large", signal_information: signals({ sample_buffer_size: 1_000_000 }) }),
      every(1000, {
        campaign_sync_id: "some",
        signal_information: [...signals(), { signal_id: 77, sample_buffer_size: 1 }],
      }),
      every(1000),
    ]);
    for (let at = 0; at < 15; at++) drive([at, 0], 100);
    expect(new Set(events().map(({ campaign }) => campaign))).toEqual(new Set(["some", "c-1"]));
    const told = log.of("fleetwise.refused").map(({ facts }) => facts?.what);
    expect(told).toEqual([
      "scheme bad-signal: reads signal 99, which the decoder manifest does not have",
      expect.stringMatching(/^scheme too-large: its samples take 16000000 bytes, .*bufferBytes \(2097152\)$/),
      "scheme some: signals that never come here are not collected: 77",
    ]);
    expect(notices.map(({ event, detail }) => `${event} ${detail}`)).toEqual(
      told.map((what) => `fleetwise.refused ${what}`),
    );
    await clock.run(100);
    expect(checkIns().at(-1)?.document_sync_ids).toEqual(["dm-1", "some", "c-1"]);
  });

  it("bounds the events of all schemes together, and what is left out waits for the next", async () => {
    const many = Array.from({ length: 20 }, (_, at) => every(1000, { campaign_sync_id: `c-${at}` }));
    const { drive, events } = await vehicleWith(many, { fleetwise: { limits: { eventsPerSecond: 5 } } });
    for (let at = 0; at < 30; at++) drive([at, 0], 100);
    expect(events().length).toBeGreaterThanOrEqual(10);
    expect(events().length).toBeLessThanOrEqual(15);
  });
});

describe("a decoder manifest", () => {
  it("is waited for: schemes of another one are idle documents until theirs comes", async () => {
    const rig = await vehicleRig();
    const { drive, events, give, checkIns, clock } = rig;
    give("collection_schemes", schemeBytes(every(1000)));
    for (let at = 0; at < 15; at++) drive([at, 0], 100);
    await clock.run(10);
    expect(checkIns().at(-1)?.document_sync_ids).toEqual(["c-1"]);
    give("decoder_manifests", manifestBytes());
    await clock.run(10);
    expect(checkIns().at(-1)?.document_sync_ids).toEqual(["dm-1", "c-1"]);
    for (let at = 0; at < 15; at++) drive([at, 0], 100);
    expect(events()).toHaveLength(1);
  });

  it("comes into force between two frames; what was collected by the one before goes out", async () => {
    const { drive, events, give, checkIns, clock } = await vehicleWith([rising({ after_duration_ms: 5000 })]);
    drive([1, 0], 1100);
    drive([60, 0], 100);
    const wider = [canSignal({ length: 16, start_bit: 0 })];
    give("decoder_manifests", manifestBytes({ sync_id: "dm-2", can_signals: wider }));
    give("collection_schemes", schemeBytes(every(1000, { decoder_manifest_sync_id: "dm-2" })));
    for (let at = 0; at < 11; at++) drive([at, 1], 100);
    await clock.run(10);
    expect(checkIns().at(-1)?.document_sync_ids).toEqual(["dm-2", "c-1"]);
    expect(events()).toMatchObject([{ manifest: "dm-2", samples: [expect.stringMatching(/=2(6[0-9])$/)] }]);
  });

  it("that cannot be used leaves the one in force, and says why", async () => {
    const { drive, events, give, log, checkIns, clock } = await vehicleWith([every(1000)]);
    give("decoder_manifests", Uint8Array.of(0xff, 0xff, 0xff));
    give("decoder_manifests", messageBytes("DecoderManifest", { sync_id: "", can_signals: [] }));
    give("collection_schemes", Uint8Array.of(0x0a, 0x7f));
    for (let at = 0; at < 15; at++) drive([at, 0], 100);
    expect(events()).toHaveLength(1);
    expect(log.of("fleetwise.refused").length).toBeGreaterThanOrEqual(3);
    await clock.run(10);
    expect(checkIns().at(-1)?.document_sync_ids).toEqual(["dm-1", "c-1"]);
  });

  it("with more signals than are allowed is not used", async () => {
    const rig = await vehicleRig({ maxSignals: 1 });
    rig.give("decoder_manifests", manifestBytes());
    expect(rig.log.of("fleetwise.refused")[0].facts?.what).toBe(
      "decoder manifest dm-1: 2 signals, more than decode.maxSignals (1)",
    );
  });

  it("names buses by its own interface ids", async () => {
    const rig = await vehicleRig({ fleetwise: { interfaces: { "7": "can0", can0: "can0" } } });
    const can_signals = [
      canSignal({ interface_id: "7" }),
      canSignal({ signal_id: 11, interface_id: "8", start_bit: 8 }),
    ];
    rig.give("decoder_manifests", manifestBytes({ can_signals }));
    rig.give("collection_schemes", schemeBytes(every(1000)));
    for (let at = 0; at < 15; at++) rig.drive([at, 0], 100);
    expect(rig.events()).toHaveLength(1);
    expect(rig.log.of("fleetwise.refused")[0].facts?.what).toMatch(/signal 11: .*interface 8/);
  });

  it("has its frames received, and those alone, beside what else is wanted; every frame goes to the other line first", async () => {
    const { drive, bus, first, give, wanted } = await vehicleWith([every(1000)]);
    expect(bus.filterLists.at(-1)).toMatchObject([{ id: 0x123, extended: false }]);
    drive([1, 2], 100);
    drive([1, 2], 100, 0x7ff);
    expect(first.frames).toBe(1);
    give("collection_schemes", schemeBytes());
    expect(bus.filterLists.at(-1)).toEqual([]);
    expect(wanted.list()).toMatchObject([{ name: "FleetWise", signals: 0 }]);
  });
});

describe("what a vehicle of FleetWise keeps", () => {
  it("is in force again after a restart, before anything comes", async () => {
    const before = await vehicleWith([every(1000)]);
    await before.stop();
    const { drive, events, checkIns, clock } = await vehicleRig({ stateDir: before.stateDir });
    for (let at = 0; at < 15; at++) drive([at, 0], 100);
    expect(events()).toHaveLength(1);
    await clock.run(10);
    expect(checkIns()[0].document_sync_ids).toEqual(["dm-1", "c-1"]);
  });

  it("is set aside after five starts that ended early, for the cloud to send it again", async () => {
    const { stateDir } = await vehicleWith([every(1000)]);
    for (let start = 0; start < 4; start++) await vehicleRig({ stateDir });
    const { log, checkIns, clock } = await vehicleRig({ stateDir });
    expect(log.of("fleetwise.documents-set-aside")).toHaveLength(1);
    await clock.run(10);
    expect(checkIns()[0].document_sync_ids).toBeUndefined();
  });

  it.each([
    ["starts lasted", 61_000, "b"],
    ["the power went each time", 1000, undefined],
  ])("is not set aside where %s", async (_, forMs, boot) => {
    const { stateDir } = await vehicleWith([every(1000)]);
    for (let start = 0; start < 8; start++) {
      const { clock, log } = await vehicleRig({ stateDir, bootId: boot ?? `b${start}` });
      await clock.run(forMs);
      expect(log.of("fleetwise.documents-set-aside")).toEqual([]);
    }
  });
});

describe("records of our own", () => {
  it("go out beside VehicleData, of the table of the manifest", async () => {
    const { drive, events, ownRecords } = await vehicleWith([every(1000)], { fleetwise: { ownRecords: "beside" } });
    for (let at = 0; at < 15; at++) drive([at, 0], 100);
    expect(events()).toHaveLength(1);
    const records = ownRecords();
    expect(records.filter(({ body }) => body.kind === "table")).toHaveLength(1);
    expect(samplesIn(records, "c-1")).toHaveLength(1);
  });

  it("go out in its place", async () => {
    const { drive, events, ownRecords } = await vehicleWith([every(1000)], { fleetwise: { ownRecords: "instead" } });
    for (let at = 0; at < 15; at++) drive([at, 0], 100);
    expect(events()).toEqual([]);
    expect(samplesIn(ownRecords(), "c-1")).toHaveLength(1);
  });

  it("are none otherwise", async () => {
    const { drive, ownRecords } = await vehicleWith([every(1000)]);
    for (let at = 0; at < 15; at++) drive([at, 0], 100);
    expect(ownRecords()).toEqual([]);
  });
});

describe("check-ins", () => {
  it("come at each connection, every interval and when documents change, and again after 5 s where one is refused", async () => {
    const { broker, checkIns, clock, give } = await vehicleRig({ fleetwise: { checkinSeconds: 60 } });
    await clock.run(10);
    expect(checkIns()).toHaveLength(1);
    await clock.run(60_000);
    expect(checkIns()).toHaveLength(2);
    give("decoder_manifests", manifestBytes());
    await clock.run(10);
    expect(checkIns()).toHaveLength(3);
    give("decoder_manifests", manifestBytes());
    await clock.run(10);
    expect(checkIns()).toHaveLength(3);
    broker.answer = ({ topic }) =>
      topic === `${BASE}/checkins` ? { kind: "rejected", reasonCode: 0x87, reason: "no" } : { kind: "acked" };
    broker.disconnect();
    broker.connect();
    await clock.run(10);
    expect(checkIns()).toHaveLength(4);
    await clock.run(5000);
    expect(checkIns()).toHaveLength(5);
    expect(checkIns().at(-1)).toEqual({
      document_sync_ids: ["dm-1"],
      timestamp_ms_epoch: BigInt(RIG_T0_MS + 65_030),
    });
  });

  it("go on where the broker grants no subscription", async () => {
    const { checkIns, clock, log, vehicle } = await vehicleRig({ grants: (filter) => !filter.endsWith("config") });
    await clock.run(10);
    expect(checkIns()).toHaveLength(1);
    expect(log.of("fleetwise.subscription-refused")).toHaveLength(1);
    await vehicle.documents.stop();
  });
});
