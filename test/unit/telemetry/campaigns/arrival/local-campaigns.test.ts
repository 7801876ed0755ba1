import { describe, expect, it } from "vitest";
import { CampaignStore } from "../../../../../agent/telemetry/campaigns/arrival/campaign-store.ts";
import { keptOffer, LocalCampaigns } from "../../../../../agent/telemetry/campaigns/arrival/local-campaigns.ts";
import { campaignDocument } from "../../../../../config/campaign.ts";
import { MemoryLog } from "../../../../fakes/core/log.ts";
import { fakeStateFiles } from "../../../../fakes/ports/state-files.ts";
import { campaignRig } from "../../../../fakes/telemetry/campaign-rig.ts";

const EVERY = { signals: "Motion.Speed", mode: "every", ms: 0 };

function document(id: string, version: number, more: object = {}) {
  return campaignDocument.parse({ schemaVersion: 1, id, version, collect: [EVERY], ...more });
}

async function vehicle(files = fakeStateFiles()) {
  const { control, use, campaigns } = await campaignRig();
  const log = new MemoryLog();
  const store = new CampaignStore({ files, log });
  const kept = store.load("local");
  control.begin(new Map([["local", keptOffer(kept)]]));
  const local = new LocalCampaigns(kept, { control, store, log });
  const running = () =>
    control.list().running.map(({ source, plan }) => `${source}:${plan.document.id}@${plan.document.version}`);
  return { files, local, running, use, campaigns, control };
}

describe("LocalCampaigns", () => {
  it("adds, replaces and removes one and leaves the others alone, over a restart too", async () => {
    const { local, running, files, campaigns } = await vehicle();
    expect(local.add(document("a", 1), false)).toBeUndefined();
    expect(local.add(document("b", 1), false)).toBeUndefined();
    const before = campaigns.list().find(({ plan }) => plan.document.id === "b")?.plan;
    expect(local.add(document("a", 2), false)).toBeUndefined();
    expect(campaigns.list().find(({ plan }) => plan.document.id === "b")?.plan).toBe(before);
    expect(running()).toEqual(["local:a@2", "local:b@1"]);
    expect([local.remove("b"), local.remove("b")]).toEqual([true, false]);
    expect(running()).toEqual(["local:a@2"]);
    expect((await vehicle(files)).running()).toEqual(["local:a@2"]);
  });

  it.each([
    ["an older version", document("a", 1), /version: 1 is older than 2, which was added before/],
    ["other words of the same version as a file", document("f", 3, { description: "x" }), /3 of the vehicle's files/],
    ["a version below that of a file", document("f", 2), /version: 2 is older than 3 of the vehicle's files/],
    ["what does not fit", document("c", 1, { inputs: { v: "Motion.Sped" } }), /inputs.v: there is no signal/],
    ["what is for others", document("d", 1, { for: { buses: ["can9"] } }), /for.buses: for vehicles with can9/],
  ])("refuses %s and changes nothing", async (_, wanted, expected) => {
    const { local, running, files, use } = await vehicle();
    use({ id: "f", version: 3, collect: [EVERY] });
    local.add(document("a", 2), false);
    const texts = new Map(files.texts);
    expect(local.add(wanted, false)).toMatch(expected);
    expect(running()).toEqual(["files:f@3", "local:a@2"]);
    expect(files.texts).toEqual(texts);
  });

  it("goes back to an older version by force, and on from there when that is removed", async () => {
    const { local, running, use } = await vehicle();
    use({ id: "f", version: 3, collect: [EVERY] });
    expect(local.add(document("f", 2), true)).toBeUndefined();
    expect(running()).toEqual(["local:f@2"]);
    local.remove("f");
    expect(running()).toEqual(["files:f@3"]);
  });

  it("keeps what runs when the change cannot be stored", async () => {
    const { local, running, files } = await vehicle();
    local.add(document("a", 1), false);
    files.writesLeft = 0;
    expect(() => local.add(document("a", 2), false)).toThrow(/no space left/);
    expect(() => local.remove("a")).toThrow(/no space left/);
    expect(running()).toEqual(["local:a@1"]);
  });

  it("takes none for which another would have to go", async () => {
    const { local, running, control } = await vehicle();
    // Each about 276 MB a day, of 1,000 MB.
    const dear = { collect: [{ ...EVERY, signals: "*" }], send: { form: "json" } };
    control.offer("cloud", { documents: [document("cloudy", 1, dear)], unread: [] });
    expect([1, 2].map((at) => local.add(document(`l${at}`, 1, dear), false))).toEqual([undefined, undefined]);
    expect(local.add(document("l3", 1, dear), false)).toMatch(/there is no room: cloudy would not run any more/);
    expect(running()).toContain("cloud:cloudy@1");
  });
});
