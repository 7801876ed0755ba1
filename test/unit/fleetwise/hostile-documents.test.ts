import { describe, expect, it } from "vitest";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import { canSignal, comparison, messageBytes, operation } from "../../fakes/fleetwise/messages.ts";
import { manifestBytes, RIG_T0_MS, schemeBytes, vehicleRig } from "../../fakes/fleetwise/vehicle-rig.ts";

const SEED = 20_261_201;
const DOCUMENTS = 900;
const TOPICS = ["decoder_manifests", "collection_schemes", "last_known_states/config"] as const;
type Topic = (typeof TOPICS)[number];

const collected = [
  { signal_id: 10, sample_buffer_size: 20, minimum_sample_period_ms: 10, fixed_window_period_ms: 500 },
  { signal_id: 11, sample_buffer_size: 3, condition_only_signal: true },
  { signal_id: 12, sample_buffer_size: 1, data_partition_id: 1 },
];

/** Documents with all that a document can have. */
function validOf(topic: Topic): Uint8Array {
  switch (topic) {
    case "decoder_manifests":
      return manifestBytes({
        can_signals: [
          canSignal({ primitive_type: 2 }),
          canSignal({ signal_id: 11, start_bit: 8, is_big_endian: true, length: 12, is_signed: true, factor: 0.5 }),
          canSignal({ signal_id: 12, message_id: 0x98fe_f100, length: 64, offset: -40 }),
          canSignal({ signal_id: 13, interface_id: "can9" }),
        ],
        obd_pid_signals: [{ signal_id: 20, interface_id: "obd", pid: 12, byte_length: 2 }],
      });
    case "collection_schemes":
      return schemeBytes(
        {
          condition_based: {
            condition_minimum_interval_ms: 20,
            condition_trigger_mode: 1,
            condition_tree: operation(6, comparison(1, 10, 50), operation(8, comparison(4, 11, 3))),
          },
          after_duration_ms: 30,
          compress_collected_data: true,
          signal_information: collected,
        },
        {
          campaign_sync_id: "c-2",
          condition_based: undefined,
          time_based: { period_ms: 50 },
          start_time_ms_epoch: RIG_T0_MS,
          priority: 3,
          signal_information: collected,
        },
      );
    case "last_known_states/config":
      return messageBytes("StateTemplates", {
        decoder_manifest_sync_id: "dm-1",
        version: 1,
        state_templates_to_add: [
          { state_template_sync_id: "t-1", on_change: {}, signal_ids: [10, 11] },
          { state_template_sync_id: "t-2", periodic: { period_ms: 40 }, signal_ids: [12] },
        ],
      });
  }
}

/** What is told of the documents before they are tampered with. */
const EXPECTED = [
  expect.stringMatching(/^signal 20: /),
  expect.stringMatching(/^signal 13: no bus of this vehicle is interface can9/),
];

/** Some bytes changed, put in, left out, said twice, or cut off. */
function mutated(bytes: Uint8Array, random: () => number): Uint8Array {
  let made = Buffer.from(bytes);
  const place = (): number => Math.floor(random() * (made.length + 1));
  for (let change = Math.floor(random() * 3); change >= 0; change--) {
    const [at, end] = [place(), place()].toSorted((left, right) => left - right);
    const noise = Buffer.from(Array.from({ length: 1 + Math.floor(random() * 6) }, () => Math.floor(random() * 256)));
    switch (Math.floor(random() * 12)) {
      case 0:
        made = Buffer.concat([made.subarray(0, at), noise, made.subarray(at)]);
        break;
      case 1:
        made = Buffer.concat([made.subarray(0, at), made.subarray(Math.min(end, at + 8))]);
        break;
      case 2:
        made = Buffer.concat([made.subarray(0, end), made.subarray(at)]).subarray(0, 4096);
        break;
      case 3:
        made = made.subarray(0, at);
        break;
      default:
        if (at < made.length) made[at] = Math.floor(random() * 256);
    }
  }
  return made;
}

describe("documents that somebody has tampered with", () => {
  it(`never end the agent, and never stop what else there is (seed ${SEED})`, { timeout: 60_000 }, async () => {
    const random = seededRandom(SEED);
    const rig = await vehicleRig({ fleetwise: { ownRecords: "beside" } });
    const { give, drive, broker, first, vehicle, stateDir, clock, log, outbox } = rig;
    for (const topic of TOPICS) give(topic, validOf(topic));
    expect(log.of("fleetwise.refused").map(({ facts }) => facts?.what)).toEqual(EXPECTED);
    for (let round = 0; round < DOCUMENTS; round++) {
      const topic = TOPICS[Math.floor(random() * TOPICS.length)];
      give(topic, mutated(validOf(topic), random));
      vehicle.states.use(new Set(["t-1", "t-2"]), new Set(round % 7 === 0 ? ["t-1"] : []));
      for (let at = 0; at < 4; at++) drive([Math.floor(random() * 256), at, at], 15);
      // The frames of others arrive as before, whatever the manifest wants.
      expect(broker.inbound().failed).toBe(0);
    }
    await clock.run(100);
    expect(first.frames).toBeGreaterThan(DOCUMENTS);
    // Much of it was good enough to be in force.
    expect(log.of("fleetwise.manifest-taken").length).toBeGreaterThan(20);
    expect(log.of("fleetwise.schemes-taken").length).toBeGreaterThan(20);
    expect(outbox.lastRow()).toBeGreaterThan(DOCUMENTS);
    // A good document counts at once, after a restart with what was left too.
    await rig.stop();
    const again = await vehicleRig({ stateDir });
    again.give("decoder_manifests", manifestBytes());
    again.give(
      "collection_schemes",
      schemeBytes({ condition_based: undefined, time_based: { period_ms: 1000 }, signal_information: [collected[0]] }),
    );
    for (let at = 0; at < 15; at++) again.drive([at, 0], 100);
    expect(again.events().filter(({ campaign }) => campaign === "c-1").length).toBeGreaterThan(0);
    expect(again.broker.inbound().failed).toBe(0);
  });
});
