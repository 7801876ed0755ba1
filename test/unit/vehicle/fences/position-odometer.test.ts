import { describe, expect, it } from "vitest";
import { AgentError } from "../../../../agent/core/errors.ts";
import { PositionOdometer } from "../../../../agent/vehicle/fences/position-odometer.ts";
import { fixOf } from "../../../fakes/place/position-sink.ts";

const DEGREE = 111_195;

describe("PositionOdometer", () => {
  it("asks a journal that refuses no more often than one that does not", () => {
    let writes = 0;
    const put = (): void => {
      writes += 1;
      throw new AgentError("journal.full", { what: "the disk is full", remedy: "make room" });
    };
    const odometer = new PositionOdometer({ journal: { get: () => undefined, put }, tell: () => undefined });
    let faults = 0;
    for (let second = 0; second < 120; second++) {
      try {
        const fix = fixOf({ latitude: (second * 20) / DEGREE, longitude: 0, accuracyM: 4 });
        odometer.take({ fix, timeUs: second * 1_000_000, atMs: second * 1000 });
      } catch {
        faults += 1;
      }
    }
    expect([writes, faults]).toEqual([4, 4]);
    expect(odometer.metres).toBeCloseTo(119 * 20, 0);
  });
});
