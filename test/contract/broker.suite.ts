import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentError } from "../../agent/core/errors.ts";
import type { Broker, LinkCredential, Publication, ReceivedPublish } from "../../agent/ports/broker.ts";
import { publishPacketBytes } from "../../drivers/aws/messages/packet-size.ts";
import { until } from "../bench/core/wait.ts";

/** Thing whose topics the broker of a harness allows: `dt/causeway/{thing}/#` to publish, `cmd/causeway/{thing}/#` for both. */
export const CONTRACT_THING = "veh-001";

/** A broker implementation and the other end of its link. */
export type BrokerHarness = {
  /** Not started yet. */
  readonly broker: Broker;
  /** A further credential of the same thing, and one that the broker refuses. */
  readonly credentials: { readonly good: LinkCredential; readonly refused: LinkCredential };
  /** Publications that arrived on `dt/causeway/#`, as another client saw them. */
  arrived(): readonly Pick<ReceivedPublish, "topic" | "payload" | "userProperties">[];
  /** Another client publishes. */
  inject(topic: string, payload: Uint8Array): Promise<void>;
  /** Resolves when the broker has taken the connection that was made ahead. */
  takenAhead(): Promise<void>;
  /** The broker goes away, and comes back without any memory of sessions. */
  cut(): Promise<void>;
  restore(): Promise<void>;
  close(): Promise<void>;
};

const RECORD: Publication = {
  topic: `dt/causeway/${CONTRACT_THING}/telemetry`,
  payload: Uint8Array.of(1, 2, 3, 0, 255),
  retain: false,
  contentType: "application/x-protobuf",
  messageExpirySeconds: 60,
  userProperties: [
    ["epoch", "42"],
    ["seq", "7"],
  ],
};
const COMMANDS = `cmd/causeway/${CONTRACT_THING}/+/request`;
const forever = new AbortController().signal;

/** Payload bytes of `RECORD` that just fit into a packet of this size. */
function largestPayload(packetBytes: number): number {
  let bytes = packetBytes;
  while (publishPacketBytes({ ...RECORD, payload: new Uint8Array(bytes) }) > packetBytes) bytes -= 1;
  return bytes;
}

