import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readArrival } from "../../../../agent/consumer/intake/intake.ts";
import { createTopicReader } from "../../../../agent/consumer/intake/topics.ts";
import { AgentError } from "../../../../agent/core/errors.ts";
import { privateKeyUnwrapper } from "../../../../agent/telemetry/record/read/key-unwrapper.ts";
import { encryptedRecordReader } from "../../../../agent/telemetry/record/read/record-decrypter.ts";
import { createRecordReader } from "../../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../../config/proto/descriptor.ts";
import { arrivalOf, FakeVehicle, VEHICLE, type WatchedArrival } from "../../../fakes/consumer/arrivals.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { encrypterOf, wrappingPair } from "../../../fakes/telemetry/encryption.ts";

const SEED = 15;
const topics = createTopicReader({
  record: "dt/causeway/{thing}/{stream}",
  schema: "dt/causeway/{thing}/schema/{id}",
  foreign: ["cms/fleetwise/vehicles/{thing}/signals"],
});
const clock = new ManualClock();
const plain = createRecordReader(readDescriptor());
const pair = wrappingPair();
const reader = encryptedRecordReader(plain, privateKeyUnwrapper(pair.privateKey));
const read = (arrival: WatchedArrival) => readArrival({ topics, reader, clock }, arrival);

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

  it("takes a record in the form of another cloud by its topic and user properties, and does not look into it", async () => {
    const vehicle = new FakeVehicle();
    const own = vehicle.samples();
    // Even one that would be a record of somebody else.
    const foreign = { epoch: "7", seq: "9007199254740991", stream: "capture" };
    const topic = "cms/fleetwise/vehicles/truck-2/signals";
    const anchor = { monotonicUs: 0, wallUs: clock.wallUs(), quality: "unsynchronised" };
    for (const payload of [own.payload, new Uint8Array(), Uint8Array.of(255, 0)]) {
      const record = { thing: "truck-2", epoch: 7, stream: "capture", seq: 9_007_199_254_740_991, bootId: "", anchor };
      expect(await read(arrivalOf(topic, payload, foreign))).toEqual({
        kind: "record",
        record: { ...record, body: { kind: "foreign", topic, payload } },
        payload,
      });
    }
  });

  it.each([
    ["epoch", ["", "0", "-1", "1.5", "01", "1e3", "0x7", " 7", "9007199254740992", "Infinity"]],
    ["seq", ["", "0", "+1", "NaN", "9007199254740993", "12345678901234567890"]],
    ["stream", ["", "presence", "Telemetry", "__proto__"]],
  ])("refuses one whose user property %s is wrong, missing or there twice", async (name, values) => {
    const right = { epoch: "7", seq: "1", stream: "event" };
    const topic = "cms/fleetwise/vehicles/truck-1/signals";
    const arrivals = values.map((value) => arrivalOf(topic, Uint8Array.of(1), { ...right, [name]: value }));
    const entries = Object.entries(right);
    const without = { ...arrivalOf(topic, Uint8Array.of(1)), userProperties: entries.filter(([key]) => key !== name) };
    const twice = { ...without, userProperties: [...entries, ...entries.filter(([key]) => key === name)] };
    for (const arrival of [...arrivals, without, twice]) {
      const reading = await read(arrival);
      expect(reading).toMatchObject({ kind: "refused", reason: "malformed" });
      expect(reading.kind === "refused" && reading.detail).toContain(`user property ${name}`);
    }
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
    await expect(readArrival({ topics, clock, reader: failing("input.unavailable") }, arrival)).rejects.toThrow("no");
    expect(await readArrival({ topics, clock, reader: failing("input.refused") }, arrival)).toMatchObject({
      reason: "undecipherable",
    });
  });
});
