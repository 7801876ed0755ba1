import { describe, expect, it } from "vitest";
import type { DecodedRecord } from "../../../../../agent/telemetry/record/read/decoded-record.ts";
import { campaignRig } from "../../../../fakes/telemetry/campaign-rig.ts";
import { bodyOf } from "../../../../fakes/telemetry/records.ts";

const YEAR_US = 365 * 86_400_000_000;
const EVERY = { signals: "Motion.*", mode: "every", ms: 0 };

/** Boottime of each time in a record of samples, rows or frames, by its anchor, ms. */
function boottimesOf({ anchor, body }: DecodedRecord): readonly number[] {
  const distanceUs = anchor.wallUs - anchor.monotonicUs - (anchor.suspendedUs ?? 0);
  const timesUs =
    body.kind === "samples"
      ? (body.columns[0]?.timesUs ?? [])
      : body.kind === "rows"
        ? body.rows.map(({ timeUs }) => timeUs)
        : body.kind === "frames"
          ? body.frames.map(({ receivedAtUs }) => receivedAtUs)
          : [];
  return timesUs.map((timeUs) => (timeUs - distanceUs) / 1000);
}

function kindOf(records: readonly DecodedRecord[], kind: string): readonly DecodedRecord[] {
  return records.filter(({ body }) => body.kind === kind);
}

describe("a campaign while somebody sets the clock", () => {
  it.each(["columns", "rows", "json"] as const)(
    "keeps times of two clocks out of one record in the form %s",
    async (form) => {
      const { clock, drive, use, records, pipeline } = await campaignRig();
      const collect = [{ signals: "Motion.Speed", mode: "every", ms: 0 }];
      use({ id: "long", collect, send: { form, batchMs: 60_000, stream: "telemetry" } });
      const truth: number[] = [];
      for (const byUs of [0, 10 * YEAR_US, -10 * YEAR_US, 200_000, 0]) {
        clock.stepWall(byUs);
        for (let at = 0; at < 5; at += 1) {
          truth.push(clock.boottimeMs());
          drive(at, 0, 100);
        }
        clock.suspend(form === "rows" ? 5000 : 0);
      }
      pipeline.stop();
      const found = records().filter(({ body }) => body.kind === "samples" || body.kind === "rows");
      expect(found.length).toBeGreaterThanOrEqual(4);
      const times = found.flatMap(boottimesOf);
      expect(times).toHaveLength(truth.length);
      for (const [at, time] of times.entries()) expect(Math.abs(time - truth[at])).toBeLessThanOrEqual(0.05);
    },
  );

  it("cuts a capture at the step, and begins none behind it", async () => {
    const { clock, drive, use, records, pipeline } = await campaignRig();
    const trigger = { condition: "p > 10.0", mode: "rising", minIntervalMs: 0, beforeMs: 2000, afterMs: 2000 };
    use({ id: "hard", inputs: { p: "Motion.Brake" }, trigger, collect: [EVERY] });
    const truth: number[] = [];
    const go = (brake: number, frames: number): void => {
      for (let at = 0; at < frames; at += 1) {
        truth.push(clock.boottimeMs());
        drive(at, brake, 100);
      }
    };
    go(0, 10);
    go(20, 10);
    clock.stepWall(700_000);
    go(0, 5);
    go(20, 30);
    pipeline.stop();
    const captures = kindOf(records(), "samples");
    expect(captures.length).toBeGreaterThanOrEqual(2);
    for (const record of captures) {
      for (const time of boottimesOf(record)) {
        expect(Math.min(...truth.map((one) => Math.abs(one - time)))).toBeLessThanOrEqual(0.05);
      }
    }
    const triggers = kindOf(records(), "trigger").map((record) => bodyOf(record, "trigger"));
    const ends = triggers.filter(({ phase }) => phase === "end");
    expect(ends.map(({ capture }) => capture?.clockStepped)).toEqual([true, true]);
    expect(ends[1].capture?.historyMs).toBeLessThanOrEqual(600);
  });
});
