import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { IPublishPacket, Packet } from "mqtt-packet";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Arrival } from "../../../agent/consumer/intake/arrival.ts";
import {
  messageIdOf,
  type StubBehaviour,
  type StubBroker,
  type StubLink,
  startStubBroker,
} from "../../bench/broker/stub-broker.ts";
import { createAuthority, type RevokingAuthority, writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import { until } from "../../bench/core/wait.ts";
import { type SessionRig, startSession } from "../../fakes/consumer/session-rig.ts";

const TOPIC = "dt/causeway/veh-001/telemetry";
const SEED = 15;

/** What a broker of the test has seen and may say. */
type Watched = { readonly broker: StubBroker; readonly packets: Packet[]; readonly links: StubLink[] };

describe("brokers that are not as a worker would wish", () => {
  let folder: string;
  let authority: RevokingAuthority;
  let files: Readonly<Record<string, unknown>>;
  const stops: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "causeway-odd-brokers-"));
    authority = createAuthority(join(folder, "ca"));
    const issued = await authority.issue({ commonName: "consumer", usage: "client" });
    files = { caFile: authority.caFile, ...writeIdentity(folder, "consumer", issued) };
  });
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function watch(behaviour: StubBehaviour = {}): Promise<Watched> {
    const packets: Packet[] = [];
    const links: StubLink[] = [];
    const broker = await startStubBroker(authority, {
      ...behaviour,
      onPacket: (packet, link) => {
        packets.push(packet);
        return behaviour.onPacket?.(packet, link) ?? false;
      },
      onConnected: (link, count) => {
        links.push(link);
        behaviour.onConnected?.(link, count);
      },
    });
    stops.push(() => broker.stop());
    return { broker, packets, links };
  }

  const start = (port: number, settings: Readonly<Record<string, unknown>> = {}): SessionRig =>
    startSession({ port, settings: { ...files, ...settings } }, stops);
  const record = (messageId: number, more: Partial<IPublishPacket> = {}): Packet => ({
    cmd: "publish",
    topic: TOPIC,
    payload: `${messageId}`,
    qos: 1,
    retain: false,
    dup: false,
    messageId,
    ...more,
  });
  const idsOf = ({ packets }: Watched, cmd: Packet["cmd"]): number[] =>
    packets.filter((packet) => packet.cmd === cmd).map((packet) => messageIdOf(packet).messageId);
  const untilSo = (what: string, isSo: () => boolean): Promise<true> =>
    until(() => (isSo() ? true : undefined), { what, timeoutMs: 20_000, everyMs: 5 });
  const textOf = ({ payload }: Arrival): string => Buffer.from(payload).toString();

  it("are asked for a session that lasts, with bounds, and subscribed to in QoS 1 without the retained again", async () => {
    const watched = await watch();
    const rig = start(watched.broker.port, {
      username: "u",
      receiveMaximum: 7,
      sessionExpirySeconds: 600,
      maxPacketBytes: 2048,
    });
    await rig.ready();
    expect(watched.broker.connects[0].packet).toMatchObject({
      clientId: "worker-0",
      clean: false,
      username: "u",
      properties: { receiveMaximum: 7, sessionExpiryInterval: 600, maximumPacketSize: 2048 },
    });
    const subscribe = watched.packets.find(({ cmd }) => cmd === "subscribe");
    expect(subscribe).toMatchObject({
      subscriptions: [
        { qos: 1, rh: 1 },
        { qos: 1, rh: 1 },
      ],
    });
  });

  it("get PUBACKs only when told, in the order told, and all of them before DISCONNECT", async () => {
    const watched = await watch();
    const rig = start(watched.broker.port);
    await rig.ready();
    for (let id = 1; id <= 60; id++) watched.links[0].send(record(id));
    await rig.came(60);
    expect(await rig.session.flush()).toBe(true);
    expect(idsOf(watched, "puback")).toEqual([]);
    const order = rig.arrivals.toSorted(
      (one, other) => ((Number(textOf(one)) * 7) % 61) - ((Number(textOf(other)) * 7) % 61),
    );
    for (const arrival of order) arrival.acknowledge();
    expect(await rig.session.flush()).toBe(true);
    await rig.session.stop(true);
    await untilSo("DISCONNECT", () => watched.packets.some(({ cmd }) => cmd === "disconnect"));
    expect(idsOf(watched, "puback")).toEqual(order.map((arrival) => Number(textOf(arrival))));
    expect(watched.packets.at(-1)).toMatchObject({
      cmd: "disconnect",
      reasonCode: 0,
      properties: { sessionExpiryInterval: 0 },
    });
  });

  it("never get a PUBACK for another message that has the packet id of one before the connection broke", async () => {
    const watched = await watch();
    const rig = start(watched.broker.port);
    await rig.ready();
    watched.links[0].send(record(1));
    await rig.came(1);
    watched.links[0].hangUp();
    await rig.reconnected(2);
    watched.links[1].send(record(1, { payload: "another" }));
    await rig.came(2);
    rig.arrivals[0].acknowledge();
    expect(await rig.session.flush()).toBe(true);
    expect(idsOf(watched, "puback")).toEqual([]);
    rig.arrivals[1].acknowledge();
    expect(await rig.session.flush()).toBe(true);
    expect(idsOf(watched, "puback")).toEqual([1]);
  });

  it("may use topic aliases", async () => {
    const watched = await watch();
    const rig = start(watched.broker.port);
    await rig.ready();
    const aliased = { properties: { topicAlias: 3 } };
    watched.links[0].send(record(1, aliased));
    watched.links[0].send(record(2, { topic: "", ...aliased }));
    await rig.came(2);
    expect(rig.arrivals.map(({ topic }) => topic)).toEqual([TOPIC, TOPIC]);
  });

  it.each([
    ["refuses", 0x87],
    ["grants QoS 0 only", 0],
  ])("is not ready while a broker %s, and asks again", async (_, code) => {
    const watched = await watch({
      onPacket: (packet, link) => {
        if (packet.cmd !== "subscribe") return false;
        link.send({ cmd: "suback", granted: [code, 1], ...messageIdOf(packet) });
        return true;
      },
    });
    const rig = start(watched.broker.port);
    await untilSo("the fault", () => rig.session.status().fault !== undefined);
    expect(rig.session.status()).toMatchObject({ state: "online" });
    expect(rig.session.status().fault).toContain(`(0x${code.toString(16).padStart(2, "0")})`);
    expect(rig.log.of("consumer.subscription-refused")).toHaveLength(1);
  });

  it("end a connection with a reason, or by bytes that are no packet, and the session goes on", async () => {
    const random = seededRandom(SEED);
    const garbage = (): Uint8Array => Uint8Array.from({ length: 200 }, () => Math.floor(random() * 256));
    const watched = await watch({
      onConnected: (link, count) => {
        if (count === 1) link.disconnect(0x98);
        // PUBLISH with a length that never ends, then bytes at random, which may be the beginning of a packet, and a PUBACK for what was
        // never published.
        if (count === 2) link.sendBytes(Uint8Array.of(0x32, 0xff, 0xff, 0xff, 0xff, 0xff));
        if (count > 2 && count < 8) link.sendBytes(garbage());
        if (count === 8) link.sendBytes(Uint8Array.of(0x40, 0x02, 0x00, 0x09));
        if (count > 1 && count < 9) link.hangUp();
        if (count === 9) link.send(record(1, { topic: "dt/#" }));
      },
    });
    const rig = start(watched.broker.port);
    await untilSo("the ninth connection", () => watched.broker.connects.length >= 9);
    await untilSo("ready again", () => rig.session.status().state === "ready");
    expect(rig.log.of("consumer.disconnected").some(({ facts }) => String(facts.what).startsWith("0x98"))).toBe(true);
    expect(rig.log.of("consumer.client-failed")).toEqual([]);
  });

  it("say why they refuse the connection", async () => {
    const watched = await watch({ connack: () => ({ reasonCode: 0x86 }) });
    const rig = start(watched.broker.port);
    await untilSo("the fault", () => rig.session.status().fault !== undefined);
    expect(rig.session.status()).toMatchObject({ state: "offline", connects: 0 });
    expect(rig.session.status().fault).toContain("0x86");
  });
});
