import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRecordReader } from "../../../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../../../config/proto/descriptor.ts";
import { encoderOf, idOf } from "../../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../../fakes/telemetry/table.ts";

const SEED = 1834;
const reader = createRecordReader(readDescriptor());
const encoder = encoderOf(tableOf([]));

const text = fc.string({ maxLength: 40 });
const timeUs = fc.integer({ min: -(2 ** 52), max: 2 ** 52 });
const value = fc.record({
  name: text,
  value: fc.oneof(fc.double(), fc.boolean(), text),
  unit: text,
  timeUs,
});
const stream = fc.constantFrom("event", "telemetry");

describe("records of other programs", () => {
  it("are read as they were written, values with their type", () => {
    const values = fc.record({ program: text, values: fc.array(value, { maxLength: 40 }), timeUs });
    const property = fc.property(stream, values, (to, one) => {
      const draft = encoder.programRecord(to, { kind: "values", ...one });
      expect(draft.stream).toBe(to);
      expect(reader.decode(draft.seal(idOf(1, to))).body).toEqual({ ...one, kind: "program-values" });
    });
    fc.assert(property, { seed: SEED });
  });

  it("are read as they were written, bytes with their content type", () => {
    const bytes = fc.record({
      program: text,
      contentType: text,
      content: fc.uint8Array({ maxLength: 3000 }),
      timeUs,
    });
    const property = fc.property(stream, bytes, (to, one) => {
      const draft = encoder.programRecord(to, { kind: "bytes", ...one });
      expect(reader.decode(draft.seal(idOf(1, to))).body).toEqual({ ...one, kind: "program-bytes" });
    });
    fc.assert(property, { seed: SEED });
  });
});
