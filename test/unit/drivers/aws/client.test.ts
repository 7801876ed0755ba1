import { describe, expect, it } from "vitest";
import { isPaced, limitsOf, packetOf, receivedPublishOf } from "../../../../drivers/aws/client.ts";
import { unsendable } from "../../../../drivers/aws/messages/publish-outcome.ts";

describe("isPaced", () => {
  it.each([
    ["a1b2-ats.iot.eu-central-1.amazonaws.com", "auto", true],
    ["a1b2.ats.iot.cn-north-1.amazonaws.com.cn", "auto", true],
    ["localhost", "auto", false],
    ["amazonaws.com.example", "auto", false],
    ["iot.example.com", "aws", true],
    ["a1b2-ats.iot.eu-central-1.amazonaws.com", "none", false],
  ] as const)("%s with pacing %s: %s", (host, pacing, expected) => {
    expect(isPaced({ host, pacing })).toBe(expected);
  });
});

describe("packetOf", () => {
  const publication = {
    topic: "dt/causeway/veh-001/telemetry",
    payload: new Uint8Array([9, 1, 2, 9]).subarray(1, 3),
    retain: true,
    contentType: "application/x-protobuf",
    messageExpirySeconds: undefined,
    userProperties: [["seq", "7"]] as const,
  };

  it("is QoS 1 with the payload's own bytes, and has no expiry where none is wanted", () => {
    const packet = packetOf(publication);
    expect(packet).toMatchObject({ topicName: publication.topic, qos: 1, retain: true, payloadFormat: 0 });
    expect(packet.payload).toEqual(Buffer.from([1, 2]));
    expect("messageExpiryIntervalSeconds" in packet).toBe(false);
    expect(packetOf({ ...publication, messageExpirySeconds: 5 }).messageExpiryIntervalSeconds).toBe(5);
  });

  it.each([
    [Buffer.from('{"u":"°C"}'), 1],
    [Buffer.from("{\n}"), 0],
    [Buffer.from('{"u":"\u0085"}'), 0],
    [Buffer.from('{"u":"\uFFFE"}'), 0],
    [new Uint8Array([0x7b, 0xff]), 0],
  ])("marks JSON as text where MQTT has it for text: %j", (payload, expected) => {
    expect(packetOf({ ...publication, payload, contentType: "application/json" }).payloadFormat).toBe(expected);
    expect(packetOf({ ...publication, payload }).payloadFormat).toBe(0);
  });
});

describe("inboundOf", () => {
  it("gives bytes whatever the client hands over", () => {
    const { buffer } = new Uint8Array([1, 2]);
    const message = receivedPublishOf({
      topicName: "a",
      qos: 1,
      payload: buffer,
      responseTopic: "reply",
      correlationData: Buffer.from([3]),
      userProperties: [{ name: "n", value: "v" }],
    });
    expect(message).toEqual({
      topic: "a",
      payload: new Uint8Array([1, 2]),
      responseTopic: "reply",
      correlationData: new Uint8Array([3]),
      userProperties: [["n", "v"]],
    });
    expect(receivedPublishOf({ topicName: "a", qos: 0 }).payload).toEqual(new Uint8Array(0));
  });
});

describe("limitsOf", () => {
  const settings = {
    maximumQos: 1,
    sessionExpiryInterval: 3600,
    receiveMaximumFromServer: 100,
    maximumPacketSizeToServer: 149_504,
    topicAliasMaximumToServer: 8,
    topicAliasMaximumToClient: 0,
    serverKeepAlive: 60,
    retainAvailable: true,
    wildcardSubscriptionsAvailable: true,
    subscriptionIdentifiersAvailable: false,
    sharedSubscriptionsAvailable: true,
    rejoinedSession: false,
    clientId: "veh-001",
  };

  it.each([
    ["a1b2-ats.iot.eu-central-1.amazonaws.com", "none", "auto", 131_072],
    ["iot.example.com", "aws", "auto", 131_072],
    ["iot.example.com", "auto", "aws", 131_072],
    ["localhost", "auto", "auto", undefined],
  ] as const)("%s with pacing %s and alpn %s takes payloads up to %s bytes", (host, pacing, alpn, expected) => {
    const limits = limitsOf(settings, { host, pacing, alpn });
    expect(limits).toMatchObject({ maximumPacketBytes: 149_504, receiveMaximum: 100 });
    expect(limits.maximumPayloadBytes).toBe(expected);
    const publication = {
      topic: "t",
      payload: new Uint8Array(131_073),
      retain: false,
      contentType: "",
      messageExpirySeconds: undefined,
      userProperties: [],
    };
    expect(unsendable(publication, limits)).toEqual(expected === undefined ? undefined : { kind: "too-large" });
  });
});
