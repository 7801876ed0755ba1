import { readFileSync } from "node:fs";
import protobuf from "protobufjs";
import { FileDescriptorSet } from "protobufjs/ext/descriptor.js";
import { describe, expect, it } from "vitest";
import { AgentError } from "../../../../../agent/core/errors.ts";
import { createRecordReader } from "../../../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../../../config/proto/descriptor.ts";
import { createRecordReader as createBenchReader, timesOf } from "../../../../bench/consumers/record-reader.ts";
import { bodyOf } from "../../../../fakes/telemetry/records.ts";
import { encoderOf, idOf, logOf } from "../../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../../fakes/telemetry/table.ts";

const T0 = 1_767_225_600_000_000;
/** Made by `protoc --encode` from form-1.txtpb beside it. */
const FORM_1 = readFileSync(new URL("../../../../fixtures/records/form-1.bin", import.meta.url));
const reader = createRecordReader(readDescriptor());

const table = tableOf([
  { name: "A", signals: [{ name: "U8", bits: 8 }] },
  { name: "B", signals: [{ name: "F", kind: "float", bits: 32 }] },
]);

/** Two frames of A and three of B. */
function form2(): Uint8Array {
  const times = [T0, T0 + 10, T0 + 25];
  const samples = times.flatMap((timeUs, at) => [
    ...(at < 2 ? [{ signal: 0, timeUs, raw: 7 + at }] : []),
    { signal: 1, timeUs, raw: at / 2 },
  ]);
  const [draft] = encoderOf(table).samples(logOf(table, samples), []);
  return draft.seal(idOf(1));
}

const recordType = protobuf.Root.fromDescriptor(readDescriptor()).lookupType("causeway.v1.Record");

/** The record of `form2` with other lists. */
function withLists(lists: Readonly<Record<string, readonly (number | string)[]>>): Uint8Array {
  const record = recordType.toObject(recordType.decode(form2()), { longs: String, enums: String });
  Object.assign(record.packedSamples, lists);
  return recordType.encode(recordType.fromObject(record)).finish();
}

function faultOf(payload: Uint8Array): string {
  try {
    reader.decode(payload);
  } catch (thrown) {
    if (thrown instanceof AgentError && thrown.code === "input.malformed") return thrown.message;
    throw thrown;
  }
  return "";
}

describe("samples in form 1", () => {
  it("are refused in few words where all their columns are wrong", () => {
    const record = recordType.toObject(recordType.decode(FORM_1), { longs: String, enums: String });
    Object.assign(record.samples, { columns: Array.from({ length: 5000 }, () => ({ source: 300 })) });
    expect(faultOf(recordType.encode(recordType.fromObject(record)).finish()).length).toBeLessThan(600);
  });

  it("are read as they were written", () => {
    const { seq, body } = reader.decode(FORM_1);
    const at = (...ms: readonly number[]): number[] => ms.map((some) => T0 + some * 1000);
    expect({ seq, body }).toEqual({
      seq: 41,
      body: {
        kind: "samples",
        table: "0123456789abcdef",
        timeUnitUs: 1000,
        columns: [
          { signal: 0, timesUs: at(0, 10, 21, 17), raws: [65_535, 0, 1, 1] },
          { signal: 1, timesUs: at(0, 10, 21, 17), raws: [-(2n ** 63n), 2n ** 63n - 1n, -(2n ** 63n), -1] },
          { signal: 2, timesUs: at(5, 105), raws: [Math.fround(0.1), Number.NaN] },
          { signal: 3, timesUs: at(3), raws: [Number.NEGATIVE_INFINITY] },
          { signal: 4, source: 0, destination: 255, timesUs: at(5, 105), raws: [7, -293] },
          { signal: 4, source: 33, timesUs: at(3), raws: [8] },
        ],
        buses: [
          { bus: "can0", received: 10_000_000_000, dropped: 0, errorFrames: 2 },
          { bus: "can1", received: 0, dropped: undefined, errorFrames: 0 },
        ],
        campaign: { id: "braking", version: 3, digest: "fedcba9876543210" },
        trigger: 12,
      },
    });
  });
});

describe("samples in form 2", () => {
  it("are refused by a reader that knows form 1 alone, rather than read as none", () => {
    // The description as it was before: without the number of form 2.
    const root = protobuf.Root.fromDescriptor(readDescriptor());
    const before = root.lookupType("causeway.v1.Record");
    before.remove(before.fields.packedSamples);
    const old = createRecordReader(FileDescriptorSet.encode(root.toDescriptor("proto3")).finish());
    expect(bodyOf(old.decode(FORM_1), "samples").columns).toHaveLength(6);
    expect(() => old.decode(form2())).toThrow("the record holds nothing that this version knows");
  });

  it("are read alike by the bench's reader, which has nothing of the agent's", () => {
    const { body } = reader.decode(form2());
    if (body.kind !== "samples") throw new Error("not samples");
    const { body: kind, samples } = createBenchReader(readDescriptor())(form2(), "identity", undefined);
    if (samples === undefined) throw new Error("no samples");
    expect(kind).toBe("samples");
    expect(samples.columns.map(({ signal, axis }) => [signal, timesOf(samples, axis)])).toEqual(
      body.columns.map(({ signal, timesUs }) => [signal, timesUs]),
    );
    expect(samples.columns.map(({ raws, floats }) => [raws, floats])).toEqual([
      [[7n, 1n], []],
      [[], [0, 0.5, 1]],
    ]);
  });

  it.each([
    [{ counts: [2, 4] }, "2 first times and 3 steps are not 6 on 2 axes"],
    [{ counts: [5, 0] }, "2 first times and 3 steps are not 5 on 2 axes"],
    [{ starts: [0] }, "1 first times and 3 steps are not 5 on 2 axes"],
    [{ counts: [4_294_967_295, 1] }, "2 first times and 3 steps are not 4294967296 on 2 axes"],
    [{ signals: [0] }, "what is said of 1 columns does not fit them"],
    [{ kinds: [1] }, "what is said of 2 columns does not fit them"],
    [{ sources: [1, 2, 3] }, "what is said of 2 columns does not fit them"],
    [{ signals: [0, -1] }, "a column is of signal -1"],
    [{ axes: [0, 2] }, "signal 1 refers to axis 2 of 2"],
    [{ axes: [0, -1] }, "signal 1 refers to axis -1 of 2"],
    [{ axes: [0, 0] }, "1 of floats belong to no column"],
    [{ kinds: [0, 0] }, "there are 1 of firsts, and columns need more"],
    [{ floats: [1, 2] }, "there are 2 of floats, and columns need more"],
    [{ firsts: [7, 8] }, "1 of firsts belong to no column"],
    [{ starts: ["9007199254740993", 0] }, "a time is 10774424854740992 µs, beyond 2^53"],
  ])("whose lists do not fit each other are named: %j", (lists, message) => {
    expect(faultOf(withLists(lists))).toBe(message);
  });

  it("of a kind or an address that is not known are refused", () => {
    expect(faultOf(withLists({ kinds: [0, 9] }))).toMatch(/not a record[^]*kinds/);
    expect(faultOf(withLists({ sources: [0, 300] }))).toMatch(/not a record[^]*sources/);
  });

  it("are refused in few words where they are wrong all over", () => {
    const many = Array.from({ length: 20_000 }, () => 300);
    expect(faultOf(withLists({ kinds: many })).length).toBeLessThan(200);
    expect(faultOf(withLists({ sources: many })).length).toBeLessThan(200);
  });
});
