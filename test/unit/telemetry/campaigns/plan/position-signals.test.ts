import { describe, expect, it } from "vitest";
import { planCampaign } from "../../../../../agent/telemetry/campaigns/plan/campaign-plan.ts";
import { samplesPosition } from "../../../../../agent/telemetry/campaigns/plan/position-signals.ts";
import { campaignDocument } from "../../../../../config/campaign.ts";
import { tableOf } from "../../../../fakes/telemetry/table.ts";

// 0x100 on can0, 0x101 on can0 and 0x102 on can1.
const table = tableOf([
  { name: "Place", signals: [{ name: "Latitude" }, { name: "Satellites" }] },
  { name: "Motion", signals: [{ name: "Speed" }] },
  { name: "Doors", bus: "can1", signals: [{ name: "Open" }] },
]);
const context = { table, busNames: ["can0", "can1"], facts: new Map(), hasHistory: true };
const positions = table.signals.filter(({ name }) => name === "Latitude");
const TRIGGER = { trigger: { condition: "true" } };
const SPEED = [{ signals: "Motion.Speed", mode: "every", ms: 0 }];

function hasPosition(part: object): boolean {
  const planned = planCampaign(campaignDocument.parse({ schemaVersion: 1, id: "a", version: 1, ...part }), context);
  if (planned.kind === "unfit") throw new Error(planned.problems[0]?.problem);
  return samplesPosition(planned.plan, positions);
}

describe("samplesPosition", () => {
  it.each([
    [true, "the signal by a pattern", { collect: [{ signals: "*", mode: "on-change" }] }],
    [true, "something counted of it", { collect: [{ signals: "Place.Latitude", mode: "counter", of: "changes" }] }],
    [true, "a condition on it", { inputs: { l: "Place.Latitude" }, trip: "l > 1.0", collect: SPEED }],
    [true, "all frames of its bus", { ...TRIGGER, frames: [{ bus: "can0" }] }],
    [true, "the frame that holds it", { ...TRIGGER, frames: [{ bus: "can0", ids: [{ id: 0x101 }, { id: 0x100 }] }] }],
    [false, "its neighbour in the frame", { collect: [{ signals: "Place.Satellites", mode: "every", ms: 0 }] }],
    [
      false,
      "all but it",
      {
        collect: [
          { signals: "*", mode: "on-change" },
          { signals: "Place.Latitude", mode: "off" },
        ],
      },
    ],
    [false, "all frames of another bus", { ...TRIGGER, frames: [{ bus: "can1" }] }],
    [false, "other frames of its bus", { ...TRIGGER, frames: [{ bus: "can0", ids: [{ id: 0x101 }] }] }],
    [
      false,
      "a frame of that number with a long id",
      { ...TRIGGER, frames: [{ bus: "can0", ids: [{ id: 0x100, extended: true }] }] },
    ],
  ])("is %s of %s", (expected, _, part) => {
    expect(hasPosition(part)).toBe(expected);
  });
});
