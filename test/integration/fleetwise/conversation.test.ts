import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Broker, publicationTo } from "../../../agent/ports/broker.ts";
import { packedProgram } from "../../bench/agent/packed-program.ts";
import { TcpProxy } from "../../bench/broker/tcp-proxy.ts";
import { ConnectedMobility, type Telemetry } from "../../bench/cloud/connected-mobility.ts";
import { decodeText, encodeText, hasProtoc } from "../../bench/cloud/fleetwise-messages.ts";
import { type MobilityCampaign, type MobilitySignal, manifestText } from "../../bench/cloud/mobility-campaign.ts";
import { ProtobufCommands } from "../../bench/cloud/protobuf-commands.ts";
import { snappyBytes } from "../../bench/cloud/raw-snappy.ts";
import { until } from "../../bench/core/wait.ts";
import { DoorVehicle, type VehicleHome } from "../../bench/vehicle/door-vehicle.ts";
import { type Daemon, startDaemon, startOnline } from "../../fakes/daemon/daemon.ts";

const VIN = "1HGBH41JXMN000048";
const PATIENCE_MS = 20_000;
/** The table of campaigns is read anew every 1.2 s, so that each check-in is answered by what it holds. */
const TIME_SCALE = 50;
const CHECK_IN_SECONDS = 5;

/** Speed and lock of config/bench-doors.dbc by the ids of the cloud. */
const SPEED: MobilitySignal = { id: 40, messageId: 0x602, startBit: 0, bits: 8 };
/** The same byte as big-endian, with half of the factor. */
const HALF_SPEED: MobilitySignal = { ...SPEED, id: 42, startBit: 7, isBigEndian: true, factor: 0.5, offset: -10 };
const LOCK: MobilitySignal = { id: 41, messageId: 0x601, startBit: 0, bits: 1 };
const MANIFEST = manifestText("cms-fleet-v3", [SPEED, LOCK, HALF_SPEED]);

const SPEEDING: MobilityCampaign = {
  id: "1",
  name: "speeding",
  target: `vehicle:${VIN}`,
  status: "RUNNING",
  manifest: "cms-fleet-v3",
  scheme: { type: "CONDITION_BASED", expression: "signal(40) > 50" },
  signals: [40, 42],
  compressed: true,
};
const HEARTBEAT: MobilityCampaign = {
  ...SPEEDING,
  id: "2",
  name: "heartbeat",
  target: "all",
  scheme: { type: "TIME_BASED", periodMs: 1000 },
  signals: [40, 41],
  fetched: [901],
  compressed: false,
};

