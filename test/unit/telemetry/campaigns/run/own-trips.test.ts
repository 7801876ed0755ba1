import { describe, expect, it } from "vitest";
import type { FactKind } from "../../../../../agent/telemetry/campaigns/plan/expression-plan.ts";
import { campaignRig, samplesIn } from "../../../../fakes/telemetry/campaign-rig.ts";

const COUNTED = { signals: "Motion.Speed", mode: "aggregate", of: ["max"], over: { per: "trip" } };

/** A vehicle that knows its trips, or not. */
async function vehicle(knowsTrips: boolean) {
  const facts = { trip: 0 };
  const names = new Map<string, FactKind>(knowsTrips ? [["vehicle.trip", { type: "double" }]] : []);
  const rig = await campaignRig({ factNames: names, facts: () => new Map([["vehicle.trip", facts.trip]]) });
  /** A trip with one speed, and some time parked after it. */
  const trip = (number: number, speed: number): void => {
    facts.trip = number;
    rig.drive(0, 0, 1000);
    rig.drive(speed, 0, 1000);
    facts.trip = 0;
    rig.drive(0, 0, 2000);
  };
  return { ...rig, trip };
}

describe("trips of a campaign that says none", () => {
  it("are those of the vehicle, and end when they do", async () => {
    const { use, trip, records } = await vehicle(true);
    expect(use({ id: "trips", collect: [COUNTED] })).toEqual([]);
    trip(1, 50);
    expect(samplesIn(records(), "trips")).toEqual(["0@1000=50"]);
    trip(2, 90);
    expect(samplesIn(records(), "trips")).toEqual(["0@1000=50", "0@5000=90"]);
  });

  it("are one run of the agent where nobody knows those of the vehicle", async () => {
    const { use, trip, records, pipeline } = await vehicle(false);
    use({ id: "trips", collect: [COUNTED] });
    trip(1, 50);
    trip(2, 90);
    expect(samplesIn(records(), "trips")).toEqual([]);
    pipeline.stop();
    expect(samplesIn(records(), "trips")).toEqual(["0@5000=90"]);
  });

  it("are what it says where it says something", async () => {
    const { use, trip, records } = await vehicle(true);
    use({ id: "trips", inputs: { v: "Motion.Speed" }, trip: "v > 0.0", collect: [COUNTED] });
    trip(1, 50);
    trip(2, 90);
    expect(samplesIn(records(), "trips")).toEqual([]);
  });
});
