import { SocketDomain, SocketOptions, SocketType } from "aws-crt/dist/native/io.js";
import { ClientOperationQueueBehavior, Mqtt5Client } from "aws-crt/dist/native/mqtt5.js";
import { afterAll, describe, expect, it } from "vitest";
import { type PublicationOptions, publicationTo } from "../../../../../agent/ports/broker.ts";
import { deliver, OFFLINE, REFUSED_HERE, unsendable } from "../../../../../drivers/aws/messages/publish-outcome.ts";

// Never started: it fails at once what it takes, as a client does whose connection is lost.
const client = new Mqtt5Client({
  hostName: "localhost",
  port: 1,
  socketOptions: new SocketOptions(SocketType.STREAM, SocketDomain.IPV4, 1000),
  offlineQueueBehavior: ClientOperationQueueBehavior.FailAllOnDisconnect,
});
afterAll(() => client.close());

const LIMITS = { receiveMaximum: 1, maximumPacketBytes: 149_504, topicAliasMaximum: 0, retainAvailable: true };
const JSON_TYPE = "application/json";

describe("deliver", () => {
  it.each<[string, PublicationOptions]>([
    ["a control character in a user property", { userProperties: [["seq", "\u0001"]] }],
    ["correlation data that is too long", { correlationData: new Uint8Array(65_535) }],
    ["a life of less than nothing", { messageExpirySeconds: -1 }],
  ])("gives a rejection that would come again for what the SDK does not take: %s", async (_name, options) => {
    expect(await deliver(client, publicationTo("t", new Uint8Array(1), JSON_TYPE, options))).toBe(REFUSED_HERE);
    expect(REFUSED_HERE).toEqual({
      kind: "rejected",
      reasonCode: 0x99,
      reason: "0x99 payload format invalid (found before it was sent)",
    });
  });

  it.each([
    ["JSON", Buffer.from("{}")],
    ["JSON with line ends", Buffer.from("{\n\t}\n")],
    ["JSON with a C1 control", Buffer.from('{"u":"\u0085"}')],
    ["JSON with a noncharacter", Buffer.from('{"u":"\u{1FFFF}"}')],
    ["what is no UTF-8", Buffer.from([0x7b, 0xff])],
    ["nothing", Buffer.alloc(0)],
  ])("hands over whatever the payload holds: %s", async (_name, payload) => {
    expect(await deliver(client, publicationTo("t", payload, JSON_TYPE))).toBe(OFFLINE);
  });
});

describe("unsendable", () => {
  it.each([
    ["no topic", ""],
    ["a wildcard", "a/#"],
    ["a wildcard for one level", "a/+/b"],
    ["NUL", "a\0"],
    ["a line end", "a\n"],
    ["DEL", "a\u007f"],
    ["a C1 control", "a\u0085"],
    ["a noncharacter", "a\uFFFF"],
    ["more than a string can be", "ä".repeat(32_768)],
  ])("is what no broker takes for a topic: %s", (_name, topic) => {
    const refused = { kind: "rejected", reasonCode: 0x90 };
    expect(unsendable(publicationTo(topic, new Uint8Array(1), JSON_TYPE), LIMITS)).toMatchObject(refused);
  });

  it("is nothing that can be sent", () => {
    expect(unsendable(publicationTo("dt/Größe", new Uint8Array(1), JSON_TYPE), LIMITS)).toBeUndefined();
  });
});
