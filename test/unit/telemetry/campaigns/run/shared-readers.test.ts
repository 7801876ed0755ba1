import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SharedReaders, type SignalReader } from "../../../../../agent/telemetry/campaigns/run/shared-readers.ts";
import type { DecodedRecord } from "../../../../../agent/telemetry/record/read/decoded-record.ts";
import { campaignRig, samplesIn } from "../../../../fakes/telemetry/campaign-rig.ts";

class Reader implements SignalReader {
  isEager = false;
  readonly maxAgeUs = 10_000;
  readonly shown: number[] = [];
  follow(): void {}
  take(_local: number, { raw }: { readonly raw: number }): void {
    this.shown.push(raw);
  }
}

/** What a campaign's triggers did, and what it sent. */
function outcomeOf(records: readonly DecodedRecord[], id: string) {
  const triggers = records.flatMap(({ body }) =>
    body.kind === "trigger" && body.campaign.id === id ? [`${body.number} ${body.phase} ${body.timeUs}`] : [],
  );
  return { triggers, samples: samplesIn(records, id) };
}

describe("SharedReaders", () => {
  it("shows a sample that changes to all, and an equal one to those that are eager", () => {
    const [lazy, eager] = [new Reader(), new Reader()];
    eager.isEager = true;
    const shared = new SharedReaders();
    const links = shared.join([lazy, eager].map((sampler) => ({ slot: 7, sampler, local: 0 })));
    expect(links).toEqual([{ slot: 7, sampler: shared, local: 0 }]);
    [1, 1, 2, 2, 1].forEach((raw, at) => shared.take(0, { slot: 7, timeUs: at * 1000, raw, low: 0, high: 0 }));
    expect(lazy.shown).toEqual([1, 2, 1]);
    expect(eager.shown).toEqual([1, 1, 2, 2, 1]);
    expect([shared.seenUs(0), shared.beforeUs(0)]).toEqual([4000, 3000]);
  });

  it("shows a sample from before the last, and one after a gap in which it got too old, to all", () => {
    const reader = new Reader();
    const shared = new SharedReaders();
    shared.join([{ slot: 0, sampler: reader, local: 0 }]);
    for (const timeUs of [5000, 6000, 16_000, 26_001, 100])
      shared.take(0, { slot: 0, timeUs, raw: 1, low: 0, high: 0 });
    expect(reader.shown).toEqual([1, 1, 1]);
  });
});

describe("a campaign that is shown what changes alone", () => {
  const step = fc.record({
    speed: fc.integer({ min: 0, max: 2 }),
    brake: fc.constantFrom(0, 0, 9, 9, 9),
    forMs: fc.constantFrom(10, 10, 90, 240, 260, 700, 900, 1990, 2010, 2300),
  });
  const trigger = fc.record({
    condition: fc.constantFrom("p > 5.0", "p > 5.0 && v < 2.0", "p > 5.0 || v > 1.0"),
    mode: fc.constantFrom("rising", "while"),
    forMs: fc.constantFrom(0, 0, 500),
    minIntervalMs: fc.constantFrom(0, 1000),
  });

  it("does what one that is shown every sample does (seed 1420)", async () => {
    const property = fc.asyncProperty(trigger, fc.array(step, { maxLength: 60 }), async (given, steps) => {
      const { use, drive, clock, pipeline, records } = await campaignRig();
      const document = {
        inputs: { v: "Motion.Speed", p: "Motion.Brake" },
        trigger: given,
        collect: [{ signals: "Motion.Speed", mode: "every", ms: 0 }],
      };
      // What is worked out of every sample keeps a campaign eager.
      const derived = [{ name: "same", expression: "v * 1.0" }];
      use({ id: "lazy", ...document }, { id: "eager", ...document, derived });
      for (const { speed, brake, forMs } of steps) drive(speed, brake, forMs);
      clock.advance(5000);
      pipeline.stop();
      const found = records();
      expect(outcomeOf(found, "lazy")).toEqual(outcomeOf(found, "eager"));
    });
    await fc.assert(property, { numRuns: 300, seed: 1420 });
  });
});
