import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "node:tls";
import { Aedes } from "aedes";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { linkFaultsTo, openSecurityEvents } from "../../../agent/daemon/compose-security.ts";
import type { Broker, Publication } from "../../../agent/ports/broker.ts";
import { securityConfig } from "../../../config/security.ts";
import { createSession, type SessionRequest } from "../../bench/broker/mqtt-session.ts";
import { type StubBehaviour, type StubBroker, startStubBroker } from "../../bench/broker/stub-broker.ts";
import { createAuthority, type RevokingAuthority, writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { until } from "../../bench/core/wait.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

const THING = "veh-001";
const WILL: Publication = {
  topic: `dt/causeway/${THING}/presence`,
  payload: new TextEncoder().encode("lost"),
  retain: true,
  contentType: "text/plain",
  messageExpirySeconds: undefined,
  userProperties: [],
};
const RECORD: Publication = { ...WILL, topic: `dt/causeway/${THING}/telemetry`, retain: false };

describe("brokers that are not as one would wish", () => {
  let folder: string;
  let authority: RevokingAuthority;
  let identity: SessionRequest["identity"];
  const stops: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "causeway-odd-brokers-"));
    authority = createAuthority(join(folder, "ca"));
    const issued = await authority.issue({ commonName: THING, usage: "client" });
    identity = { mode: "file", ...writeIdentity(folder, THING, issued) };
  });
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function stub(behaviour: StubBehaviour): Promise<StubBroker> {
    const broker = await startStubBroker(authority, behaviour);
    stops.unshift(() => broker.stop());
    return broker;
  }

  function session(port: number, more: Partial<SessionRequest> = {}): Broker & { readonly log: MemoryLog } {
    const log = new MemoryLog();
    const broker = { host: "localhost", port };
    const created = createSession({ clientId: THING, identity, caFile: authority.caFile, broker, log, ...more });
    stops.unshift(() => created.stop());
    created.start();
    return Object.assign(created, { log });
  }

  const connected = (broker: StubBroker, count: number): Promise<true> =>
    until(() => (broker.connects.length >= count ? true : undefined), {
      what: `${count} connections`,
      timeoutMs: 20_000,
    });
  const faultOf = (broker: Broker, code: string): Promise<string> =>
    until(() => (broker.status().fault?.code === code ? broker.status().fault?.what : undefined), {
      what: code,
      timeoutMs: 20_000,
    });

  it("get no more than one CONNECT a second, whatever they do and whoever is in a hurry", async () => {
    const broker = await stub({
      connack: (_packet, count) => (count === 1 ? { reasonCode: 0x88 } : {}),
      onConnected: (link, count) => {
        if (count === 2) link.hangUp();
        if (count === 3) link.disconnect(0x8b);
        if (count === 4) link.disconnect(0x8e);
      },
    });
    const settings = { host: "localhost", port: broker.port, reconnect: { minMs: 100, maxMs: 1000 } };
    const events = openSecurityEvents(securityConfig.parse({}), new ManualClock());
    const told: string[] = [];
    events.tellTo(({ event, reason }) => told.push(`${event} ${reason}`));
    const onFault = linkFaultsTo(events);
    const hurried = session(broker.port, { broker: settings, connectGapMs: 1050, onFault });
    const hurry = setInterval(() => hurried.retryNow(), 20);
    await connected(broker, 5);
    await hurried.online(AbortSignal.timeout(5000));
    if (identity.mode !== "file") throw new Error("no key file");
    const { certificateFile, keyFile: keyLabel } = identity;
    expect(await hurried.switchCredential({ certificateFile, keyLabel }, 5000)).toEqual({ kind: "moved" });
    clearInterval(hurry);
    const times = broker.connects.map(({ atMs }) => atMs);
    const gaps = times.slice(1).map((atMs, index) => atMs - times[index]);
    expect(gaps).toHaveLength(5);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1000);
    // Of a CONNACK that refuses, two ends and a takeover only this one says that there is another client.
    expect(told).toEqual(["session-takeover disconnect"]);
  });

  it("are left without a retained will where they keep nothing", async () => {
    const broker = await stub({
      connack: ({ will }) => ({
        ...(will?.retain === true ? { reasonCode: 0x9a } : {}),
        properties: { retainAvailable: false },
      }),
    });
    const link = session(broker.port, { will: WILL });
    const limits = await link.online(AbortSignal.timeout(10_000));
    expect(limits?.retainAvailable).toBe(false);
    expect(broker.connects.map(({ packet }) => packet.will?.retain)).toEqual([true, false]);
    expect(await link.publish({ ...RECORD, retain: limits?.retainAvailable ?? true })).toEqual({ kind: "acked" });
    expect(link.log.of("link.will-not-retained")).toHaveLength(1);
  });

  it.each([
    ["says so in CONNACK", {}],
    ["refuses the will for it", { reasonCode: 0x9b }],
  ])("that take QoS 0 alone are a fault, and not a link that is online: one that %s", async (_how, rejection) => {
    const broker = await stub({ connack: () => ({ properties: { maximumQoS: 0 }, ...rejection }) });
    const link = session(broker.port, { will: WILL });
    await faultOf(link, "broker.unfit");
    const { state, fault } = link.status();
    expect(state).toBe("offline");
    expect(fault?.remedy).toContain("QoS 1");
    expect(await link.publish(RECORD)).toEqual({ kind: "offline" });
    expect(broker.connects).toHaveLength(1);
  });

  it("that answer a publish with DISCONNECT get it no second time by itself, and the publisher hears why", async () => {
    const broker = await stub({ onPublish: (_packet, link) => link.disconnect(0x99) });
    const link = session(broker.port);
    await link.online(AbortSignal.timeout(10_000));
    expect(await link.publish(RECORD)).toEqual({
      kind: "offline",
      ended: { reasonCode: 0x99, reason: "0x99 payload format invalid", unanswered: 1 },
    });
    await link.online(AbortSignal.timeout(10_000), 1);
    await link.stop();
    expect(broker.publishes).toHaveLength(1);
  });

  it("that speak MQTT 3.1.1 alone are named", async () => {
    const aedes = await Aedes.createBroker();
    const issued = await authority.issue({
      commonName: "old",
      usage: "server",
      subjectAltNames: [{ kind: "dns", value: "localhost" }],
    });
    const ca = readFileSync(authority.caFile);
    const tls = { cert: issued.certificatePem, key: issued.privateKeyPem, ca, requestCert: true };
    const server = createServer(tls, (socket) => aedes.handle(socket));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    stops.push(async () => {
      await new Promise<void>((resolve) => aedes.close(() => server.close(() => resolve())));
    });
    const address = server.address();
    if (typeof address !== "object" || address === null) throw new Error("no port");
    const link = session(address.port);
    expect(await faultOf(link, "broker.unfit")).toContain("MQTT 3.1.1 alone");
    expect(link.status().fault?.remedy).toContain("MQTT 5.0");
  });
});
