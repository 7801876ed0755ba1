import { describe, expect, it } from "vitest";
import { sha256Hex } from "../../../../../agent/core/signatures.ts";
import { CampaignStore } from "../../../../../agent/telemetry/campaigns/arrival/campaign-store.ts";
import { CloudCampaigns } from "../../../../../agent/telemetry/campaigns/arrival/cloud-campaigns.ts";
import type { SignedDocument } from "../../../../../agent/telemetry/campaigns/arrival/desired-campaigns.ts";
import { keptOffer } from "../../../../../agent/telemetry/campaigns/arrival/local-campaigns.ts";
import { MemoryLog } from "../../../../fakes/core/log.ts";
import { fakeStateFiles } from "../../../../fakes/ports/state-files.ts";
import { campaignRig } from "../../../../fakes/telemetry/campaign-rig.ts";

const EVERY = { signals: "Motion.Speed", mode: "every", ms: 0 };

function textOf(id: string, version: number, more: object = {}): string {
  return JSON.stringify({ schemaVersion: 1, id, version, collect: [EVERY], ...more });
}

function entry(id: string, version: number, more: object = {}): object {
  return { document: textOf(id, version, more) };
}

async function vehicle(
  files = fakeStateFiles(),
  unauthorised: (signed: SignedDocument) => string | undefined = () => undefined,
) {
  const { control, campaigns, use } = await campaignRig();
  const log = new MemoryLog();
  const store = new CampaignStore({ files, log });
  const kept = store.load("cloud");
  control.begin(new Map([["cloud", keptOffer(kept)]]));
  const cloud = new CloudCampaigns(kept, { control, store, unauthorised, log });
  const shown = () => ({
    runs: control.list().running.map(({ plan: { document } }) => `${document.id}@${document.version}`),
    refused: control.list().refused.map(({ id, version, reason }) => `${id}@${version} ${reason}`),
  });
  return { cloud, shown, files, log, campaigns, use };
}

