import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readArrival } from "../../../agent/consumer/intake.ts";
import { createTopicReader } from "../../../agent/consumer/topics.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import { privateKeyUnwrapper } from "../../../agent/telemetry/record/read/key-unwrapper.ts";
import { encryptedRecordReader } from "../../../agent/telemetry/record/read/record-decrypter.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { arrivalOf, FakeVehicle, VEHICLE, type WatchedArrival } from "../../fakes/consumer/arrivals.ts";
import { encrypterOf, wrappingPair } from "../../fakes/telemetry/encryption.ts";

const SEED = 15;
const topics = createTopicReader({ record: "dt/causeway/{thing}/{stream}", schema: "dt/causeway/{thing}/schema/{id}" });
const plain = createRecordReader(readDescriptor());
const pair = wrappingPair();
const reader = encryptedRecordReader(plain, privateKeyUnwrapper(pair.privateKey));
const read = (arrival: WatchedArrival) => readArrival({ topics, reader }, arrival);

function changed(
  { topic, payload, userProperties }: WatchedArrival,
  over: Readonly<Record<string, string>>,
): WatchedArrival {
  return arrivalOf(topic, payload, { ...Object.fromEntries(userProperties), ...over });
}

describe("readArrival", () => {
  it("reads records and parts of tables, with their header or without", async () => {
    const vehicle = new FakeVehicle();
    const [table] = vehicle.tables();
    const samples = vehicle.samples();
    expect(await read(table)).toMatchObject({ kind: "record", record: { thing: VEHICLE, stream: "event", seq: 1 } });
    expect(await read(samples)).toMatchObject({ kind: "record", record: { seq: 1, body: { kind: "samples" } } });
    expect(await read(arrivalOf(samples.topic, samples.payload))).toMatchObject({ kind: "record" });
  });

  it("gives the payload of an encrypted record in the clear, and refuses one that is said to be another", async () => {
    const vehicle = new FakeVehicle(120_000, encrypterOf(pair));
    const arrival = vehicle.samples();
    const reading = await read(changed(arrival, { encoding: "identity" }));
    if (reading.kind !== "record") throw new Error(reading.kind);
    expect(plain.decode(reading.payload)).toEqual(reading.record);
    expect(reading.payload).not.toEqual(arrival.payload);
    expect(await read(changed(arrival, { seq: "9" }))).toMatchObject({ kind: "refused", reason: "undecipherable" });
  });

  it.each([
    ["presence", arrivalOf(`dt/causeway/${VEHICLE}/presence`, Buffer.from("{}"))],
    ["another topic", arrivalOf("dt/other", Buffer.from("x"))],
    ["a table that was cleared", arrivalOf(`dt/causeway/${VEHICLE}/schema/00.0`, new Uint8Array())],
  ])("ignores %s", async (_, arrival) => {
    expect(await read(arrival)).toEqual({ kind: "ignored" });
  });

  it("refuses what the topic does not fit: another thing's record, another stream, and what is no part of the table", async () => {
    const vehicle = new FakeVehicle();
    const [table] = vehicle.tables();
    const { payload } = vehicle.samples();
    const at = (topic: string, bytes = payload) => read(arrivalOf(topic, bytes));
    expect(await at("dt/causeway/truck-2/telemetry")).toMatchObject({ kind: "refused", reason: "foreign-thing" });
    expect(await at(`dt/causeway/${VEHICLE}/event`)).toMatchObject({ kind: "refused", reason: "foreign-stream" });
    expect(await at(table.topic)).toMatchObject({ kind: "refused", reason: "foreign-table" });
    const other = `dt/causeway/${VEHICLE}/schema/0000000000000000.0`;
    expect(await at(other, table.payload)).toMatchObject({ kind: "refused", reason: "foreign-table" });
  });

  it.each([
    ["epoch", "1"],
    ["seq", "2"],
    ["stream", "event"],
    ["schema", "causeway.v2"],
    ["encoding", "zstd"],
  ])("refuses a record whose user property %s contradicts it", async (name, value) => {
    const arrival = changed(new FakeVehicle().samples(), { [name]: value });
    const reading = await read(arrival);
    expect(reading).toMatchObject({ kind: "refused", reason: "contradiction" });
    expect(reading.kind === "refused" && reading.detail).toContain(name);
  });

  it("refuses any bytes that are no record, and never rejects for them", async () => {
    const { topic, payload } = new FakeVehicle().samples();
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ minLength: 1, maxLength: 200 }),
          fc.tuple(fc.nat(payload.length - 1), fc.nat(255)).map(([at, byte]) => payload.with(at, byte)),
          fc.integer({ min: 1, max: payload.length }).map((end) => payload.slice(0, end)),
        ),
        async (bytes) => {
          const { kind } = await read(arrivalOf(topic, bytes));
          expect(["record", "refused"]).toContain(kind);
        },
      ),
      { seed: SEED, numRuns: 2000 },
    );
  });

  it("rejects while a key cannot be asked, so that nothing is acknowledged, and refuses what no key opens", async () => {
    const arrival = new FakeVehicle().samples();
    const failing = (code: "input.unavailable" | "input.refused") => ({
      read: () => Promise.reject(new AgentError(code, { what: "no", remedy: "none" })),
    });
    await expect(readArrival({ topics, reader: failing("input.unavailable") }, arrival)).rejects.toThrow("no");
    expect(await readArrival({ topics, reader: failing("input.refused") }, arrival)).toMatchObject({
      reason: "undecipherable",
    });
  });
});
