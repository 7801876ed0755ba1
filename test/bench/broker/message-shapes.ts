import { encode as encodeCbor } from "cborg";
import type { RawPublish } from "./raw-mqtt.ts";

const text = (value: string): Buffer => Buffer.from(value, "utf8");

/** Payloads of every kind: none, too much, not what the format says, and what a hostile sender would try. */
const PAYLOADS: Readonly<Record<string, Buffer>> = {
  empty: Buffer.alloc(0),
  "one zero byte": Buffer.alloc(1),
  huge: Buffer.alloc(100_000, 0x5b),
  "JSON null": text("null"),
  "JSON object": text("{}"),
  "JSON with the key __proto__": text('{"__proto__":{"clientToken":1},"execution":{"jobId":null}}'),
  "deep JSON": text("[".repeat(50_000)),
  "bad UTF-8": Buffer.from([0x22, 0xff, 0xfe, 0xc3, 0x22]),
  "CBOR map": Buffer.from(encodeCbor({ f: -1, i: 2 ** 40, p: new Uint8Array(0), clientToken: 7 })),
  "CBOR with a length that is not there": Buffer.from([0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
};

const NAMES = Array.from({ length: 40 }, (_, index) => [`name-${index}`, ["", "x".repeat(200)]] as const);

/** Every property that a PUBLISH may carry (MQTT 5.0, 3.3.2.3), empty and full. */
const PROPERTIES: readonly RawPublish["properties"][] = [
  undefined,
  {
    payloadFormatIndicator: false,
    messageExpiryInterval: 1,
    responseTopic: "r",
    correlationData: Buffer.alloc(0),
    contentType: "",
    userProperties: { "": "" },
  },
  {
    payloadFormatIndicator: false,
    messageExpiryInterval: 0xffff_ffff,
    responseTopic: "$aws/things/x/".repeat(60),
    correlationData: Buffer.alloc(20_000, 1),
    contentType: "application/cbor",
    userProperties: Object.fromEntries(NAMES.map(([name, values]) => [name, [...values]])),
  },
];

/** Every shape of a message to one topic: each payload with each set of properties, QoS 0 and 1, retained or not, and sent twice. */
export function shapesOf(topic: string): readonly RawPublish[] {
  const flags = [
    { qos: 0, retain: false, dup: false },
    { qos: 1, retain: false, dup: true },
    { qos: 1, retain: true, dup: false },
  ] as const;
  return Object.values(PAYLOADS).flatMap((payload, index) =>
    flags.map((flag, at) => ({ topic, payload, ...flag, properties: PROPERTIES[(index + at) % PROPERTIES.length] })),
  );
}

/** How many messages a subscriber gets of them. */
export function deliveriesOf(shapes: readonly RawPublish[]): number {
  return shapes.reduce((sum, { dup }) => sum + (dup ? 2 : 1), 0);
}
