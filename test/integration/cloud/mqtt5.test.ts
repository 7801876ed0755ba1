import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type PresenceState, presencePublication } from "../../../agent/cloud/presence.ts";
import type { Broker, Publication, PublishOutcome, ReceivedPublish } from "../../../agent/ports/broker.ts";
import type { BrokerConfig, IdentityConfig } from "../../../config/schema.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { type Mosquitto, startMosquitto } from "../../bench/broker/mosquitto.ts";
import { createSession } from "../../bench/broker/mqtt-session.ts";
import { TcpProxy } from "../../bench/broker/tcp-proxy.ts";
import { type Authority, createAuthority, writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { until } from "../../bench/core/wait.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { noDelayOf } from "../../fakes/os/tcp-options.ts";

const THING = "veh-001";
const PRESENCE = `dt/causeway/${THING}/presence`;

type Overrides = {
  readonly identity?: IdentityConfig;
  readonly caFile?: string;
  readonly broker?: Partial<BrokerConfig>;
  readonly will?: Publication;
  readonly clientId?: string;
};

describe("the MQTT session against mosquitto", () => {
  let folder: string;
  let authority: Authority;
  let mosquitto: Mosquitto;
  let proxy: TcpProxy;
  let proxyPort: number;
  const sessions: Broker[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-mqtt5-"));
    authority = createAuthority(join(folder, "ca"));
    mosquitto = await startMosquitto({ folder: join(folder, "broker"), authority, things: [THING] });
    proxy = new TcpProxy({ host: "127.0.0.1", port: mosquitto.port });
    proxyPort = await proxy.start();
  });
  afterEach(async () => {
    await proxy.restore();
    await Promise.all(sessions.splice(0).map((session) => session.stop()));
  });
  afterAll(async () => {
    await proxy.stop();
    await mosquitto.stop();
    await rm(folder, { recursive: true });
  });

  async function identityOf(commonName: string, issuer = authority, days = 30): Promise<IdentityConfig> {
    const issued = await issuer.issue({ commonName, usage: "client", days });
    return { mode: "file", ...writeIdentity(join(folder, "identities"), `${commonName}-${days}`, issued) };
  }

  async function session(overrides: Overrides = {}): Promise<Broker> {
    const { identity = await identityOf(THING), caFile = mosquitto.caFile, broker = {}, clientId = THING } = overrides;
    const created = createSession({
      clientId,
      identity,
      caFile,
      broker: { host: "localhost", port: proxyPort, ...broker },
      log: new MemoryLog(),
      ...(overrides.will === undefined ? {} : { will: overrides.will }),
    });
    sessions.push(created);
    return created;
  }

  async function online(broker: Broker, after = 0): Promise<void> {
    broker.start();
    const limits = await broker.online(AbortSignal.timeout(15_000), after);
    if (limits === undefined) throw new Error(`not online: ${broker.status().fault?.what ?? "no fault"}`);
  }

  async function listen(filter: string): Promise<readonly ReceivedPublish[]> {
    const broker = { host: mosquitto.host, port: mosquitto.port };
    const consumer = await session({ identity: await identityOf("consumer"), clientId: "consumer", broker });
    const arrived: ReceivedPublish[] = [];
    await online(consumer);
    await consumer.subscribe(filter, (message) => arrived.push(message));
    return arrived;
  }

  function record(seq: number, bytes = 100): Publication {
    return {
      topic: `dt/causeway/${THING}/telemetry`,
      payload: new Uint8Array(bytes),
      retain: false,
      contentType: "application/x-protobuf",
      messageExpirySeconds: 600,
      userProperties: [["seq", String(seq)]],
    };
  }

  const faultOf = async (broker: Broker, code: string): Promise<string> => {
    broker.start();
    const seen = (): string | undefined => {
      const { fault } = broker.status();
      return fault?.code === code ? fault.what : undefined;
    };
    return await until(seen, { what: `fault ${code}`, timeoutMs: 15_000 });
  };

  it("gives every publish an outcome when the link is cut in the middle, and delivers what is sent again", async () => {
    const arrived = await listen("dt/causeway/+/telemetry");
    const broker = await session();
    await online(broker);
    const publishAll = (seqs: readonly number[]): Promise<readonly [number, PublishOutcome][]> =>
      Promise.all(seqs.map(async (seq) => [seq, await broker.publish(record(seq, 20_000))] as const));
    const first = publishAll(Array.from({ length: 50 }, (_, index) => index));
    await until(() => arrived[0], { what: "the first arrival", timeoutMs: 20_000, everyMs: 1 });
    await proxy.cut();
    await until(() => (broker.status().state === "online" ? undefined : true), { what: "offline", timeoutMs: 20_000 });
    expect(await broker.publish(record(99))).toEqual({ kind: "offline" });
    await proxy.restore();
    const outcomes = await first;
    for (const [, { kind }] of outcomes) expect(["acked", "offline"]).toContain(kind);
    await online(broker);
    const again = await publishAll(outcomes.filter(([, { kind }]) => kind === "offline").map(([seq]) => seq));
    for (const [, { kind }] of again) expect(kind).toBe("acked");
    const seqs = (): Set<string> => new Set(arrived.map(({ userProperties }) => userProperties[0][1]));
    await until(() => (seqs().size === 50 ? true : undefined), { what: "all 50 records", timeoutMs: 20_000 });
  });

  it("notices a link that carries nothing any more within the keep-alive and five seconds", async () => {
    const broker = await session({ broker: { keepAliveSeconds: 5, connectTimeoutMs: 2000 } });
    await online(broker);
    const start = performance.now();
    proxy.blackhole();
    await until(() => (broker.status().state === "online" ? undefined : true), { what: "offline", timeoutMs: 15_000 });
    expect(performance.now() - start).toBeLessThan(10_000);
    await proxy.restore();
    await online(broker, 1);
  });

  it("lets small segments go at once while the broker is still silent, and on the next connection", async () => {
    proxy.blackhole();
    const broker = await session();
    broker.start();
    const isSet = (): true | undefined => noDelayOf(proxyPort)[0] || undefined;
    await until(isSet, { what: "a socket that has the option", timeoutMs: 10_000, everyMs: 20 });
    expect(broker.status().state).toBe("connecting");
    await proxy.restore();
    await online(broker);
    await proxy.cut();
    await proxy.restore();
    await online(broker, 1);
    expect(noDelayOf(proxyPort)).toEqual([true]);
  });

  it("leaves its will when the link breaks, and not when it stops in order", async () => {
    const subject = { thing: THING, bootId: "b00t", topic: PRESENCE, clock: systemClock() };
    const arrived = await listen(PRESENCE);
    const states = (): unknown[] =>
      arrived.map(({ payload }) => {
        const parsed: unknown = JSON.parse(new TextDecoder().decode(payload));
        return typeof parsed === "object" && parsed !== null && "state" in parsed ? parsed.state : undefined;
      });
    const seen = (state: PresenceState) =>
      until(() => states().includes(state) || undefined, { what: state, timeoutMs: 20_000 });
    const direct = { host: mosquitto.host, port: mosquitto.port };
    const broker = await session({ will: presencePublication(subject, "lost") });
    await online(broker);
    await broker.publish(presencePublication(subject, "online"));
    await seen("online");
    await proxy.cut();
    await seen("lost");
    const orderly = await session({
      will: presencePublication(subject, "lost"),
      broker: direct,
      clientId: `${THING}-2`,
    });
    await online(orderly);
    await orderly.publish(presencePublication(subject, "asleep"));
    await orderly.stop();
    await seen("asleep");
    const witness = await listen(PRESENCE);
    await until(() => witness[0], { what: "the retained presence", timeoutMs: 20_000 });
    expect(states().filter((state) => state === "lost")).toHaveLength(1);
  });

  it("names a broker certificate of an unknown authority while the TLS library still hides it", async () => {
    const stranger = createAuthority(join(folder, "stranger"));
    const broker = await session({ caFile: stranger.caFile });
    expect(await faultOf(broker, "broker.certificate-untrusted")).toContain("unknown authority (CN=Causeway bench CA)");
  });

  it("names a host that cannot be resolved", async () => {
    const broker = await session({ broker: { host: "no-such-host.invalid", port: proxyPort } });
    expect(await faultOf(broker, "broker.unreachable")).toContain("cannot be resolved");
  });

  it("stops trying for long when the broker refuses its certificate", async () => {
    const stranger = createAuthority(join(folder, "stranger-2"));
    const broker = await session({ identity: await identityOf(THING, stranger) });
    expect(await faultOf(broker, "identity.certificate-refused")).toContain(`${THING}-30.pem`);
    const { accepted } = proxy;
    await until(() => undefined, { what: "silence", timeoutMs: 2500 }).catch(() => undefined);
    expect(proxy.accepted).toBe(accepted);
    expect(broker.status().state).toBe("offline");
    broker.retryNow();
    await until(() => (proxy.accepted > accepted ? true : undefined), { what: "another try", timeoutMs: 20_000 });
  });

  it("says that nobody listens, and connects when somebody does", async () => {
    await proxy.cut();
    const broker = await session();
    expect(await faultOf(broker, "broker.unreachable")).toContain("refused the TCP connection");
    await proxy.restore();
    await online(broker);
    expect(broker.status().fault).toBeUndefined();
  });

  it("says which other client took its session over", async () => {
    const broker = await session();
    await online(broker);
    const twin = await session();
    await online(twin);
    await until(() => (broker.status().fault === undefined ? undefined : true), { what: "a fault", timeoutMs: 20_000 });
    expect(["broker.refused", "broker.unreachable"]).toContain(broker.status().fault?.code);
  });
});
