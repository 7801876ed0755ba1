import { describe, expect, it } from "vitest";
import { compressRaw } from "../../../agent/fleetwise/write/payloads.ts";
import { ConnectedMobility } from "../../bench/cloud/connected-mobility.ts";
import { encodeText, hasProtoc } from "../../bench/cloud/fleetwise-messages.ts";
import { type MobilityCampaign, manifestText } from "../../bench/cloud/mobility-campaign.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { reader } from "../../fakes/fleetwise/messages.ts";
import { FakeBroker } from "../../fakes/ports/broker.ts";

const PREFIX = "cms/fleetwise/";
const CAMPAIGN: MobilityCampaign = {
  id: "1",
  name: "speeding",
  target: "vehicle:VIN1",
  status: "RUNNING",
  manifest: "cms-fleet-v3",
  scheme: { type: "CONDITION_BASED", expression: "signal(40) > 0.3" },
  signals: [40],
};
const MANIFEST = manifestText("cms-fleet-v3", [{ id: 40, messageId: 0x602, startBit: 7, bits: 16, isBigEndian: true }]);

type Bench = {
  readonly cloud: ConnectedMobility;
  /** A check-in of a vehicle with these documents; what is published upon it, by the last level of the topic. */
  readonly checkIn: (vehicle: string, ...documents: readonly string[]) => Promise<readonly string[]>;
  readonly send: (topic: string, payload: Uint8Array) => void;
  readonly pass: (ms: number) => void;
  /** The newest payload on topics that end so. */
  readonly last: (kind: string) => Uint8Array;
};

async function startBench(): Promise<Bench> {
  let nowMs = 1_764_374_400_000;
  const broker = new FakeBroker({ clock: new ManualClock() });
  broker.start();
  const cloud = new ConnectedMobility(broker, { prefix: PREFIX, timeScale: 1, now: () => nowMs });
  await cloud.start();
  const send = (topic: string, payload: Uint8Array): void => broker.inject(topic, payload);
  return {
    cloud,
    send,
    checkIn: async (vehicle, ...documents) => {
      const before = broker.sent.length;
      const text = [...documents.map((id) => `document_sync_ids: "${id}"`), `timestamp_ms_epoch: ${nowMs}`].join(" ");
      send(`${PREFIX}vehicles/${vehicle}/checkins`, encodeText("Checkin", text));
      await new Promise(setImmediate);
      return broker.sent.slice(before).map(({ publication: { topic } }) => topic.slice(`${PREFIX}vehicles/`.length));
    },
    pass: (ms) => {
      nowMs += ms;
    },
    last: (kind) => {
      const found = broker.sent.findLast(({ publication }) => publication.topic.endsWith(kind));
      if (found === undefined) throw new Error(`no ${kind} was published`);
      return found.publication.payload;
    },
  };
}

