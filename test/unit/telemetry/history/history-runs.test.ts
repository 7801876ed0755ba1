import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HistoryRun, historyStep } from "../../../fakes/telemetry/history-run.ts";

const SEED = 20_261_129;
const RUNS = 400;

/** How often the runs came to what they are made for: a run in which nothing happens shows nothing. */
type Happened = { frames: number; merged: number; stepped: number; lost: number; cutShort: number };

function agrees(maxBytes: number): Happened {
  const happened: Happened = { frames: 0, merged: 0, stepped: 0, lost: 0, cutShort: 0 };
  const steps = fc.array(historyStep, { minLength: 5, maxLength: 120, size: "max" });
  const property = fc.property(steps, (all) => {
    const run = new HistoryRun(maxBytes);
    for (const one of all) run.take(one);
    run.end();
    for (const { capture } of run.pairs) {
      happened.frames += capture.frames;
      happened.merged += capture.marks.length - 1;
      happened.stepped += capture.clockStepped ? 1 : 0;
      happened.lost += capture.lost;
      happened.cutShort += capture.historyMs * 1000 < capture.marks[0].timeUs - capture.fromUs ? 1 : 0;
    }
  });
  fc.assert(property, { seed: SEED, numRuns: RUNS });
  return happened;
}

describe(`captures against a list of all frames (seed ${SEED})`, () => {
  it("give out the same frames when nothing is overwritten", () => {
    const { frames, merged, stepped, lost, cutShort } = agrees(1_048_576);
    expect(Math.min(frames / 100, merged, stepped, cutShort)).toBeGreaterThan(RUNS / 4);
    expect(lost).toBe(0);
  });

  it("give out what was there and count the rest when the ring is shorter than asked and they are slow", () => {
    const { frames, merged, stepped, lost, cutShort } = agrees(4096);
    expect(Math.min(frames / 100, merged, stepped, lost, cutShort)).toBeGreaterThan(RUNS / 4);
  });
});
