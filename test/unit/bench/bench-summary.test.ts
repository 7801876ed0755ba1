import { describe, expect, it } from "vitest";
import { fitRemarks } from "../../bench/run/bench-summary.ts";

describe("what the bench says of a log and a DBC file", () => {
  it("says when nothing fits", () => {
    expect(fitRemarks({ framesSent: 3360, framesReceived: 0, framesOther: 3360, samples: 0 })).toEqual([
      "none of the 3,360 frames is in the DBC file: is it of this vehicle?",
    ]);
  });

  it("says how many frames no message is declared for", () => {
    expect(fitRemarks({ framesSent: 100, framesReceived: 60, framesOther: 40, samples: 9 })).toEqual([
      "40 of 100 frames are in no message of the DBC file",
    ]);
  });

  it("says nothing when all fit", () => {
    expect(fitRemarks({ framesSent: 100, framesReceived: 100, framesOther: 0, samples: 9 })).toEqual([]);
  });

  it("says how far it came where no sample did", () => {
    const nothing = { framesSent: 0, framesReceived: 0, framesOther: 0, samples: 0 };
    expect(fitRemarks(nothing)).toEqual(["no frame was sent"]);
    expect(fitRemarks({ ...nothing, framesSent: 100 })).toEqual(["the agent received no frame"]);
    expect(fitRemarks({ ...nothing, framesSent: 100, framesReceived: 100 })).toEqual([
      "frames were received, and no sample came of them",
    ]);
  });
});