describe.skipIf(!hasProtoc)(`the cloud of the guidance${hasProtoc ? "" : " (protoc is not installed)"}`, () => {
  it("answers the first check-in with the manifest and then the schemes, which a vehicle can read", async () => {
    const { cloud, checkIn, last } = await startBench();
    cloud.campaigns = [CAMPAIGN, { ...CAMPAIGN, id: "2", name: "other", target: "vehicle:VIN2" }];
    cloud.manifest = MANIFEST;
    expect(await checkIn("VIN1")).toEqual(["VIN1/decoder_manifests", "VIN1/collection_schemes"]);
    expect(cloud.syncStatus).toEqual(new Map([["speeding", "PENDING"]]));
    expect(reader.manifest(last("decoder_manifests"))).toMatchObject({
      document: {
        syncId: "cms-fleet-v3",
        signals: [{ id: 40, interfaceId: "1", startBit: 7, bits: 16, byteOrder: "big", type: "double" }],
        refused: [{ entry: "signal 901" }],
      },
    });
    expect(reader.schemes(last("collection_schemes"))).toMatchObject({
      document: {
        schemes: [{ syncId: "speeding", compress: false, signals: [{ id: 40, bufferSize: 1 }] }],
        refused: [],
      },
    });
  });

  it("calls a campaign healthy whose name is among the documents, and looks at its table once a minute", async () => {
    const { cloud, checkIn, pass } = await startBench();
    cloud.campaigns = [CAMPAIGN];
    cloud.manifest = MANIFEST;
    await checkIn("VIN1");
    expect(await checkIn("VIN1", "cms-fleet-v3", "speeding")).toEqual([]);
    expect(cloud.syncStatus).toEqual(new Map([["speeding", "HEALTHY"]]));
    cloud.campaigns = [{ ...CAMPAIGN, status: "SUSPENDED" }];
    pass(60_000);
    expect(await checkIn("VIN1", "cms-fleet-v3", "speeding")).toEqual([]);
    pass(1);
    expect(await checkIn("VIN1", "cms-fleet-v3", "speeding")).toEqual(["VIN1/collection_schemes"]);
  });

  it("sends an empty list at every check-in while no campaign runs", async () => {
    const { checkIn, last } = await startBench();
    expect(await checkIn("VIN1")).toEqual(["VIN1/collection_schemes"]);
    expect(await checkIn("VIN1")).toEqual(["VIN1/collection_schemes"]);
    expect(reader.schemes(last("collection_schemes"))).toMatchObject({ document: { schemes: [], refused: [] } });
  });

  it("publishes to the VIN, without what provisioning puts behind it", async () => {
    const { checkIn } = await startBench();
    expect(await checkIn("VIN1-1773352030")).toEqual(["VIN1/collection_schemes"]);
    expect(await checkIn("VIN1-123")).toEqual(["VIN1-123/collection_schemes"]);
  });

  it("passes over check-ins when it is more than 30 s behind", async () => {
    const { cloud, checkIn } = await startBench();
    cloud.lagMs = 30_001;
    expect(await checkIn("VIN1")).toEqual([]);
    cloud.lagMs = 30_000;
    expect(await checkIn("VIN1")).toEqual(["VIN1/collection_schemes"]);
  });

  it("takes a vehicle for gone two minutes after its last check-in, when another one checks in", async () => {
    const { cloud, checkIn, pass } = await startBench();
    await checkIn("VIN1");
    pass(120_001);
    expect(cloud.connections.get("VIN1")).toBe("connected");
    await checkIn("VIN2");
    expect(cloud.connections).toEqual(
      new Map([
        ["VIN1", "disconnected"],
        ["VIN2", "connected"],
      ]),
    );
  });

  it("waits with everything while the manifest cannot be read", async () => {
    const { cloud, checkIn } = await startBench();
    cloud.campaigns = [CAMPAIGN];
    expect(await checkIn("VIN1")).toEqual([]);
    cloud.manifest = MANIFEST;
    expect(await checkIn("VIN1")).toEqual(["VIN1/decoder_manifests", "VIN1/collection_schemes"]);
  });

  it("reads data with and without snappy, and counts what is neither", async () => {
    const { cloud, send } = await startBench();
    const data = encodeText(
      "VehicleData",
      `campaign_sync_id: "c" decoder_sync_id: "dm" collection_event_id: 7 collection_event_time_ms_epoch: 1764374400000
       captured_signals { relative_time_ms: -500 signal_id: 10 double_value: 55.5 }
       captured_signals { signal_id: 11 string_value: "P" }`,
    );
    for (const payload of [data, compressRaw(data), Buffer.from("0a05", "hex")])
      send(`${PREFIX}vehicles/VIN1/signals`, payload);
    const expected = {
      vehicle: "VIN1",
      campaign: "c",
      manifest: "dm",
      eventId: 7,
      eventMs: 1_764_374_400_000,
      signals: [
        { id: 10, relativeMs: -500, value: 55.5 },
        { id: 11, relativeMs: 0, value: "P" },
      ],
    };
    expect(cloud.telemetry).toEqual([
      { ...expected, isCompressed: false },
      { ...expected, isCompressed: true },
    ]);
    expect(cloud.failures).toHaveLength(1);
  });
});
