import { describe, expect, it } from "vitest";
import { planCampaign } from "../../../../../agent/telemetry/campaigns/plan/campaign-plan.ts";
import { triggerReport } from "../../../../../agent/telemetry/campaigns/run/trigger-report.ts";
import { campaignDocument } from "../../../../../config/campaign.ts";
import { tableOf } from "../../../../fakes/telemetry/table.ts";
import { FIRED } from "../../../../fakes/telemetry/trigger.ts";

const table = tableOf([{ name: "Brake", signals: [{ name: "Pressure" }] }]);

const HERE = { latitude: 48.1, longitude: 11.5, timeUs: 4 };

function contextWith(
  codes: boolean | undefined,
  known: (() => readonly string[]) | undefined,
  position?: () => typeof HERE | undefined,
) {
  const document = campaignDocument.parse({
    schemaVersion: 1,
    id: "hard-braking",
    version: 1,
    inputs: { brake: "Brake.Pressure" },
    trigger: { condition: "brake > 80.0", codes },
    collect: [{ signals: ["Brake.Pressure"], mode: "every", ms: 100 }],
  });
  const planned = planCampaign(document, { table, busNames: ["can0"], facts: new Map(), hasHistory: true });
  if (planned.kind === "unfit") throw new TypeError(JSON.stringify(planned.problems));
  const { plan } = planned;
  const occasion = { number: 1, cause: FIRED.cause, timeUs: 5 };
  const vehicle = { busCounts: () => [], codes: known, position };
  return triggerReport({ plan, campaign: FIRED.campaign, occasion, vehicle }, "begin", 5).context;
}

describe("the record of a trigger", () => {
  it("lists the active trouble codes where the campaign asks for them and they are read", () => {
    const known = (): readonly string[] => ["P0301", "SPN 100 FMI 1"];
    expect(contextWith(true, known)).toEqual({ dtcs: ["P0301", "SPN 100 FMI 1"] });
    expect(contextWith(undefined, known)).toBeUndefined();
    expect(contextWith(false, known)).toBeUndefined();
    expect(contextWith(true, undefined)).toBeUndefined();
  });

  it("says where the vehicle was, where that is known", () => {
    expect(contextWith(undefined, undefined, () => HERE)).toEqual({ dtcs: [], position: HERE });
    expect(contextWith(undefined, undefined, () => undefined)).toBeUndefined();
  });
});
