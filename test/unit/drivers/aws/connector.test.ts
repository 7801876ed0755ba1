import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { brokerConfig } from "../../../../config/broker.ts";
import { Connector, factsOf, type SessionSettings } from "../../../../drivers/aws/connector.ts";
import { CredentialInUse } from "../../../../drivers/aws/identity/credential-in-use.ts";
import { ConnectPace } from "../../../../drivers/aws/link/connect-pace.ts";
import { LinkTracker } from "../../../../drivers/aws/link/link-tracker.ts";
import { until } from "../../../bench/core/wait.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { fakeTlsIdentity } from "../../../fakes/ports/tls-identity.ts";

const RECORD = {
  topic: "dt/causeway/veh-001/telemetry",
  payload: new Uint8Array(1),
  retain: false,
  contentType: "application/x-protobuf",
  messageExpirySeconds: undefined,
  userProperties: [],
};

let clock: ManualClock;
let link: LinkTracker;
let stopping: AbortController;
/** Keys whose context was made, in order. */
let made: string[];

/** A port of this machine where nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address: AddressInfo | string | null = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** A port of this machine where nobody says a word, and who has come there and begun to speak. */
async function silentPort(): Promise<{
  readonly port: number;
  readonly came: readonly Socket[];
  readonly end: () => void;
}> {
  const open: Socket[] = [];
  const came: Socket[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => undefined).once("data", () => came.push(socket));
    open.push(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address: AddressInfo | string | null = server.address();
  const end = (): void => {
    server.close();
    for (const socket of open) socket.destroy();
  };
  return { port: typeof address === "object" && address !== null ? address.port : 0, came, end };
}

async function connectorTo(key: string, over: Partial<SessionSettings> = {}, port?: number): Promise<Connector> {
  const config = brokerConfig.parse({ host: "127.0.0.1", port: port ?? (await closedPort()), caFile: "ca.pem" });
  const settings: SessionSettings = { config, clientId: "veh-001", will: undefined, ...over };
  const log = new MemoryLog();
  const bounds = { minMs: 1000, maxMs: 8000 };
  return new Connector({
    settings,
    link,
    pace: new ConnectPace({ bounds, gapMs: 1050, clock, log, random: () => 0.5, file: undefined }),
    credential: new CredentialInUse({
      identity: fakeTlsIdentity(key, made),
      facts: factsOf(settings),
      proxy: undefined,
      decisive: false,
      clock,
    }),
    listener: { onAttempt: () => undefined, onConnected: () => undefined, onMessage: () => true },
    clock,
    log,
    stopping: stopping.signal,
  });
}

/** An attempt speaks TLS. After one that was refused the library may have no address for the next, which is made again in its time. */
async function untilTls(came: readonly Socket[]): Promise<void> {
  const probe = async (): Promise<Socket | undefined> => {
    if (link.state === "offline") await clock.run(100);
    return came[0];
  };
  await until(probe, { what: "a connection", timeoutMs: 20_000, everyMs: 5 });
}

async function untilFault(code: string): Promise<void> {
  const probe = (): true | undefined => (link.status().fault?.code === code ? true : undefined);
  await until(probe, { what: code, timeoutMs: 20_000, everyMs: 5 });
}

/** What `promise` gives. The library may take longer to end an attempt than the connector waits, and only the test lets that time pass. */
async function settled<T>(promise: Promise<T>): Promise<T> {
  let isSettled = false;
  void promise.finally(() => {
    isSettled = true;
  });
  const probe = async (): Promise<true | undefined> => {
    await clock.run(20);
    return isSettled ? true : undefined;
  };
  await until(probe, { what: "an end", timeoutMs: 20_000, everyMs: 5 });
  return await promise;
}

beforeEach(() => {
  clock = new ManualClock();
  link = new LinkTracker(clock, new MemoryLog());
  stopping = new AbortController();
  made = [];
});
afterEach(() => stopping.abort());

describe("Connector", () => {
  it("says why it is offline, and plans the next attempt with the context that it has", async () => {
    const connector = await connectorTo("first");
    connector.start();
    await clock.run(0);
    await untilFault("broker.unreachable");
    expect(link.state).toBe("offline");
    expect(clock.waiting()).toBe(1);
    await clock.run(1050);
    expect(link.state).toBe("connecting");
    expect(made).toEqual(["first"]);
    stopping.abort();
    await settled(connector.stop());
  });

  it("makes one attempt where one is wanted", async () => {
    const connector = await connectorTo("first", { once: true });
    connector.start();
    await clock.run(0);
    await untilFault("broker.unreachable");
    expect(clock.waiting()).toBe(0);
    await settled(connector.stop());
  });

  it("waits for a person where the key is missing, until somebody knows that trying helps", async () => {
    const connector = await connectorTo("missing");
    connector.start();
    await clock.run(0);
    expect(link.status()).toMatchObject({ state: "offline", fault: { code: "identity.key-missing" } });
    await clock.run(600_000);
    const tries = made.length;
    connector.retryNow();
    await clock.run(0);
    expect(made).toHaveLength(tries + 1);
  });

  it("leaves the connection alone for a credential that cannot be opened", async () => {
    const connector = await connectorTo("first");
    const outcome = await connector.switchCredential({ keyLabel: "missing", certificateFile: "m.pem" }, 5000);
    expect(outcome).toMatchObject({ kind: "kept", fault: { code: "identity.key-missing" } });
    expect(clock.waiting()).toBe(0);
  });

  it("goes back to the credential before when the other gets no connection", async () => {
    const connector = await connectorTo("first");
    const outcome = connector.switchCredential({ keyLabel: "second", certificateFile: "s.pem" }, 60_000);
    expect(await settled(outcome)).toMatchObject({ kind: "kept", fault: { code: "broker.unreachable" } });
    await clock.run(1050);
    expect(made).toEqual(["second", "first"]);
    stopping.abort();
    await settled(connector.stop());
  });

  it("keeps a young attempt where somebody knows that trying helps, however long the link has been down", async () => {
    const { port, came, end } = await silentPort();
    const connector = await connectorTo("first", {}, port);
    await clock.run(60_000);
    connector.start();
    await clock.run(0);
    await untilTls(came);
    connector.retryNow();
    expect([link.state, clock.waiting()]).toEqual(["connecting", 0]);
    clock.suspend(3000);
    connector.retryNow();
    expect([link.state, clock.waiting()]).toEqual(["connecting", 1]);
    end();
    stopping.abort();
    await settled(connector.stop());
  });

  it("leaves it to who connects while another keep-alive waits for the end of the connection before", async () => {
    const { port, came, end } = await silentPort();
    const connector = await connectorTo("first", {}, port);
    connector.start();
    await clock.run(0);
    await untilTls(came);
    const changed = connector.keepAlive(600);
    connector.resume(true);
    end();
    await changed;
    expect([link.state, clock.waiting()]).toEqual(["connecting", 1]);
    stopping.abort();
    await settled(connector.stop());
  });

  it("has no publication without an outcome while it is offline", async () => {
    const connector = await connectorTo("first");
    expect(await connector.publish(RECORD)).toEqual({ kind: "offline" });
  });
});
