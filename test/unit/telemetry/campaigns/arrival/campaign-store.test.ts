import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sha256Hex } from "../../../../../agent/core/signatures.ts";
import { CampaignStore, type KeptCampaigns } from "../../../../../agent/telemetry/campaigns/arrival/campaign-store.ts";
import { campaignDocument } from "../../../../../config/campaign.ts";
import { MemoryLog } from "../../../../fakes/core/log.ts";
import { fakeStateFiles } from "../../../../fakes/ports/state-files.ts";

const COLLECT = [{ signals: "Motion.Speed", mode: "every", ms: 0 }];

function kept(version: number): KeptCampaigns {
  const document = campaignDocument.parse({ schemaVersion: 1, id: "a", version, collect: COLLECT });
  return { documents: [document], forced: ["a"], newest: [{ id: "a", version, digest: "d" }], isListGone: false };
}

function storeOf() {
  const files = fakeStateFiles();
  const log = new MemoryLog();
  return { files, log, store: new CampaignStore({ files, log }) };
}

describe("CampaignStore", () => {
  it("gives back what was saved last, a source each", () => {
    const { store } = storeOf();
    store.save("cloud", kept(1));
    store.save("cloud", kept(2));
    store.save("local", kept(7));
    expect(store.load("cloud")).toEqual(kept(2));
    expect(store.load("local")).toEqual(kept(7));
  });

  it("has nothing where nothing was saved", () => {
    expect(storeOf().store.load("cloud").documents).toEqual([]);
  });

  it("sets a damaged file aside, says so, and goes on with the one before", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 0, max: 255 }), fc.boolean(), (place, byte, isCut) => {
        const { store, files, log } = storeOf();
        store.save("cloud", kept(1));
        store.save("cloud", kept(2));
        const good = Buffer.from(files.texts.get("cloud.json") ?? "");
        const at = place % good.length;
        const bad = isCut ? good.subarray(0, at) : Buffer.from(good).fill(byte, at, at + 1);
        fc.pre(!bad.equals(good));
        files.texts.set("cloud.json", bad.toString());
        expect(store.load("cloud")).toEqual(kept(1));
        expect(files.texts.has("cloud.json.damaged")).toBe(true);
        expect(log.of("campaign.store-damaged")).toHaveLength(1);
        store.save("cloud", kept(3));
        expect(store.load("cloud")).toEqual(kept(3));
        expect(files.texts.get("cloud.before.json")).toContain('"version":1');
      }),
      { seed: 20_261_129, numRuns: 200 },
    );
  });

  it("has nothing, and says so, where both are damaged", () => {
    const { store, files, log } = storeOf();
    for (const name of ["cloud.json", "cloud.before.json"]) files.texts.set(name, "{}");
    expect(store.load("cloud").documents).toEqual([]);
    expect(log.of("campaign.store-damaged")).toHaveLength(2);
  });

  it.each([0, 1])("keeps what was saved when the disk is full after %i writes", (writes) => {
    const { store, files } = storeOf();
    store.save("cloud", kept(1));
    store.save("cloud", kept(2));
    files.writesLeft = writes;
    expect(() => store.save("cloud", kept(3))).toThrow(/no space left/);
    expect(store.load("cloud")).toEqual(kept(2));
  });

  it("leaves out a document that this agent does not understand, and says so", () => {
    const { store, files, log } = storeOf();
    const [document] = kept(1).documents;
    const documents = [document, { ...document, schemaVersion: 2 }];
    const text = JSON.stringify({ schemaVersion: 1, ...kept(1), documents });
    files.texts.set("local.json", `${sha256Hex(Buffer.from(text))}\n${text}`);
    expect(store.load("local").documents).toEqual([document]);
    expect(log.of("campaign.kept-unfit")).toHaveLength(1);
  });
});
