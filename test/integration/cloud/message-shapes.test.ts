import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RequestClient } from "../../../agent/cloud/request-client.ts";
import { WIRE_FORMATS } from "../../../agent/cloud/wire-format.ts";
import { provisioningFilters } from "../../../agent/identity/provisioning.ts";
import type { InboundCounters } from "../../../agent/ports/broker.ts";
import { FileStreams } from "../../../agent/updates/download/file-streams.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { deliveriesOf, shapesOf } from "../../bench/broker/message-shapes.ts";
import { RawMqtt } from "../../bench/broker/raw-mqtt.ts";
import { until } from "../../bench/core/wait.ts";
import { DoorVehicle } from "../../bench/vehicle/door-vehicle.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { startDaemon } from "../../fakes/daemon/daemon.ts";
import { ReleaseSigner } from "../../fakes/updates/release.ts";

const THING = "veh-1";
const PATIENCE_MS = 30_000;
const never = new AbortController().signal;

/** Those of QoS 0 come faster than they are handed over. */
const dealtWith = ({ taken, discarded, failed }: InboundCounters): number => taken + discarded + failed;

describe("messages of every shape on every topic", () => {
  let folder: string;
  let vehicle: DoorVehicle;
  let sender: RawMqtt;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "causeway-shapes-"));
    vehicle = await DoorVehicle.start(folder, THING);
    const { authority, mosquitto } = vehicle.cloud;
    const { certificatePem, privateKeyPem = "" } = await authority.issue({
      commonName: "cloud-commands",
      usage: "client",
    });
    const ca = readFileSync(mosquitto.caFile, "utf8");
    sender = await RawMqtt.connect({ port: mosquitto.port, clientId: "sender", ca, certificatePem, privateKeyPem });
  });
  afterAll(async () => {
    await sender.close();
    await vehicle.stop();
    rmSync(folder, { recursive: true });
  });

  it("cost the daemon nothing but themselves, and neither its next start", async () => {
    const releaseSigner = new ReleaseSigner(join(folder, "desk"));
    const home = await vehicle.home((config) => {
      const gate = { condition: { signals: {}, all: ["true"] }, holdSeconds: 0 };
      config.ota = { rootFile: releaseSigner.rootFile, hardware: "gateway-2", gate };
      config.commands = {
        policyFile: "policy.yaml",
        catalogueFile: "catalogue.yaml",
        protobuf: { enabled: true, prefix: "$aws/commands" },
      };
    });
    const executions = `$aws/commands/things/${THING}/executions/x1`;
    const jobs = `$aws/things/${THING}/jobs`;
    const topics = [
      ...["json", "cbor", "protobuf"].flatMap((format) => [
        `${executions}/request/${format}`,
        `${executions}/response/accepted/${format}`,
        `${executions}/response/rejected/${format}`,
      ]),
      `cmd/causeway/${THING}/x1/request`,
      ...["notify", "notify-next", "start-next/accepted", "get/rejected", "j1/get/accepted", "j1/update/rejected"].map(
        (place) => `${jobs}/${place}`,
      ),
    ];
    const first = await startDaemon(home);
    await until(async () => ((await first.status()).link.state === "online" ? true : undefined), {
      what: "online",
      timeoutMs: PATIENCE_MS,
    });
    let sent = 0;
    const isDone = async (): Promise<true | undefined> =>
      dealtWith((await first.status()).link.inbound) >= sent ? true : undefined;
    // A topic at a time: mosquitto sends more at once than may wait for its acknowledgement, which a busy daemon ends the connection over.
    for (const topic of topics) {
      const batch = shapesOf(topic);
      await sender.publish(batch);
      sent += deliveriesOf(batch);
      await until(isDone, { what: "all messages are dealt with", timeoutMs: PATIENCE_MS });
    }
    const { link } = await first.status();
    expect(link.inbound).toMatchObject({ failed: 0, setAside: 0 });
    expect(link.connects).toBe(1);
    // As after a crash: what is retained comes again.
    first.child.signal("SIGKILL");
    await first.child.ended;
    const second = await startDaemon(home);
    await until(async () => ((await second.status()).link.inbound.taken >= topics.length ? true : undefined), {
      what: "the retained messages",
      timeoutMs: PATIENCE_MS,
    });
    expect((await second.status()).link.inbound.failed).toBe(0);
    expect(await second.child.stop(10_000)).toEqual({ code: 0, signal: undefined });
  });

  it("cost file streams and the answers of provisioning nothing but themselves", async () => {
    const session = await vehicle.cloud.sessionAs(THING, undefined, `${THING}-streams`);
    const clock = systemClock();
    const log = new MemoryLog();
    session.start();
    await session.online(AbortSignal.timeout(10_000));
    const requestClient = new RequestClient({
      broker: session,
      clock,
      log,
      limits: { timeoutMs: 10_000, maxPending: 4, maxAnswerBytes: 147_456 },
      token: () => "t",
    });
    await requestClient.listen(WIRE_FORMATS.flatMap((format) => provisioningFilters(format, "fleet")));
    const places = WIRE_FORMATS.flatMap((format) => [
      ...["description", "data", "rejected"].map((verb) => `$aws/things/${THING}/streams/s1/${verb}/${format}`),
      `$aws/certificates/create-from-csr/${format}/accepted`,
      `$aws/provisioning-templates/fleet/provision/${format}/rejected`,
    ]);
    const shapes = places.flatMap(shapesOf);
    const sources = WIRE_FORMATS.map((format) => {
      const settings = { format, blockBytes: 8192, silenceMs: 300 };
      return new FileStreams({ thing: THING, broker: session, clock, log, settings, token: () => "t" });
    });
    const openAll = (): Promise<unknown> => {
      const source = { kind: "stream", streamId: "s1", fileId: 7 } as const;
      return Promise.allSettled(sources.map((one) => one.open(source, 0, never)));
    };
    // The first time makes the subscriptions; the second time hears the messages.
    await openAll();
    const opening = openAll();
    await sender.publish(shapes);
    await opening;
    await until(() => (dealtWith(session.inbound()) >= deliveriesOf(shapes) ? true : undefined), {
      what: "all messages are dealt with",
      timeoutMs: PATIENCE_MS,
    });
    expect(session.inbound().failed).toBe(0);
    expect(session.status().connects).toBe(1);
    await session.stop();
  });
});
