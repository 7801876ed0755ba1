import { describe, expect, it } from "vitest";
import type { IgnitionReading } from "../../../../agent/vehicle/state/ignition.ts";
import { IgnitionTrust } from "../../../../agent/vehicle/state/ignition-trust.ts";
import { SilenceIgnition } from "../../../../agent/vehicle/state/silence-ignition.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";

type Kind = IgnitionReading["kind"];

function rig() {
  const says: [Kind, Kind] = ["unknown", "unknown"];
  const sources = says.map((_kind, at) => ({
    name: `${at}`,
    look: () => ({ kind: says[at] ?? "unknown", why: `${at}` }),
  }));
  const trust = new IgnitionTrust(sources, 30_000);
  return (first: Kind, second: Kind, atMs: number): string => {
    says[0] = first;
    says[1] = second;
    const { kind, why } = trust.look(atMs);
    return `${kind} by ${why}`;
  };
}

describe("IgnitionTrust", () => {
  it("believes the first that knows", () => {
    const look = rig();
    expect(look("off", "on", 0)).toBe("off by 0");
    expect(look("on", "off", 1)).toBe("on by 0");
    expect(look("unknown", "off", 2)).toBe("off by 1");
    expect(look("unknown", "unknown", 3)).toBe("unknown by 0");
    expect(new IgnitionTrust([], 0).look(0).kind).toBe("unknown");
  });

  it("does not let one that is trusted less talk over an off before the silence is long", () => {
    const look = rig();
    look("off", "unknown", 1000);
    expect(look("unknown", "on", 1250)).toBe("unknown by 0");
    expect(look("unknown", "off", 1500)).toBe("off by 1");
    expect(look("unknown", "on", 30_999)).toBe("unknown by 0");
    expect(look("unknown", "on", 31_000)).toBe("on by 1");
    expect(look("unknown", "on", 31_001)).toBe("on by 1");
  });

  it("believes one that is trusted less at once where the other has never said off", () => {
    const look = rig();
    expect(look("unknown", "on", 0)).toBe("on by 1");
    look("on", "on", 1);
    expect(look("unknown", "on", 2)).toBe("on by 1");
  });

  it("takes a bus that falls asleep after a parked vehicle's last word for no drive", () => {
    const clock = new ManualClock();
    let frames = 0;
    let kind: Kind = "off";
    const buses = [{ name: "can0", frames: () => frames }];
    const silence = new SilenceIgnition({ buses, silentMs: 10_000, clock });
    const trust = new IgnitionTrust([{ name: "signals", look: () => ({ kind, why: "test" }) }, silence], 30_000);
    const heard = new Set<string>();
    for (let look = 0; look < 400; look++) {
      if (look < 100) frames += 25;
      // The signals are old a second after their last frame.
      if (look === 104) kind = "unknown";
      clock.advance(250);
      heard.add(trust.look(clock.boottimeMs()).kind);
    }
    expect([...heard]).toEqual(["off", "unknown"]);
  });
});
