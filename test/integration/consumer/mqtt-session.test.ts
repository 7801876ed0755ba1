import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Arrival } from "../../../agent/consumer/intake/arrival.ts";
import { type Mosquitto, startMosquitto } from "../../bench/broker/mosquitto.ts";
import { RawMqtt } from "../../bench/broker/raw-mqtt.ts";
import { createAuthority, type RevokingAuthority, writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { type SessionRequest, type SessionRig, startSession } from "../../fakes/consumer/session-rig.ts";

const THING = "veh-001";
const TOPIC = `dt/causeway/${THING}/telemetry`;

describe("the worker's session on mosquitto", () => {
  let folder: string;
  let authority: RevokingAuthority;
  let mosquitto: Mosquitto;
  let files: Readonly<Record<string, unknown>>;
  let vehicle: { readonly certificatePem: string; readonly privateKeyPem: string };
  const stops: (() => Promise<void>)[] = [];
  let clients = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "causeway-consumer-session-"));
    authority = createAuthority(join(folder, "ca"));
    mosquitto = await startMosquitto({ folder: join(folder, "broker"), authority, things: [THING] });
    const issued = await authority.issue({ commonName: "consumer", usage: "client" });
    files = { caFile: authority.caFile, ...writeIdentity(folder, "consumer", issued) };
    const { certificatePem, privateKeyPem = "" } = await authority.issue({ commonName: THING, usage: "client" });
    vehicle = { certificatePem, privateKeyPem };
  });
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });
  afterAll(async () => {
    await mosquitto.stop();
    rmSync(folder, { recursive: true });
  });

  const start = (request: Partial<SessionRequest> = {}): SessionRig =>
    startSession({ port: mosquitto.port, settings: files, ...request }, stops);

  async function publish(texts: readonly string[], more: { topic?: string; retain?: boolean } = {}): Promise<void> {
    const ca = readFileSync(authority.caFile, "utf8");
    const client = await RawMqtt.connect({ port: mosquitto.port, clientId: `publisher-${clients++}`, ca, ...vehicle });
    await client.publish(
      texts.map((payload) => ({ topic: TOPIC, payload, qos: 1, retain: false, dup: false, ...more })),
    );
    await client.close();
  }

  const textOf = ({ payload }: Arrival): string => Buffer.from(payload).toString();
  const texts = ({ arrivals }: SessionRig): string[] => arrivals.map(textOf);
  const numbered = (from: number, count: number): string[] => Array.from({ length: count }, (_, at) => `${from + at}`);

  it("has a record again whose PUBACK was withheld, after the worker was killed, and none that was acknowledged in whatever order", async () => {
    const clientId = "worker-withheld";
    const first = start({ clientId });
    await first.ready();
    await publish(numbered(0, 40));
    await first.came(40);
    for (const arrival of first.arrivals.toReversed()) if (Number(textOf(arrival)) % 2 === 1) arrival.acknowledge();
    expect(await first.session.flush()).toBe(true);
    await first.session.stop(false);
    const second = start({ clientId });
    await second.came(20);
    expect(texts(second)).toEqual(numbered(0, 40).filter((text) => Number(text) % 2 === 0));
    for (const arrival of second.arrivals) arrival.acknowledge();
    await publish(["last"]);
    await second.came(21);
    expect(texts(second).at(-1)).toBe("last");
  });

  it("gets no more than its receive maximum ahead of its PUBACKs", async () => {
    const rig = start({ clientId: "worker-maximum", settings: { ...files, receiveMaximum: 10 } });
    await rig.ready();
    await publish(numbered(0, 30));
    await rig.came(10);
    expect(await rig.session.flush()).toBe(true);
    expect(rig.arrivals).toHaveLength(10);
    for (let at = 0; at < 30; at++) {
      await rig.came(at + 1);
      rig.arrivals[at].acknowledge();
    }
    expect(texts(rig)).toEqual(numbered(0, 30));
  });

  it("connects anew on demand, so that the broker sends again what is not acknowledged and nothing else", async () => {
    const rig = start({ clientId: "worker-renewed" });
    await rig.ready();
    await publish(numbered(0, 20));
    await rig.came(20);
    for (const arrival of rig.arrivals.slice(0, 12)) arrival.acknowledge();
    await Promise.all([rig.session.renew(), rig.session.renew()]);
    await rig.reconnected(2);
    await publish(["after"]);
    await rig.came(29);
    expect(texts(rig).slice(20)).toEqual([...numbered(12, 8), "after"]);
    for (const arrival of rig.arrivals) arrival.acknowledge();
    expect(await rig.session.flush()).toBe(true);
    expect(rig.session.status()).toMatchObject({ state: "ready", connects: 2, fault: undefined });
    expect(rig.log.of("consumer.disconnected")).toEqual([]);
  });

  it("goes on after a restart of the broker with what the broker has kept, and hears what is published after it", async () => {
    const rig = start({ clientId: "worker-restart" });
    await rig.ready();
    await publish(["before"]);
    await rig.came(1);
    await mosquitto.restart();
    await rig.reconnected(2);
    await publish(["after"]);
    await rig.came(3);
    expect(texts(rig)).toEqual(["before", "before", "after"]);
    for (const arrival of rig.arrivals) arrival.acknowledge();
    expect(await rig.session.flush()).toBe(true);
    expect(rig.session.status()).toMatchObject({ state: "ready", connects: 2, fault: undefined });
  });

  it("has what was published while the worker was away, and gets a retained table once", async () => {
    const clientId = "worker-away";
    const topic = `dt/causeway/${THING}/schema/0011223344556677.0`;
    await publish(["table"], { topic, retain: true });
    const first = start({ clientId });
    await first.came(1);
    await first.ready();
    first.arrivals[0].acknowledge();
    expect(await first.session.flush()).toBe(true);
    await first.session.stop(false);
    await publish(["away"]);
    const second = start({ clientId });
    await second.came(1);
    await second.ready();
    expect(texts(second)).toEqual(["away"]);
    second.arrivals[0].acknowledge();
    await second.session.ask(topic);
    await second.came(2);
    expect(texts(second)).toEqual(["away", "table"]);
    second.arrivals[1].acknowledge();
    await second.session.forget(topic);
    await publish([""], { topic, retain: true });
  });

  it("leaves what is published after it has left to the others of its group, and takes what was set by for it before", async () => {
    const [leaving, staying] = ["worker-leaving", "worker-staying"].map((clientId) =>
      start({ clientId, group: "leaving", settings: { ...files, receiveMaximum: 2 } }),
    );
    await Promise.all([leaving.ready(), staying.ready()]);
    await publish(numbered(0, 12));
    await leaving.came(2);
    await leaving.session.leave();
    await publish(numbered(12, 8));
    for (let at = 0; at < 6; at++) {
      await leaving.came(at + 1);
      leaving.arrivals[at].acknowledge();
    }
    for (let at = 0; at < 14; at++) {
      await staying.came(at + 1);
      staying.arrivals[at].acknowledge();
    }
    const sorted = [...texts(leaving), ...texts(staying)].map(Number).toSorted((one, other) => one - other);
    expect(sorted).toEqual(numbered(0, 20).map(Number));
    expect(await leaving.session.flush()).toBe(true);
    await leaving.session.stop(true);
  });
});
