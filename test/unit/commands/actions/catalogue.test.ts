import { describe, expect, it } from "vitest";
import { buildCatalogue } from "../../../../agent/commands/actions/catalogue.ts";
import { ClockSteps } from "../../../../agent/vehicle/time/clock-steps.ts";
import { catalogueSchema } from "../../../../config/catalogue.ts";
import { FakeSignals } from "../../../fakes/commands/vehicle-signals.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { tableOf } from "../../../fakes/telemetry/table.ts";

describe("buildCatalogue", () => {
  it("has the signals of state templates decoded from the start, for their last known values", () => {
    const clock = new ManualClock();
    const vehicle = new FakeSignals(tableOf([{ name: "Motion", signals: [{ name: "Speed" }, { name: "Gear" }] }]));
    const states = [{ template: "t-1", signals: ["Motion.Gear"] }];
    const value = catalogueSchema.parse({ schemaVersion: 1, actions: [], protobuf: { states } });
    const parts = {
      signals: vehicle.signals,
      ecus: undefined,
      programs: undefined,
      clock,
      steps: new ClockSteps(clock),
      busOf: () => undefined,
      messageOf: () => ({ kind: "unfit", problem: "there is none" }) as const,
    };
    buildCatalogue({ value, locate: (path) => path.join(".") }, parts);
    expect([...vehicle.held]).toEqual(["state templates: Motion.Gear"]);
  });
});