describe("CloudCampaigns", () => {
  it("takes each entry whole or not at all, and what was accepted before runs on", async () => {
    const { cloud, shown, campaigns } = await vehicle();
    cloud.take({ a: entry("a", 1), b: entry("b", 1) });
    const before = campaigns.list()[2]?.plan;
    const bad = { c: { document: "[" }, d: 1, "\u001b[2J": entry("e", 1), [`${"x".repeat(100)}`]: entry("f", 1) };
    cloud.take({ a: entry("a", 2, { inputs: { v: "Motion.Sped" } }), b: entry("b", 1), ...bad });
    const { runs, refused } = shown();
    expect(runs).toEqual(["a@1", "b@1"]);
    expect(campaigns.list()[2]?.plan).toBe(before);
    expect(refused).toEqual([
      expect.stringMatching(/^a@2 inputs\.v: there is no signal Motion\.Sped/),
      expect.stringMatching(/^c@0 c:1:\d+ /),
      expect.stringMatching(/^d@0 /),
      " [2J@0 its name is none of a campaign",
      `${"x".repeat(64)}@0 its name is none of a campaign`,
    ]);
  });

  it("removes what is not in the list any more, and no more than that", async () => {
    const { cloud, shown } = await vehicle();
    cloud.take({ a: entry("a", 1), b: entry("b", 1) });
    cloud.take({ b: entry("b", 1) });
    expect(shown().runs).toEqual(["b@1"]);
    cloud.take(undefined);
    expect(shown()).toEqual({ runs: [], refused: [] });
  });

  it("says once what it has taken and what it refuses", async () => {
    const { cloud, log } = await vehicle();
    for (let time = 0; time < 3; time++) cloud.take({ a: entry("a", 1), b: { document: "[" } });
    expect(log.of("campaign.list-taken").map(({ facts }) => facts)).toEqual([{ campaigns: 1, refused: 1 }]);
    expect(log.of("campaign.refused").map(({ facts }) => facts.id)).toEqual(["b"]);
  });

  it.each([
    ["an older version", entry("a", 2), /^a@2 version: 2 is older than 3, which the cloud has set before/],
    [
      "other words of the same version",
      entry("a", 3, { description: "x" }),
      /^a@3 version: 3 said something else before/,
    ],
  ])("refuses %s, also after it was removed and over a restart", async (_, wanted, expected) => {
    const { cloud, shown, files } = await vehicle();
    cloud.take({ a: entry("a", 3) });
    cloud.take({ a: wanted });
    expect(shown().runs).toEqual(["a@3"]);
    expect(shown().refused.join()).toMatch(expected);
    cloud.take({});
    const again = await vehicle(files);
    again.cloud.take({ a: wanted });
    expect(again.shown().runs).toEqual([]);
    expect(again.shown().refused.join()).toMatch(expected);
    again.cloud.take({ a: entry("a", 3) });
    expect(again.shown().runs).toEqual(["a@3"]);
  });

  it("runs on without the list, and takes what is missing in it for gone only once there is one again", async () => {
    const { cloud, shown, files } = await vehicle();
    cloud.take({ a: entry("a", 1), b: entry("b", 1) });
    cloud.loseList();
    const again = await vehicle(files);
    again.cloud.take(undefined);
    expect(again.shown().runs).toEqual(["a@1", "b@1"]);
    again.cloud.take({ b: entry("b", 1) });
    expect(again.shown().runs).toEqual(["b@1"]);
    again.cloud.take(undefined);
    expect(again.shown().runs).toEqual([]);
    expect(shown().runs).toEqual(["a@1", "b@1"]);
  });

  it("waits for a document that comes by its topic, knows it by its digest, and keeps it", async () => {
    const { cloud, shown, files } = await vehicle();
    const text = `${textOf("long", 1)}\n`;
    const long = { sha256: sha256Hex(Buffer.from(text)) };
    cloud.take({ long });
    expect(shown().refused).toEqual(["long@0 awaited: its document has not come by the topic of its own"]);
    cloud.takeDocument("long", textOf("long", 1));
    cloud.takeDocument("other", text);
    expect(shown().runs).toEqual([]);
    cloud.takeDocument("long", text);
    expect(shown()).toEqual({ runs: ["long@1"], refused: [] });
    const again = await vehicle(files);
    again.cloud.take({ long });
    expect(again.shown()).toEqual({ runs: ["long@1"], refused: [] });
  });

  it("remembers documents that come before the list, the newest of them", async () => {
    const { cloud, shown } = await vehicle();
    const ids = Array.from({ length: 9 }, (_, at) => `c${at}`);
    for (const id of ids) cloud.takeDocument(id, textOf(id, 1));
    const wanted = ids.map((id) => [id, { sha256: sha256Hex(Buffer.from(textOf(id, 1))) }] as const);
    cloud.take(Object.fromEntries(wanted));
    expect(shown().runs).toEqual(ids.slice(1).map((id) => `${id}@1`));
    expect(shown().refused.join()).toMatch(/^c0@0 awaited/);
  });

  it("does not go on with what may not be set any more", async () => {
    const files = fakeStateFiles();
    const { cloud, shown } = await vehicle(files);
    cloud.take({ a: entry("a", 1) });
    expect(shown().runs).toEqual(["a@1"]);
    const strict = await vehicle(files, ({ signatures }) => (signatures.length === 0 ? "unsigned" : undefined));
    strict.cloud.take({ a: entry("a", 1) });
    expect(strict.shown()).toEqual({ runs: [], refused: ["a@1 unsigned"] });
    const signatures = [{ key: "k", value: "AAAA" }];
    strict.cloud.take({ a: { document: textOf("a", 1), signatures } });
    expect(strict.shown().runs).toEqual(["a@1"]);
  });

  it("leaves everything as it is for a list that is none", async () => {
    const { cloud, shown, log } = await vehicle();
    cloud.take({ a: entry("a", 1) });
    cloud.take(["a"]);
    cloud.take(Object.fromEntries(Array.from({ length: 201 }, (_, at) => [`c${at}`, entry(`c${at}`, 1)])));
    expect(shown().runs).toEqual(["a@1"]);
    expect(log.of("campaign.list-unread")).toHaveLength(2);
  });

  it("writes nothing while nothing changes, and runs on when the disk is full", async () => {
    const { cloud, shown, files, log } = await vehicle();
    cloud.take({ a: entry("a", 1) });
    files.writesLeft = 0;
    cloud.take({ a: entry("a", 1) });
    expect(log.of("campaign.store-unwritable")).toEqual([]);
    cloud.take({ a: entry("a", 2) });
    expect(shown().runs).toEqual(["a@2"]);
    expect(log.of("campaign.store-unwritable")).toHaveLength(1);
  });
});
