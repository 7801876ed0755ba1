import { describe, expect, it } from "vitest";
import { SilenceIgnition } from "../../../../agent/vehicle/state/silence-ignition.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";

function rig() {
  const clock = new ManualClock();
  const counts = { can0: 0, can1: 0 };
  const buses = [
    { name: "can0", frames: () => counts.can0 },
    { name: "can1", frames: () => counts.can1 },
  ];
  const source = new SilenceIgnition({ buses, silentMs: 30_000, clock });
  const look = (afterMs: number) => {
    clock.advance(afterMs);
    return source.look();
  };
  return { counts, look };
}

describe("SilenceIgnition", () => {
  it("is on while frames come on one of the buses", () => {
    const { counts, look } = rig();
    counts.can1 += 1;
    expect(look(250)).toEqual({ kind: "on", why: "frames on can1" });
    expect(look(1999).kind).toBe("on");
    counts.can0 += 5;
    expect(look(1)).toEqual({ kind: "on", why: "frames on can0" });
  });

  it("does not know whether a bus that is quiet for a moment sleeps", () => {
    const { counts, look } = rig();
    counts.can0 += 1;
    look(0);
    expect(look(2000)).toEqual({ kind: "unknown", why: "buses silent for 2 s of 30 s" });
    expect(look(27_999).kind).toBe("unknown");
    expect(look(1)).toEqual({ kind: "off", why: "buses silent for 30 s" });
  });

  it("does not take the silence before the first frame for life", () => {
    const { look } = rig();
    expect(look(0).kind).toBe("unknown");
    expect(look(30_000).kind).toBe("off");
  });
});
