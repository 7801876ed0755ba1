import { describe, expect, it } from "vitest";
import { campaignsHandlers } from "../../../agent/local-api/campaigns-handlers.ts";
import { campaignList, campaignShow } from "../../../agent/local-api/campaigns-schema.ts";
import { servedOn } from "../../../agent/local-api/verb.ts";
import { CampaignStore } from "../../../agent/telemetry/campaigns/arrival/campaign-store.ts";
import { keptOffer, LocalCampaigns } from "../../../agent/telemetry/campaigns/arrival/local-campaigns.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { fakeStateFiles } from "../../fakes/ports/state-files.ts";
import { campaignRig, RIG_T0 } from "../../fakes/telemetry/campaign-rig.ts";

const BRAKING = {
  schemaVersion: 1,
  id: "braking",
  version: 2,
  inputs: { brake: "Motion.Brake" },
  derived: [{ name: "half", unit: "bar", expression: "brake / 2.0" }],
  trigger: { condition: "brake > 80.0", beforeMs: 2000, afterMs: 1000 },
  collect: [{ signals: "Motion.Speed", mode: "every", ms: 0 }],
  budget: { bytesPerDay: 100_000 },
};

async function vehicle() {
  const rig = await campaignRig();
  const log = new MemoryLog();
  const store = new CampaignStore({ files: fakeStateFiles(), log });
  const kept = store.load("local");
  rig.control.begin(new Map([["local", keptOffer(kept)]]));
  const local = new LocalCampaigns(kept, { control: rig.control, store, log });
  const reload = async () => ({
    documents: [1, 2],
    refused: [{ file: "/c/bad.yaml", what: "/c/bad.yaml:1:1 id: wrong" }],
  });
  const { control, history } = rig;
  const served = servedOn("admin", campaignsHandlers({ set: rig.campaigns, control, local, reload, history }, log));
  const ask = async (verb: string, request: object = {}): Promise<unknown> => {
    const answer: unknown = await served[verb]?.({ verb, ...request }, new AbortController().signal);
    return JSON.parse(JSON.stringify(answer));
  };
  return { ...rig, log, ask };
}

describe("the verbs of campaigns", () => {
  it("lets those who may look list and show, and nothing else", async () => {
    const { campaigns, control, history } = await campaignRig();
    const local = { add: () => undefined, remove: () => false };
    const reload = async () => ({ documents: [], refused: [] });
    const parts = { set: campaigns, control, local, reload, history };
    expect(Object.keys(servedOn("view", campaignsHandlers(parts, new MemoryLog())))).toEqual([
      "campaign.list",
      "campaign.show",
    ]);
  });

  it("adds a campaign, lists it with its figures, and takes it away", async () => {
    const { ask, drive, log } = await vehicle();
    expect(await ask("campaign.add", { document: BRAKING })).toEqual({ schemaVersion: 1, kind: "done" });
    drive(50, 90, 2000);
    const listed = campaignList.answer.parse(await ask("campaign.list"));
    expect(listed.campaigns).toMatchObject([
      {
        id: "braking",
        version: 2,
        source: "local",
        state: "running",
        triggers: 1,
        suppressed: 0,
        budgetBytes: 100_000,
      },
    ]);
    expect(listed.campaigns[0].bytesToday).toBeGreaterThan(0);
    expect(listed.history?.usedBytes).toBeGreaterThan(0);
    expect(await ask("campaign.remove", { id: "braking" })).toEqual({ schemaVersion: 1, kind: "done" });
    expect(campaignList.answer.parse(await ask("campaign.list")).campaigns).toEqual([]);
    expect(await ask("campaign.remove", { id: "braking" })).toMatchObject({ reason: "there is no campaign braking" });
    expect(log.of("admin.campaign-add-requested")[0].facts).toEqual({ id: "braking", version: 2, force: false });
  });

  it("shows a campaign whole, with what it has seen lately", async () => {
    const { ask, drive } = await vehicle();
    await ask("campaign.add", { document: BRAKING });
    for (let at = 0; at < 12; at++) {
      drive(50, 90, 1000);
      drive(50, 0, 1000);
    }
    drive(50, 7, 0);
    const { campaign } = campaignShow.answer.parse(await ask("campaign.show", { id: "braking" }));
    expect(campaign).toMatchObject({
      document: { id: "braking", maxAgeMs: 2000 },
      cost: { historySeconds: 2 },
      derived: [{ name: "half", unit: "bar", value: 3.5, timeUs: RIG_T0 + 24_000_000 }],
    });
    expect(campaign?.lastTriggers.map(({ number }) => number)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(campaign?.lastTriggers[0]).toMatchObject({
      timeUs: RIG_T0 + 4_000_000,
      byHand: false,
      values: [{ name: "brake", value: 90 }],
    });
    expect(await ask("campaign.show", { id: "other" })).toEqual({ schemaVersion: 1, refused: [] });
  });

  it("says why it does not take a document, or take one away", async () => {
    const { ask, use } = await vehicle();
    expect(await ask("campaign.add", { document: { ...BRAKING, version: 0 } })).toMatchObject({ kind: "refused" });
    const unknown = { ...BRAKING, inputs: { brake: "Motion.Break" } };
    expect(await ask("campaign.add", { document: unknown })).toEqual({
      schemaVersion: 1,
      kind: "refused",
      reason: "inputs.brake: there is no signal Motion.Break",
    });
    use({ ...BRAKING, id: "fromFile", version: 1 });
    expect(await ask("campaign.remove", { id: "fromFile" })).toMatchObject({
      reason: "fromFile is not of the command line but of: files",
    });
    const older = await ask("campaign.add", {
      document: { ...BRAKING, id: "fromFile", version: 1, description: "other" },
    });
    expect(older).toMatchObject({ kind: "refused" });
  });

  it("fires a trigger by hand, and says why not", async () => {
    const { ask, use, drive } = await vehicle();
    await ask("campaign.add", { document: BRAKING });
    drive(50, 0, 500);
    expect(await ask("campaign.trigger", { id: "braking" })).toMatchObject({ kind: "done" });
    const { campaign } = campaignShow.answer.parse(await ask("campaign.show", { id: "braking" }));
    expect(campaign?.lastTriggers).toMatchObject([{ number: 1, byHand: true }]);
    use({ ...BRAKING, id: "always", trigger: undefined }, { ...BRAKING, id: "later", start: "2096-01-01T00:00:00Z" });
    expect(await ask("campaign.trigger", { id: "always" })).toMatchObject({
      reason: "always has no trigger of mode rising",
    });
    expect(await ask("campaign.trigger", { id: "later" })).toMatchObject({ reason: "later is waiting" });
    expect(await ask("campaign.trigger", { id: "none" })).toMatchObject({ reason: "there is no campaign none" });
  });

  it("reads the files again, and tells those that do not run", async () => {
    const { ask } = await vehicle();
    expect(await ask("campaign.reload")).toEqual({
      schemaVersion: 1,
      accepted: 2,
      refused: [{ file: "/c/bad.yaml", reason: "/c/bad.yaml:1:1 id: wrong" }],
    });
  });
});
