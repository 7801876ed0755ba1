import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { RequestClient, type ServiceRequest } from "../../../agent/cloud/request-client.ts";
import { decodeBody, encodeBody, WIRE_FORMATS } from "../../../agent/cloud/wire-format.ts";
import type { Broker } from "../../../agent/ports/broker.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { type Mosquitto, startMosquitto } from "../../bench/broker/mosquitto.ts";
import { createSession } from "../../bench/broker/mqtt-session.ts";
import { type Authority, createAuthority, writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { until } from "../../bench/core/wait.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

const THING = "veh-001";
const clock = systemClock();
const never = new AbortController().signal;

describe("requests over mosquitto", () => {
  let folder: string;
  let authority: Authority;
  let mosquitto: Mosquitto;
  let service: Broker;
  let device: Broker;
  let requestClient: RequestClient;
  let isMute = false;
  /** Over all tests: an answer that the session brings again in the next one must not be taken for its own. */
  let tokens = 0;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-requester-"));
    authority = createAuthority(join(folder, "ca"));
    mosquitto = await startMosquitto({ folder: join(folder, "broker"), authority, things: [THING] });
    service = await sessionAs("consumer");
    service.start();
    await service.online(AbortSignal.timeout(10_000));
    for (const format of WIRE_FORMATS) await service.subscribe(`cmd/causeway/+/+/${format}`, echo);
  });
  beforeEach(async () => {
    isMute = false;
    device = await sessionAs(THING);
    const limits = { timeoutMs: 10_000, maxPending: 64, maxAnswerBytes: 10_000 };
    requestClient = new RequestClient({
      broker: device,
      clock,
      log: new MemoryLog(),
      limits,
      token: () => `t${++tokens}`,
    });
    await requestClient.listen(WIRE_FORMATS.map((format) => `cmd/causeway/${THING}/+/${format}/+`));
    device.start();
    await device.online(AbortSignal.timeout(10_000));
  });
  afterEach(() => device.stop());
  afterAll(async () => {
    await service.stop();
    await mosquitto.stop();
    await rm(folder, { recursive: true });
  });

  async function sessionAs(commonName: string): Promise<Broker> {
    const issued = await authority.issue({ commonName, usage: "client" });
    return createSession({
      clientId: commonName,
      identity: { mode: "file", ...writeIdentity(join(folder, "identities"), commonName, issued) },
      caFile: mosquitto.caFile,
      broker: { host: mosquitto.host, port: mosquitto.port },
      log: new MemoryLog(),
    });
  }

  /** Answers with what it was asked, or rejects what says so. */
  function echo({ topic, payload }: { readonly topic: string; readonly payload: Uint8Array }): void {
    if (isMute) return;
    const body = z
      .looseObject({ reject: z.boolean().optional() })
      .parse(decodeBody(topic.endsWith("cbor") ? "cbor" : "json", payload));
    const rejected = body.reject === true;
    void service.publish({
      topic: `${topic}/${rejected ? "rejected" : "accepted"}`,
      payload: rejected ? encodeBody("json", { ...body, code: "InvalidRequest", message: "as asked" }) : payload,
      retain: false,
      contentType: "",
      messageExpirySeconds: undefined,
      userProperties: [],
    });
  }

  function exchangeOf(format: "json" | "cbor", body: Readonly<Record<string, unknown>>): ServiceRequest<{ n: number }> {
    const topic = `cmd/causeway/${THING}/echo/${format}`;
    return { topic, format, body, correlate: "token", accepted: z.object({ n: z.int() }) };
  }

  it.each(WIRE_FORMATS)("answers sixty requests at a time, each with its own answer (%s)", async (format) => {
    const asked = Array.from({ length: 60 }, (_, n) => requestClient.request(exchangeOf(format, { n }), never));
    const replies = await Promise.all(asked);
    expect(replies).toEqual(Array.from({ length: 60 }, (_, n) => ({ kind: "accepted", body: { n } })));
    expect(requestClient.counters()).toMatchObject({ requested: 60, unanswered: 0, foreign: 0, pending: 0 });
  });

  it("tells a rejection", async () => {
    const reply = await requestClient.request(exchangeOf("json", { n: 1, reject: true }), never);
    expect(reply).toMatchObject({ kind: "rejected", rejection: { code: "InvalidRequest", message: "as asked" } });
  });

  it("tells the broker's rejection of a topic that the policy does not allow", async () => {
    const denied = { ...exchangeOf("json", {}), topic: "$aws/things/other/jobs/get" };
    // A link that went meanwhile says nothing of the policy.
    const answered = async () => {
      const reply = await requestClient.request(denied, never);
      return reply.kind === "offline" ? undefined : reply;
    };
    const reply = await until(answered, { what: "the broker answers", timeoutMs: 20_000 });
    expect(reply).toEqual({ kind: "publish-rejected", reason: "0x87 not authorized" });
  });

  it("gives up a request whose connection is gone, and asks again on the next with the subscriptions made anew", async () => {
    isMute = true;
    const lost = requestClient.request(exchangeOf("json", { n: 1 }), never);
    await mosquitto.kill();
    await mosquitto.start();
    expect(await lost).toEqual({ kind: "offline" });
    isMute = false;
    await service.online(AbortSignal.timeout(10_000), 1);
    await device.online(AbortSignal.timeout(10_000), 1);
    expect(await requestClient.request(exchangeOf("json", { n: 2 }), never)).toEqual({
      kind: "accepted",
      body: { n: 2 },
    });
  });
});
