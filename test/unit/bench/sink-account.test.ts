import { describe, expect, it } from "vitest";
import { accountOf, type FoundRecord } from "../../bench/cloud-consumer/sink-account.ts";

const PUBLISHED = [
  { thing: "truck-1", epoch: 7, stream: "event", samples: [0] },
  { thing: "truck-1", epoch: 7, stream: "telemetry", samples: [10, 20, 30, 40] },
];

function record(seq: number, samples: number, thing = "truck-1"): FoundRecord {
  return { thing, epoch: 7, stream: "telemetry", seq, samples };
}

describe("accountOf", () => {
  it("is even when each record is there once, whole", () => {
    const found = [record(1, 10), record(2, 20), record(3, 30), record(4, 40)];
    expect(accountOf(PUBLISHED, found)).toEqual({
      published: 4,
      samples: 100,
      gaps: 0,
      repeats: 0,
      partial: 0,
      strangers: 0,
    });
  });

  it("counts what is missing, twice there, cut and foreign", () => {
    const found = [record(1, 20), record(2, 20), record(2, 20), record(3, 29), record(9, 1), record(1, 10, "truck-2")];
    expect(accountOf(PUBLISHED, found)).toMatchObject({ gaps: 1, repeats: 2, partial: 1, strangers: 2 });
  });
});
