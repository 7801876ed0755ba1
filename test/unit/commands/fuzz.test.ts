import { describe, expect, it } from "vitest";
import { decodeBody, encodeBody } from "../../../agent/cloud/wire-format.ts";
import { createCommandReader } from "../../../agent/commands/channels/command-messages.ts";
import { ProtobufChannel } from "../../../agent/commands/channels/protobuf-channel.ts";
import type { IncomingCommand } from "../../../agent/commands/request.ts";
import { ProtobufWriter } from "../../../agent/telemetry/record/encode/protobuf-writer.ts";
import { catalogueSchema } from "../../../config/catalogue.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import { CommandBench, THING, textOf } from "../../fakes/commands/command-bench.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeBroker } from "../../fakes/ports/broker.ts";

/** CAUSEWAY_FUZZ_INPUTS=1000000 is what the product promises; a part of it runs with every test. */
const INPUTS = Number(process.env.CAUSEWAY_FUZZ_INPUTS ?? 20_000);
const PIECES = [
  "{",
  "}",
  "[",
  "]",
  '"',
  ":",
  ",",
  "null",
  "1e999",
  "-0",
  "__proto__",
  "constructor",
  "\\u0000",
  "\ud800",
  "9007199254740993",
  "true",
];

describe("dispatch of hostile payloads", () => {
  it(`refuses ${INPUTS} altered, cut, spliced and random inputs in JSON and CBOR, and throws for none`, async () => {
    const random = seededRandom(20_261_124);
    const pick = (below: number): number => Math.floor(random() * below);
    const bench = new CommandBench({ actions: { "doors.lock": { commandClass: "R3" } } });
    const body = bench.signed("doors.lock", { arguments: { door: 1, text: "a" } });
    const originals = { json: encodeBody("json", body), cbor: encodeBody("cbor", body) };
    const outcomes = new Map<string, number>();
    for (let at = 0; at < INPUTS; at += 1) {
      const format = at % 2 === 0 ? "json" : "cbor";
      const payload = altered(originals[format], pick);
      if (Buffer.compare(payload, originals[format]) === 0) continue;
      const outcome = textOf(
        await bench.send(payload, { id: `e-${at}`, format, reply: { channel: "aws", execution: `e-${at}`, format } }),
      );
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      // A white space more, or a member twice, is the same request in another spelling.
      if (outcome === "SUCCEEDED") expect(decodeBody(format, payload)).toEqual(body);
      else expect(outcome).toMatch(/^(REJECTED|TIMED_OUT) [A-Z_]+$/);
    }
    expect(bench.acts.length).toBeLessThanOrEqual(1);
    // The signature is reached: the inputs are not all refused on the way in.
    expect(outcomes.get("REJECTED SIGNATURE_INVALID") ?? 0).toBeGreaterThan(INPUTS / 1000);
  }, 600_000);

  it(`refuses ${INPUTS} altered, cut, spliced and random inputs in protobuf, and throws for none`, async () => {
    const random = seededRandom(20_261_124);
    const pick = (below: number): number => Math.floor(random() * below);
    const bench = new CommandBench({ actions: { "doors.lock": { commandClass: "R3" } } });
    const arrive = await protobufDoor();
    const signed = bench.signed("doors.lock", { id: "e-1" });
    const original = protobufOf("e-1", signed);
    const outcomes = new Map<string, number>();
    for (let at = 0; at < INPUTS; at += 1) {
      const payload = altered(original, pick);
      if (Buffer.compare(payload, original) === 0) continue;
      const outcome = textOf(await bench.send(payload, arrive("e-1", payload)));
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      expect(outcome).toMatch(/^SUCCEEDED$|^(REJECTED|TIMED_OUT) [A-Z_]+$/);
    }
    // An unknown field more, or a field twice, is the same request in another spelling.
    expect(bench.acts.length).toBeLessThanOrEqual(1);
    expect(outcomes.get("REJECTED SIGNATURE_INVALID") ?? 0).toBeGreaterThan(INPUTS / 1000);
  }, 600_000);
});

/** A request of `signed` as the protobuf flavour has it (config/proto/commands.proto), for the actuator 1001. */
function protobufOf(id: string, signed: Readonly<Record<string, unknown>>): Uint8Array {
  const writer = new ProtobufWriter();
  const { key, value } = signatureOf(signed.signature);
  writer.stringField(16, id);
  writer.begin(18, 20);
  writer.uintField(1, 1001);
  writer.stringField(2, "doors-1");
  writer.presentUintField(4, 1);
  writer.end();
  writer.begin(1000, 120);
  writer.stringField(1, String(signed.thing));
  writer.uintField(2, Number(signed.notBeforeMs));
  writer.uintField(3, Number(signed.expiresAtMs));
  writer.uintField(4, Number(signed.counter));
  writer.stringField(5, key);
  writer.bytesField(6, Buffer.from(value, "base64"));
  writer.end();
  return writer.finish();
}

function signatureOf(signature: unknown): { readonly key: string; readonly value: string } {
  if (typeof signature !== "object" || signature === null || !("key" in signature) || !("value" in signature)) {
    throw new TypeError("not signed");
  }
  return { key: String(signature.key), value: String(signature.value) };
}

/** The channel of the protobuf flavour, and what it lets in. */
async function protobufDoor() {
  const clock = new ManualClock();
  const broker = new FakeBroker({ clock });
  broker.start();
  const actuator = { signal: 1001, type: "boolean", does: [{ value: true, action: "doors.lock" }] };
  const names = { manifest: "doors-1", actuators: [actuator] };
  const channel = new ProtobufChannel({
    thing: THING,
    prefix: "cms/commands",
    names: catalogueSchema.parse({ schemaVersion: 1, actions: [], protobuf: names }).protobuf,
    read: createCommandReader(readDescriptor("commands")),
    broker,
    requestClient: { listen: () => Promise.resolve(), request: () => Promise.resolve({ kind: "offline" }) },
    log: new MemoryLog(),
  });
  let incoming: IncomingCommand | undefined;
  await channel.open((one) => {
    incoming = one;
  });
  return (id: string, payload: Uint8Array): IncomingCommand => {
    broker.inject(`cms/commands/things/${THING}/executions/${id}/request/protobuf`, payload);
    if (incoming === undefined) throw new Error("it was not let in");
    return incoming;
  };
}

function altered(original: Uint8Array, pick: (below: number) => number): Uint8Array {
  switch (pick(5)) {
    case 0: {
      const bytes = Uint8Array.from(original);
      for (let flips = 1 + pick(3); flips > 0; flips -= 1) bytes[pick(bytes.length)] ^= 1 << pick(8);
      return bytes;
    }
    case 1:
      return original.slice(0, pick(original.length));
    case 2: {
      const at = pick(original.length);
      return Buffer.concat([
        original.subarray(0, at),
        Buffer.from(PIECES[pick(PIECES.length)] ?? ""),
        original.subarray(at + pick(8)),
      ]);
    }
    case 3: {
      const from = pick(original.length);
      return Buffer.concat([
        original.subarray(0, pick(original.length)),
        original.subarray(from, from + pick(40)),
        original.subarray(pick(original.length)),
      ]);
    }
    default:
      return Uint8Array.from({ length: pick(200) }, () => pick(256));
  }
}
