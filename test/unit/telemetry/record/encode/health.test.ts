import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { HealthReport } from "../../../../../agent/telemetry/record/encode/health.ts";
import { createRecordReader } from "../../../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../../../config/proto/descriptor.ts";
import { encoderOf, idOf } from "../../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../../fakes/telemetry/table.ts";

const SEED = 3618;
const reader = createRecordReader(readDescriptor());
const encoder = encoderOf(tableOf([]));

const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const timeUs = fc.integer({ min: -(2 ** 52), max: 2 ** 52 });
const sample = fc.record({
  name: fc.string({ maxLength: 60 }),
  labels: fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.string({ maxLength: 40 }), { noNullPrototype: true }),
  value: number,
  delta: fc.option(number, { nil: undefined }),
});
const report = fc.record({
  startUs: timeUs,
  number: fc.nat(),
  periodMs: fc.nat(),
  samples: fc.array(sample, { maxLength: 40 }),
  timeUs,
}) satisfies fc.Arbitrary<HealthReport>;

describe("health reports", () => {
  it("are read as they were written", () => {
    const written = fc.property(report, (one) => {
      const [draft, ...others] = encoder.health(one);
      expect(others).toEqual([]);
      expect(draft?.stream).toBe("event");
      const body = draft === undefined ? undefined : reader.decode(draft.seal(idOf(1, "event"))).body;
      expect(body).toEqual({ kind: "health", ...one, part: 0, parts: 1 });
    });
    fc.assert(written, { seed: SEED, numRuns: 100 });
  });

  it("become as many records as the limit asks for, with every sample once", () => {
    const samples = Array.from({ length: 9000 }, (_, at) => {
      return { name: `causeway_${at}`, labels: { bus: "can0" }, value: at, delta: undefined };
    });
    const drafts = encoder.health({ startUs: 1, number: 1, periodMs: 1, samples, timeUs: 2 });
    const payloads = drafts.map((draft) => draft.seal(idOf(1, "event")));
    const bodies = payloads.map((payload) => reader.decode(payload).body);
    const read = bodies.flatMap((body) => (body.kind === "health" ? body.samples : []));
    expect(drafts.length).toBeGreaterThan(1);
    expect(read).toEqual(samples);
    expect(bodies.map((body) => (body.kind === "health" ? [body.part, body.parts] : []))).toEqual(
      drafts.map((_, part) => [part, drafts.length]),
    );
  });
});