/** The promises of the Broker port. */
export function describeBroker(name: string, create: () => Promise<BrokerHarness>): void {
  describe(`Broker: ${name}`, () => {
    let harness: BrokerHarness;
    let broker: Broker;
    const online = async (after = 0) => {
      const limits = await broker.online(AbortSignal.timeout(20_000), after);
      if (limits === undefined) throw new Error(`not online: ${broker.status().fault?.what ?? "no fault"}`);
      return limits;
    };
    const soon = <T>(what: string, probe: () => T | undefined) => until(probe, { what, timeoutMs: 20_000 });

    beforeEach(async () => {
      harness = await create();
      broker = harness.broker;
    });
    afterEach(async () => {
      await harness.close();
    });

    it("is offline before it is started", async () => {
      expect(broker.status()).toMatchObject({ state: "offline", connects: 0, limits: undefined });
      expect(await broker.publish(RECORD)).toEqual({ kind: "offline" });
    });

    it("comes online with the limits that the broker announced", async () => {
      broker.start();
      expect(await online()).toEqual({
        receiveMaximum: 100,
        maximumPacketBytes: 149_504,
        topicAliasMaximum: 8,
        retainAvailable: true,
      });
      expect(broker.status()).toMatchObject({ state: "online", connects: 1, fault: undefined });
    });

    it("stops waiting for the link when told to", async () => {
      const abort = new AbortController();
      const waiting = broker.online(abort.signal);
      abort.abort();
      expect(await waiting).toBeUndefined();
      expect(await broker.online(abort.signal)).toBeUndefined();
    });

    it("delivers a publication whole: topic, payload, user properties in order", async () => {
      broker.start();
      await online();
      expect(await broker.publish(RECORD)).toEqual({ kind: "acked" });
      const arrived = await soon("arrival", () => harness.arrived()[0]);
      expect(arrived.topic).toBe(RECORD.topic);
      expect([...arrived.payload]).toEqual([...RECORD.payload]);
      expect(arrived.userProperties).toEqual(RECORD.userProperties);
    });

    // A broker may end the connection over it, and its PUBACK may be lost with that: mosquitto 2.0.11 does so.
    it("says with its reason code that the broker refused a publication, and goes on", async () => {
      broker.start();
      await online();
      const refused = async () => {
        const outcome = await broker.publish({ ...RECORD, topic: "dt/causeway/another-thing/telemetry" });
        return outcome.kind === "offline" ? undefined : outcome;
      };
      const outcome = await until(refused, { what: "a rejection", timeoutMs: 20_000 });
      expect(outcome).toMatchObject({ kind: "rejected", reasonCode: 0x87 });
      const probe = async () => ((await broker.publish(RECORD)).kind === "acked" ? true : undefined);
      await until(probe, { what: "a PUBACK after the rejection", timeoutMs: 20_000 });
    });

    it("refuses a topic name with a wildcard", async () => {
      broker.start();
      await online();
      expect(await broker.publish({ ...RECORD, topic: "dt/#" })).toMatchObject({ kind: "rejected", reasonCode: 0x90 });
    });

    it("sends a packet of exactly the broker's limit and does not send a longer one", async () => {
      broker.start();
      const { maximumPacketBytes } = await online();
      const fits = largestPayload(maximumPacketBytes);
      expect(await broker.publish({ ...RECORD, payload: new Uint8Array(fits) })).toEqual({ kind: "acked" });
      expect(await broker.publish({ ...RECORD, payload: new Uint8Array(fits + 1) })).toEqual({ kind: "too-large" });
      expect(broker.status().connects).toBe(1);
    });

    it("hands over messages of its subscriptions only", async () => {
      const got: ReceivedPublish[] = [];
      broker.start();
      await online();
      await broker.subscribe(COMMANDS, (message) => got.push(message));
      await harness.inject(`cmd/causeway/${CONTRACT_THING}/door/other`, Uint8Array.of(1));
      await harness.inject(`cmd/causeway/${CONTRACT_THING}/door/request`, Uint8Array.of(2));
      await soon("message", () => got[0]);
      expect(got.map(({ topic, payload }) => [topic, ...payload])).toEqual([
        [`cmd/causeway/${CONTRACT_THING}/door/request`, 2],
      ]);
    });

    it("hands over an empty message, and loses nothing but the message whose handler throws", async () => {
      const sizes: number[] = [];
      broker.start();
      await online();
      await broker.subscribe(COMMANDS, ({ payload }) => {
        sizes.push(payload.length);
        if (payload.length === 1) throw new TypeError("a bug that this message brings out");
      });
      for (const bytes of [0, 1, 2]) {
        await harness.inject(`cmd/causeway/${CONTRACT_THING}/door/request`, new Uint8Array(bytes));
      }
      await soon("all three messages", () => (sizes.length === 3 ? true : undefined));
      expect(sizes).toEqual([0, 1, 2]);
      await soon("the count", () => (broker.inbound().taken === 2 ? true : undefined));
      expect(broker.inbound()).toEqual({ taken: 2, discarded: 0, failed: 1, setAside: 0, waiting: 0 });
      expect(broker.status().connects).toBe(1);
    });

    it("makes a subscription at the connect that was asked for before it", async () => {
      const got: ReceivedPublish[] = [];
      await broker.subscribe(COMMANDS, (message) => got.push(message));
      broker.start();
      await online();
      await injectUntil(() => got.length > 0);
    });

    it("shows nobody a connection that was made ahead until it is started, and loses nothing of it", async () => {
      const got: ReceivedPublish[] = [];
      const stop = new AbortController();
      const first = broker.online(stop.signal);
      await broker.connectAhead();
      await broker.connectAhead();
      await harness.takenAhead();
      expect(broker.status()).toMatchObject({ state: "connecting", connects: 0 });
      expect(await broker.publish(RECORD)).toEqual({ kind: "offline" });
      await broker.subscribe(COMMANDS, (message) => got.push(message));
      broker.start();
      expect((await first)?.receiveMaximum).toBeGreaterThan(0);
      expect(broker.status()).toMatchObject({ state: "online", connects: 1 });
      await injectUntil(() => got.length > 0);
      stop.abort();
    });

    it("rejects a subscription that the broker refuses", async () => {
      broker.start();
      await online();
      const refused = broker.subscribe("cmd/causeway/another-thing/+/request", () => undefined);
      await expect(refused).rejects.toSatisfy((e) => e instanceof AgentError && e.code === "broker.refused");
    });

    it("is offline while the broker is away, and online with its subscriptions when it is back", async () => {
      const got: ReceivedPublish[] = [];
      broker.start();
      await online();
      await broker.subscribe(COMMANDS, (message) => got.push(message));
      await harness.cut();
      await soon("offline", () => (broker.status().state === "online" ? undefined : true));
      expect(await broker.publish(RECORD)).toEqual({ kind: "offline" });
      const again = broker.online(forever, 1);
      await harness.restore();
      await again;
      expect(broker.status().connects).toBeGreaterThan(1);
      expect(await broker.publish(RECORD)).toEqual({ kind: "acked" });
      await injectUntil(() => got.length > 0);
    });

    it("tries again at once when it is told to, and leaves a good connection alone", async () => {
      broker.start();
      await online();
      broker.retryNow();
      expect(broker.status()).toMatchObject({ state: "online", connects: 1 });
      await harness.cut();
      await soon("offline", () => (broker.status().state === "online" ? undefined : true));
      await harness.restore();
      broker.retryNow();
      await online(1);
      expect(await broker.publish(RECORD)).toEqual({ kind: "acked" });
    });

    it("goes away when it is paused and stays away, whatever asks for a connection, until it is resumed", async () => {
      const got: ReceivedPublish[] = [];
      broker.start();
      await online();
      await broker.subscribe(COMMANDS, (message) => got.push(message));
      await Promise.all([broker.pause(10_000), broker.pause(10_000)]);
      expect(broker.status()).toMatchObject({ state: "offline", connects: 1, isPaused: true, fault: undefined });
      expect(await broker.publish(RECORD)).toEqual({ kind: "offline" });
      broker.retryNow();
      expect(await broker.switchCredential(harness.credentials.good, 10_000)).toMatchObject({ kind: "kept" });
      broker.retryNow();
      await new Promise((resolve) => setImmediate(resolve));
      expect(broker.status()).toMatchObject({ state: "offline", connects: 1 });
      broker.resume();
      await online(1);
      expect(broker.status().isPaused).toBeUndefined();
      expect(await broker.publish(RECORD)).toEqual({ kind: "acked" });
      await injectUntil(() => got.length > 0);
    });

    it("makes a connection anew for another keep-alive, and none for the same or while it is paused", async () => {
      broker.keepAlive(120);
      broker.start();
      await online();
      broker.keepAlive(120);
      broker.keepAlive(600);
      await online(1);
      expect(await broker.publish(RECORD)).toEqual({ kind: "acked" });
      expect(broker.status().connects).toBe(2);
      await broker.pause(10_000);
      broker.keepAlive(300);
      expect(broker.status()).toMatchObject({ state: "offline", connects: 2, isPaused: true });
      broker.resume();
      await online(2);
      broker.keepAlive(300);
      expect(await broker.publish(RECORD)).toEqual({ kind: "acked" });
      expect(broker.status().connects).toBe(3);
    });

    it("does not connect at its start while it is paused", async () => {
      await broker.pause(10_000);
      broker.start();
      broker.retryNow();
      expect(broker.status()).toMatchObject({ state: "offline", connects: 0, isPaused: true });
      broker.resume();
      await online();
    });

    it("makes a connection anew that looks good when it is resumed without a pause", async () => {
      broker.start();
      await online();
      const outcomes = Array.from({ length: 50 }, () => broker.publish(RECORD));
      broker.resume();
      await online(1);
      expect(broker.status()).toMatchObject({ state: "online", connects: 2, fault: undefined });
      for (const { kind } of await Promise.all(outcomes)) expect(["acked", "offline"]).toContain(kind);
      expect(await broker.publish(RECORD)).toEqual({ kind: "acked" });
    });

    it("stops for good when it is paused, and a resume after that does nothing", async () => {
      broker.start();
      await online();
      await broker.pause(10_000);
      await broker.stop();
      broker.resume();
      expect(broker.status()).toMatchObject({ state: "offline", connects: 1 });
      expect(await broker.online(forever)).toBeUndefined();
    });

    it("keeps the credential it had when it is paused in the middle of a change, and comes back with it", async () => {
      broker.start();
      await online();
      const moved = broker.switchCredential(harness.credentials.good, 10_000);
      await broker.pause(10_000);
      expect(["kept", "moved"]).toContain((await moved).kind);
      expect(broker.status()).toMatchObject({ state: "offline", isPaused: true });
      broker.resume();
      await online(1);
      expect(await broker.publish(RECORD)).toEqual({ kind: "acked" });
    });

    it("goes over to another credential in order, with its subscriptions", async () => {
      const got: ReceivedPublish[] = [];
      broker.start();
      await online();
      await broker.subscribe(COMMANDS, (message) => got.push(message));
      expect(await broker.switchCredential(harness.credentials.good, 10_000)).toEqual({ kind: "moved" });
      expect(broker.status()).toMatchObject({ state: "online", connects: 2, fault: undefined });
      expect(await broker.publish(RECORD)).toEqual({ kind: "acked" });
      await injectUntil(() => got.length > 0);
    });

    it("keeps the credential it had when the broker refuses the other", async () => {
      broker.start();
      await online();
      const outcome = await broker.switchCredential(harness.credentials.refused, 10_000);
      if (outcome.kind !== "kept") throw new Error("it went over to a credential that the broker refuses");
      expect(outcome.fault.code).toMatch(/^identity\./);
      await online(1);
      expect(await broker.publish(RECORD)).toEqual({ kind: "acked" });
    });

    it("gives every publish an outcome while it goes over", async () => {
      broker.start();
      await online();
      const outcomes = Array.from({ length: 50 }, () => broker.publish(RECORD));
      const moved = broker.switchCredential(harness.credentials.good, 10_000);
      outcomes.push(...Array.from({ length: 50 }, () => broker.publish(RECORD)));
      for (const { kind } of await Promise.all(outcomes)) expect(["acked", "offline"]).toContain(kind);
      expect(await moved).toEqual({ kind: "moved" });
    });

    it("stops twice without complaint and publishes nothing more", async () => {
      broker.start();
      await online();
      const waiting = broker.online(forever, 1);
      await Promise.all([broker.stop(), broker.stop()]);
      await broker.stop();
      expect(await waiting).toBeUndefined();
      expect(broker.status().state).toBe("offline");
      expect(await broker.publish(RECORD)).toEqual({ kind: "offline" });
    });

    it("leaves no publish without an outcome when it stops", async () => {
      broker.start();
      await online();
      const outcomes = Array.from({ length: 50 }, () => broker.publish(RECORD));
      await broker.stop();
      for (const { kind } of await Promise.all(outcomes)) expect(["acked", "offline"]).toContain(kind);
    });

    /** The SUBSCRIBE after a connect takes a moment: until it is granted, messages pass by. */
    async function injectUntil(isDone: () => boolean): Promise<void> {
      const probe = async (): Promise<true | undefined> => {
        if (isDone()) return true;
        await harness.inject(`cmd/causeway/${CONTRACT_THING}/door/request`, Uint8Array.of(1));
        return undefined;
      };
      await until(probe, { what: "message on a subscription", timeoutMs: 20_000, everyMs: 50 });
    }
  });
}
