import { IoTDataPlaneClient } from "@aws-sdk/client-iot-data-plane";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { IotRoad } from "../../../agent/companion/road/iot-road.ts";
import { IotFacts } from "../../../agent/companion/vehicle/iot-facts.ts";
import { AwsEndpoint } from "../../bench/cloud/aws-endpoint.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

describe("the data endpoint of AWS IoT", () => {
  let endpoint: AwsEndpoint;
  let client: IoTDataPlaneClient;
  /** How it answers. */
  const answer = (status: number, body: object, error?: string): void => {
    endpoint.answer = () => ({ status, body, ...(error === undefined ? {} : { error }) });
  };

  beforeAll(async () => {
    endpoint = await AwsEndpoint.start(() => ({ status: 200, body: {} }));
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    client = new IoTDataPlaneClient({ endpoint: endpoint.url, region: "eu-central-1", credentials, maxAttempts: 1 });
  });
  afterAll(() => {
    client.destroy();
    endpoint.stop();
  });
  beforeEach(() => {
    endpoint.heard.length = 0;
    answer(200, {});
  });

  const send = async () => {
    const log = new MemoryLog();
    const request = { thing: "truck-7", id: "id-1", payload: '{"a":1}', expirySeconds: 30 };
    return await new IotRoad(client, log).send(request);
  };

  it("is given a request with where to answer, what it is known by, and how long it lives", async () => {
    expect(await send()).toBe("sent");
    const [{ method, url, headers, body }] = endpoint.heard;
    expect([method, decodeURIComponent(url.pathname), body.toString()]).toEqual([
      "POST",
      "/topics/cmd/causeway/truck-7/id-1/request",
      '{"a":1}',
    ]);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      qos: "1",
      contentType: "application/json",
      responseTopic: "cmd/causeway/truck-7/id-1/response",
      messageExpiry: "30",
    });
    expect(headers["x-amz-mqtt5-correlation-data"]).toBe(Buffer.from("id-1").toString("base64"));
    expect(headers["x-amz-mqtt5-payload-format-indicator"]).toBe("UTF8_DATA");
  });

  it.each([
    [403, "ForbiddenException", "not-sent"],
    [400, "InvalidRequestException", "not-sent"],
    [500, "InternalFailureException", "unknown"],
    [0, undefined, "unknown"],
  ])("answers %d: %s is %s", async (status, error, outcome) => {
    answer(status, { message: "no" }, error);
    expect(await send()).toBe(outcome);
  });

  it("knows a vehicle's presence from the message that it keeps, or that there is none", async () => {
    const facts = new IotFacts({
      iot: client,
      dynamodb: { send: () => Promise.reject(new Error("not asked")) },
      stateTable: undefined,
    });
    const kept = (text: string): void => {
      answer(200, { topic: "t", payload: Buffer.from(text).toString("base64"), qos: 1 });
    };
    kept('{"schemaVersion":1,"thing":"truck-7","state":"asleep","bootId":"b","at":"2026-01-01T00:00:00.000Z"}');
    expect(await facts.presence("truck-7")).toEqual({ state: "asleep", at: "2026-01-01T00:00:00.000Z" });
    expect(decodeURIComponent(endpoint.heard[0]?.url.pathname ?? "")).toBe(
      "/retainedMessage/dt/causeway/truck-7/presence",
    );
    kept("no presence");
    expect(await facts.presence("truck-7")).toBeUndefined();
    answer(404, { message: "no" }, "ResourceNotFoundException");
    expect(await facts.presence("truck-7")).toBeUndefined();
    answer(403, { message: "no" }, "ForbiddenException");
    await expect(facts.presence("truck-7")).rejects.toThrow("no");
    expect(await facts.latest("truck-7")).toEqual([]);
  });
});