describe.skipIf(!hasProtoc)(`a vehicle of the guidance${hasProtoc ? "" : " (protoc is not installed)"}`, () => {
  let folder: string;
  let vehicle: DoorVehicle;
  let session: Broker;
  let cloud: ConnectedMobility;
  let proxy: TcpProxy;
  let home: VehicleHome;
  let commands: ProtobufCommands;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-fleetwise-"));
    vehicle = await DoorVehicle.start(folder, VIN);
    const { host, port } = vehicle.cloud.mosquitto;
    proxy = new TcpProxy({ host, port });
    const proxyPort = await proxy.start();
    session = await vehicle.cloud.sessionAs("cloud-commands", undefined, "guidance");
    session.start();
    await session.online(AbortSignal.timeout(PATIENCE_MS));
    cloud = new ConnectedMobility(session, { prefix: "cms/fleetwise/", timeScale: TIME_SCALE, now: Date.now });
    await cloud.start();
    commands = new ProtobufCommands(session, "cms/commands");
    await commands.start();
    home = await vehicle.home((config) => {
      config.broker = {
        host,
        port: proxyPort,
        caFile: vehicle.cloud.mosquitto.caFile,
        reconnect: { minMs: 100, maxMs: 1000 },
      };
      config.fleetwise = {
        topicPrefix: "cms/fleetwise/",
        checkinSeconds: CHECK_IN_SECONDS,
        interfaces: { "1": "can0" },
      };
      config.commands = {
        policyFile: "policy.yaml",
        catalogueFile: "catalogue.yaml",
        protobuf: { enabled: true, prefix: "cms/commands" },
      };
    });
  });
  afterAll(async () => {
    await session.stop();
    await proxy.stop();
    await vehicle.stop();
    await rm(folder, { recursive: true });
  });

  const sentBy = (campaign: string): readonly Telemetry[] =>
    cloud.telemetry.filter((data) => data.campaign === campaign);
  const holds = (what: string, probe: () => boolean): Promise<true> =>
    until(() => (probe() ? true : undefined), { what, timeoutMs: PATIENCE_MS });
  const isHealthy = (...names: readonly string[]): Promise<true> =>
    holds(`${names.join(" and ")} are healthy`, () => names.every((name) => cloud.syncStatus.get(name) === "HEALTHY"));
  /** So many events of a campaign beyond those that there are; the last one. */
  const next = async (campaign: string, count = 1): Promise<Telemetry> => {
    const wanted = sentBy(campaign).length + count;
    await holds(`event ${wanted} of ${campaign}`, () => sentBy(campaign).length >= wanted);
    return sentBy(campaign)[wanted - 1];
  };
  const valuesOf = ({ signals }: Telemetry) => Object.fromEntries(signals.map(({ id, value }) => [id, value]));
  /** The end of a command that does something with a state template. */
  const commanded = async (id: string, template: string, operation: string): Promise<string> => {
    const request = `last_known_state_command { state_template_information {
      state_template_sync_id: "${template}" ${operation} } }
      issued_timestamp_ms: ${Date.now()} timeout_ms: 30000`;
    const execution = await commands.startExecution(VIN, id, request);
    await holds(`command ${id} ends`, () => execution.status !== "CREATED" && execution.status !== "IN_PROGRESS");
    return execution.status;
  };
  const hasLogged = (daemon: Daemon, text: string): boolean => daemon.lines.some((line) => line.includes(text));

  it("checks in, collects what campaigns ask for, and goes on through all that happens to it", async () => {
    cloud.campaigns = [SPEEDING, HEARTBEAT];
    cloud.manifest = MANIFEST;
    vehicle.unit.speed = 30;
    const daemon = await startOnline(home, PATIENCE_MS);

    // First check-in to HEALTHY.
    await isHealthy("speeding", "heartbeat");
    expect(cloud.checkins[0]).toMatchObject({ vehicle: VIN, documents: [] });
    expect(cloud.published.slice(0, 2)).toEqual([
      `cms/fleetwise/vehicles/${VIN}/decoder_manifests`,
      `cms/fleetwise/vehicles/${VIN}/collection_schemes`,
    ]);
    expect(cloud.checkins.at(-1)?.documents.toSorted()).toEqual(["cms-fleet-v3", "heartbeat", "speeding"]);
    expect(cloud.connections.get(VIN)).toBe("connected");
    expect(hasLogged(daemon, "signal 901: has a decoder of its own kind")).toBe(true);
    expect(hasLogged(daemon, "nothing is fetched for signals 901")).toBe(true);

    // By time.
    const beat = await next("heartbeat");
    expect(beat).toMatchObject({ vehicle: VIN, manifest: "cms-fleet-v3", isCompressed: false });
    expect(valuesOf(beat)).toEqual({ 40: 30, 41: 0 });
    const after = await next("heartbeat");
    expect(after.eventMs - beat.eventMs).toBeGreaterThanOrEqual(900);
    expect(after.eventMs - beat.eventMs).toBeLessThan(5000);
    expect(sentBy("speeding")).toEqual([]);

    // By condition: on the rising edge, once, with what was newest then.
    const beforeMs = Date.now();
    vehicle.unit.speed = 80;
    const event = await next("speeding");
    expect(event.isCompressed).toBe(true);
    expect(valuesOf(event)).toEqual({ 40: 80, 42: 30 });
    expect(event.eventMs).toBeGreaterThanOrEqual(beforeMs - 100);
    expect(event.eventMs).toBeLessThanOrEqual(Date.now() + 100);
    for (const { relativeMs } of event.signals) expect(Math.abs(relativeMs)).toBeLessThan(1000);
    expect(event.eventId).toBeLessThan(2 ** 31);
    await next("heartbeat", 2);
    expect(sentBy("speeding")).toHaveLength(1);
    vehicle.unit.speed = 50;
    await next("heartbeat", 2);
    vehicle.unit.speed = 90;
    expect(valuesOf(await next("speeding"))).toEqual({ 40: 90, 42: 35 });

    // Commands beside it.
    expect(await commanded("x-1", "doors", "fetch_snapshot_operation {}")).toBe("SUCCEEDED");

    // The link is away: nothing is lost, and the time is that of the trigger.
    vehicle.unit.speed = 0;
    await next("heartbeat", 2);
    await proxy.cut();
    const isAway = async () => ((await daemon.status()).link.state === "online" ? undefined : true);
    await until(isAway, { what: "the vehicle is offline", timeoutMs: PATIENCE_MS });
    const speedingBefore = sentBy("speeding").length;
    const offlineMs = Date.now();
    vehicle.unit.speed = 120;
    const decodedAt = (await daemon.status()).buses[0]?.decoded ?? 0;
    const isSeen = async () => (((await daemon.status()).buses[0]?.decoded ?? 0) > decodedAt + 60 ? true : undefined);
    await until(isSeen, { what: "frames while offline", timeoutMs: PATIENCE_MS });
    expect(sentBy("speeding")).toHaveLength(speedingBefore);
    const backMs = Date.now();
    await proxy.restore();
    await holds("the event from offline", () => sentBy("speeding").length > speedingBefore);
    const [kept] = sentBy("speeding").slice(speedingBefore);
    expect(valuesOf(kept)).toEqual({ 40: 120, 42: 50 });
    expect(kept.eventMs).toBeGreaterThanOrEqual(offlineMs - 100);
    expect(kept.eventMs).toBeLessThanOrEqual(backMs);

    // Another manifest, and campaigns that go by it.
    cloud.manifest = manifestText("cms-fleet-v4", [{ ...SPEED, factor: 2 }]);
    cloud.campaigns = [{ ...HEARTBEAT, manifest: "cms-fleet-v4", name: "doubled", signals: [40], fetched: [] }];
    await isHealthy("doubled");
    await holds("the schemes before are gone", () => !(cloud.checkins.at(-1)?.documents.includes("speeding") ?? true));
    const doubled = await next("doubled");
    expect(doubled.manifest).toBe("cms-fleet-v4");
    expect(valuesOf(doubled)).toEqual({ 40: 240 });

    // A restart keeps the documents: a cloud that says nothing is not needed.
    cloud.lagMs = 60_000;
    await daemon.child.stop();
    const checkinsBefore = cloud.checkins.length;
    const publishedBefore = cloud.published.length;
    const again = await startOnline(home, PATIENCE_MS);
    expect(valuesOf(await next("doubled"))).toEqual({ 40: 240 });
    expect(cloud.checkins[checkinsBefore]?.documents.toSorted()).toEqual(["cms-fleet-v4", "doubled"]);
    expect(cloud.published).toHaveLength(publishedBefore);
    cloud.lagMs = 0;

    // The last campaign is taken away: an empty list, and nothing more is sent.
    cloud.campaigns = [];
    await holds("no scheme is left", () => cloud.checkins.at(-1)?.documents.join() === "cms-fleet-v4");
    const goneMs = Date.now();
    const checkins = cloud.checkins.length;
    await holds("another check-in", () => cloud.checkins.length > checkins);
    expect(cloud.telemetry.filter(({ eventMs }) => eventMs > goneMs)).toEqual([]);
    expect(cloud.failures).toEqual([]);
    expect(again.child.hasEnded()).toBe(false);
  }, 180_000);

  it("sends newest values of a state template while a command has it active", async () => {
    // The guidance sends none; the topics are those of the reference agent below its prefix.
    const base = `cms/fleetwise/vehicles/${VIN}/last_known_states`;
    const states: string[] = [];
    await session.subscribe(`${base}/data`, ({ payload }) => {
      states.push(decodeText("LastKnownStateData", snappyBytes(payload)));
    });
    cloud.manifest = manifestText("cms-fleet-v5", [SPEED, HALF_SPEED]);
    cloud.campaigns = [{ ...HEARTBEAT, manifest: "cms-fleet-v5", fetched: [], signals: [40] }];
    vehicle.unit.speed = 10;
    // As a package has it: the description of the messages is a file of it, and what FleetWise needs is loaded when it is asked for.
    await startDaemon(home, {}, await packedProgram(join(folder, "packed")));
    await holds("the manifest is there", () => cloud.checkins.at(-1)?.documents.includes("cms-fleet-v5") ?? false);
    const templates = encodeText(
      "StateTemplates",
      `decoder_manifest_sync_id: "cms-fleet-v5" version: 1
       state_templates_to_add { state_template_sync_id: "newest-speed" on_change {} signal_ids: 40 signal_ids: 42 }`,
    );
    await session.publish(publicationTo(`${base}/config`, templates, ""));
    await holds("the template is there", () => cloud.checkins.at(-1)?.documents.includes("newest-speed") ?? false);
    expect(states).toEqual([]);

    const newest = (): Readonly<Record<string, string>> => {
      const signals = [...states.join("").matchAll(/signal_id: (\d+)\s+double_value: (\S+)/g)];
      return Object.fromEntries(signals.map(([, id, value]) => [id, value]));
    };
    expect(await commanded("s-1", "newest-speed", "activate_operation {}")).toBe("SUCCEEDED");
    await holds("a snapshot", () => states.length > 0);
    expect(states[0]).toMatch(/state_template_sync_id: "newest-speed"/);
    expect(newest()).toEqual({ 40: "10", 42: "-5" });
    vehicle.unit.speed = 60;
    await holds("the change", () => newest()[40] === "60" && newest()[42] === "20");
    expect(await commanded("s-2", "newest-speed", "deactivate_operation {}")).toBe("SUCCEEDED");
    expect(await commanded("s-3", "newest-speed", "fetch_snapshot_operation {}")).toBe("SUCCEEDED");
    expect(await commanded("s-4", "nothing", "fetch_snapshot_operation {}")).toBe("FAILED");
  }, 120_000);
});
