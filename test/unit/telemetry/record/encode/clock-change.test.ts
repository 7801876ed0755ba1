import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CLOCK_QUALITIES, type ClockQuality } from "../../../../../agent/core/clock.ts";
import {
  CLOCK_REASONS,
  type ClockChange,
  type ClockStanding,
} from "../../../../../agent/telemetry/record/encode/clock-change.ts";
import { Encoder } from "../../../../../agent/telemetry/record/encode/encoder.ts";
import type { DecodedRecord } from "../../../../../agent/telemetry/record/read/decoded-record.ts";
import { createRecordReader } from "../../../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../../../config/proto/descriptor.ts";
import { ManualClock } from "../../../../fakes/core/clock.ts";
import { encoderOf, idOf } from "../../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../../fakes/telemetry/table.ts";

const SEED = 17;
const reader = createRecordReader(readDescriptor());
const table = tableOf([]);

const standing = fc.record({
  quality: fc.constantFrom(...CLOCK_QUALITIES),
  source: fc.constantFrom("chrony", "timesyncd", "none"),
  errorMs: fc.option(fc.double({ min: 0, max: 1e12, noNaN: true }), { nil: undefined }),
  detail: fc.string({ maxLength: 60 }),
}) satisfies fc.Arbitrary<ClockStanding>;
const us = fc.integer({ min: -(2 ** 52), max: 2 ** 52 });
const change = fc.record({
  before: fc.option(standing, { nil: undefined }),
  after: standing,
  stepUs: us,
  monotonicUs: us,
  suspendedUs: fc.integer({ min: 0, max: 2 ** 52 }),
  wallUs: us,
  reason: fc.constantFrom(...CLOCK_REASONS),
  untold: fc.integer({ min: 0, max: 1_000_000 }),
}) satisfies fc.Arbitrary<ClockChange>;

function anchorOf(quality: ClockQuality, tellsSaved: boolean): DecodedRecord["anchor"] {
  const encoder = new Encoder({
    thing: "truck-1",
    bootId: "00112233445566778899aabbccddeeff",
    table,
    clock: new ManualClock({ quality }),
    settings: { compression: "none", maxPayloadBytes: 120_000, timeResolutionUs: 1, lifeMs: {}, tellsSaved },
  });
  const draft = encoder.notice({ event: "a.b", detail: "" });
  expect(draft.timeQuality).toBe(quality === "saved" ? "unsynchronised" : quality);
  return reader.decode(draft.seal(idOf(1, "event"))).anchor;
}

describe("a change of the clock", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(change, (one) => {
        const draft = encoderOf(table).clockChange(one);
        expect(draft.stream).toBe("event");
        expect(draft.encoding).toBe("identity");
        expect(reader.decode(draft.seal(idOf(3, "event"))).body).toEqual({ kind: "clock-change", ...one });
      }),
      { seed: SEED, numRuns: 1000 },
    );
  });

  it("fits a record, whatever the detail", () => {
    const after: ClockStanding = { quality: "saved", source: "saved", errorMs: undefined, detail: "x".repeat(100_000) };
    const [one] = fc.sample(change, { seed: SEED, numRuns: 1 });
    const body = reader.decode(
      encoderOf(table)
        .clockChange({ ...one, after })
        .seal(idOf(1)),
    ).body;
    expect(body.kind === "clock-change" && body.after.detail.length).toBe(200);
  });
});

describe("the quality in an anchor", () => {
  it.each(CLOCK_QUALITIES)("%s is told as it is where saved is told apart", (quality) => {
    expect(anchorOf(quality, true).quality).toBe(quality);
  });

  it("says unsynchronised for saved to readers from before", () => {
    expect(anchorOf("saved", false).quality).toBe("unsynchronised");
    expect(anchorOf("rtc", false).quality).toBe("rtc");
  });
});
