import { encode as encodeCbor } from "cborg";
import { beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { describeReply, isRetryable, RequestClient, type ServiceRequest } from "../../../agent/cloud/request-client.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeBroker } from "../../fakes/ports/broker.ts";

const GET = "$aws/things/veh-1/jobs/get";
const CSR = "$aws/certificates/create-from-csr/cbor";
const never = new AbortController().signal;

const jobs: ServiceRequest<{ count: number }> = {
  topic: GET,
  format: "json",
  body: { list: true },
  correlate: "token",
  accepted: z.object({ count: z.int() }),
};
const certificate: ServiceRequest<{ certificateId: string }> = {
  topic: CSR,
  format: "cbor",
  body: { certificateSigningRequest: "pem" },
  correlate: "topic",
  accepted: z.object({ certificateId: z.string() }),
};

function json(body: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(body));
}

describe("Requester", () => {
  let clock: ManualClock;
  let broker: FakeBroker;
  let requestClient: RequestClient;
  let tokens: number;

  beforeEach(async () => {
    clock = new ManualClock();
    broker = new FakeBroker({ clock });
    tokens = 0;
    requestClient = new RequestClient({
      broker,
      clock,
      log: new MemoryLog(),
      limits: { timeoutMs: 10_000, maxPending: 3, maxAnswerBytes: 1000 },
      token: () => `t${++tokens}`,
    });
    await requestClient.listen([`${GET}/+`, `${CSR}/+`]);
    broker.start();
  });

  /** Lets what has been asked reach the broker. */
  const settled = () => clock.run(0);

  it("publishes the body with its token and content type, and gives the checked answer", async () => {
    const asked = requestClient.request(jobs, never);
    await settled();
    const [publication] = broker.publications;
    expect(publication).toMatchObject({ topic: GET, retain: false, contentType: "application/json" });
    expect(JSON.parse(new TextDecoder().decode(publication.payload))).toEqual({ list: true, clientToken: "t1" });
    broker.inject(`${GET}/accepted`, json({ count: 2, clientToken: "t1", extra: true }));
    expect(await asked).toEqual({ kind: "accepted", body: { count: 2 } });
  });

  it("gives each of several requests on one topic the answer with its token, whatever their order", async () => {
    const first = requestClient.request(jobs, never);
    const second = requestClient.request(jobs, never);
    await settled();
    broker.inject(`${GET}/accepted`, json({ count: 20, clientToken: "t2" }));
    broker.inject(`${GET}/accepted`, json({ count: 10, clientToken: "t1" }));
    expect(await first).toMatchObject({ body: { count: 10 } });
    expect(await second).toMatchObject({ body: { count: 20 } });
  });

  it("asks one at a time where the topic alone correlates", async () => {
    const first = requestClient.request(certificate, never);
    const second = requestClient.request(certificate, never);
    await settled();
    expect(broker.publications).toHaveLength(1);
    broker.inject(`${CSR}/accepted`, encodeCbor({ certificateId: "a" }));
    expect(await first).toMatchObject({ body: { certificateId: "a" } });
    await settled();
    expect(broker.publications).toHaveLength(2);
    broker.inject(`${CSR}/accepted`, encodeCbor({ certificateId: "b" }));
    expect(await second).toMatchObject({ body: { certificateId: "b" } });
  });

  it("reads a CBOR map of indefinite length", async () => {
    const asked = requestClient.request(certificate, never);
    await settled();
    // {_ "certificateId": "x"}: RFC 8949, 3.2.2
    const text = new TextEncoder().encode("certificateId");
    broker.inject(`${CSR}/accepted`, Uint8Array.of(0xbf, 0x60 + text.length, ...text, 0x61, 0x78, 0xff));
    expect(await asked).toEqual({ kind: "accepted", body: { certificateId: "x" } });
  });

  it.each([
    [{ code: "VersionMismatch", message: "no" }, "VersionMismatch", "no", false],
    [{ code: "RequestThrottled", message: "slow down" }, "RequestThrottled", "slow down", true],
    [{ code: 404, message: "No shadow" }, "404", "No shadow", false],
    [{ code: 503, message: "busy" }, "503", "busy", true],
    [{ statusCode: 400, errorCode: "InvalidPayload", errorMessage: "bad\ncsr" }, "InvalidPayload", "bad csr", false],
    [{ statusCode: 429, errorCode: "Throttled", errorMessage: "" }, "Throttled", "", true],
    [{ error: "DataConflict", errorMessage: "again" }, "DataConflict", "again", true],
    [{ o: "InvalidCbor", m: "what" }, "InvalidCbor", "what", false],
    [{ statusDetails: { ErrorCode: "InvalidPayload", ErrorMessage: "x" } }, "InvalidPayload", "x", false],
  ])("reads the rejection %j", async (body, code, message, retryable) => {
    const asked = requestClient.request(jobs, never);
    await settled();
    broker.inject(`${GET}/rejected`, json({ ...body, clientToken: "t1" }));
    const reply = await asked;
    expect(reply).toMatchObject({ kind: "rejected", rejection: { code, message } });
    expect(isRetryable(reply)).toBe(retryable);
  });

  it("hands over the state of the job that comes with a rejection", async () => {
    const asked = requestClient.request(jobs, never);
    await settled();
    const executionState = { status: "CANCELED", versionNumber: 7 };
    broker.inject(`${GET}/rejected`, json({ code: "VersionMismatch", message: "", executionState, clientToken: "t1" }));
    expect(await asked).toMatchObject({ rejection: { executionState } });
  });

  it("takes a rejection without a token for the only request that waits, and for none of two", async () => {
    const only = requestClient.request(jobs, never);
    await settled();
    broker.inject(`${GET}/rejected`, json({ code: "InvalidJson", message: "" }));
    expect(await only).toMatchObject({ kind: "rejected" });
    const two = [requestClient.request(jobs, never), requestClient.request(jobs, never)];
    await settled();
    broker.inject(`${GET}/rejected`, json({ code: "InvalidJson", message: "" }));
    await clock.run(10_000);
    expect(await Promise.all(two)).toEqual([{ kind: "timeout" }, { kind: "timeout" }]);
  });

  it("counts and leaves answers that nobody waits for", async () => {
    broker.inject(`${GET}/accepted`, json({ count: 1 }));
    const asked = requestClient.request(jobs, never);
    await settled();
    broker.inject(`${GET}/accepted`, json({ count: 1, clientToken: "of another client" }));
    broker.inject(`${GET}/accepted`, json({ count: 1 }));
    broker.inject(`${GET}/accepted`, json({ count: 3, clientToken: "t1" }));
    expect(await asked).toEqual({ kind: "accepted", body: { count: 3 } });
    broker.inject(`${GET}/accepted`, json({ count: 3, clientToken: "t1" }));
    expect(requestClient.counters()).toMatchObject({ foreign: 4, requested: 1, pending: 0 });
  });

  it("does not read an answer over the bound, and one that is no JSON settles nothing", async () => {
    const asked = requestClient.request(jobs, never);
    await settled();
    broker.inject(`${GET}/accepted`, json({ count: 1, clientToken: "t1", pad: "x".repeat(1000) }));
    broker.inject(`${GET}/accepted`, Uint8Array.of(0x7b, 0xff));
    expect(requestClient.counters()).toMatchObject({ oversized: 1, malformed: 1, pending: 1 });
    broker.inject(`${GET}/accepted`, json({ count: 1, clientToken: "t1" }));
    expect(await asked).toMatchObject({ kind: "accepted" });
  });

  it("says what in the answer does not fit", async () => {
    const asked = requestClient.request(jobs, never);
    await settled();
    broker.inject(`${GET}/accepted`, json({ count: "two", clientToken: "t1" }));
    const reply = await asked;
    expect(reply.kind).toBe("malformed");
    expect(describeReply(reply)).toContain(`${GET}: count: `);
  });

  it("is offline at once without a link, and when the connection that asked is gone", async () => {
    const asked = requestClient.request(jobs, never);
    await settled();
    broker.disconnect();
    expect(await requestClient.request(jobs, never)).toEqual({ kind: "offline" });
    broker.connect();
    expect(await asked).toEqual({ kind: "offline" });
    expect(requestClient.counters()).toMatchObject({ unanswered: 1, pending: 0 });
  });

  it("ends with the time limit, of the requester or its own", async () => {
    const asked = requestClient.request(jobs, never);
    const hasty = requestClient.request({ ...jobs, timeoutMs: 500 }, never);
    await clock.run(500);
    expect(await hasty).toEqual({ kind: "timeout" });
    await clock.run(9500);
    expect(await asked).toEqual({ kind: "timeout" });
    expect(clock.waiting()).toBe(0);
  });

  it("ends when told to, before and after the publish", async () => {
    const abort = new AbortController();
    const asked = requestClient.request(jobs, abort.signal);
    await settled();
    abort.abort();
    expect(await asked).toEqual({ kind: "aborted" });
    expect(await requestClient.request(jobs, abort.signal)).toEqual({ kind: "aborted" });
    expect(broker.publications).toHaveLength(1);
    expect(clock.waiting()).toBe(0);
  });

  it("turns requests away at the bound and counts them", async () => {
    const asked = [1, 2, 3].map(() => requestClient.request(jobs, never));
    expect(await requestClient.request(jobs, never)).toEqual({ kind: "busy" });
    await clock.run(10_000);
    await Promise.all(asked);
    expect(requestClient.counters()).toMatchObject({ rejectedAtLimit: 1, pending: 0 });
  });

  it("ends when the broker does not take the request", async () => {
    broker.answer = () => ({ kind: "rejected", reasonCode: 0x87, reason: "0x87" });
    expect(await requestClient.request(jobs, never)).toEqual({ kind: "publish-rejected", reason: "0x87" });
    broker.answer = () => ({ kind: "too-large" });
    expect(await requestClient.request(jobs, never)).toEqual({ kind: "too-large" });
  });
});
