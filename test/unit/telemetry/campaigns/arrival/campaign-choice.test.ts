import { describe, expect, it } from "vitest";
import {
  type CampaignOffer,
  type CampaignSource,
  chooseCampaigns,
} from "../../../../../agent/telemetry/campaigns/arrival/campaign-choice.ts";
import { CampaignJudge } from "../../../../../agent/telemetry/campaigns/arrival/campaign-judge.ts";
import { limitsOf } from "../../../../../agent/telemetry/campaigns/plan/campaign-limits.ts";
import { campaignDocument } from "../../../../../config/campaign.ts";
import { agentConfig } from "../../../../../config/schema.ts";
import { tableOf } from "../../../../fakes/telemetry/table.ts";

const table = tableOf([{ name: "Motion", signals: [{ name: "Speed" }, { name: "Brake" }] }]);
const context = { table, busNames: ["can0"], facts: new Map(), hasHistory: true };
const judge = new CampaignJudge(context, "gw-2b");
const EVERY = { signals: "Motion.Speed", mode: "every", ms: 0 };

function offer(source: CampaignSource, id: string, version: number, more: object = {}): CampaignOffer {
  const document = campaignDocument.parse({ schemaVersion: 1, id, version, collect: [EVERY], ...more });
  return { source, document, judged: judge.judge(document), isForced: false };
}

function choose(offers: readonly CampaignOffer[], limits: object = {}) {
  const { chosen, refused } = chooseCampaigns(offers, limitsOf(agentConfig.shape.campaigns.parse({ limits })));
  return {
    runs: chosen.map(({ source, plan }) => `${source}:${plan.document.id}@${plan.document.version}`),
    refused: refused.map(({ source, id, version, kind, reason }) => `${kind} ${source}:${id}@${version} ${reason}`),
  };
}

describe("chooseCampaigns", () => {
  it("runs the highest version of an id, whatever its source, and says so of the others", () => {
    expect(
      choose([offer("files", "a", 1), offer("cloud", "a", 3), offer("local", "a", 2), offer("set", "b", 1)]),
    ).toEqual({
      runs: ["set:b@1", "cloud:a@3"],
      refused: [
        "refused local:a@2 version: 2 is older than 3 of the cloud, which counts",
        "refused files:a@1 version: 1 is older than 3 of the cloud, which counts",
      ],
    });
  });

  it("says nothing of the same document from two sources, and refuses another one of the same version", () => {
    const other = { description: "another" };
    expect(choose([offer("cloud", "a", 2), offer("files", "a", 2), offer("local", "a", 2, other)])).toEqual({
      runs: ["files:a@2"],
      refused: ["refused local:a@2 version: 2 of the vehicle's files says something else, and counts"],
    });
  });

  it("goes on with an older version that can run where the newest cannot", () => {
    const bad = { collect: [{ ...EVERY, signals: "*" }], inputs: { v: "Motion.Sped" } };
    const { runs, refused } = choose([offer("files", "a", 1), offer("cloud", "a", 2, bad)]);
    expect(runs).toEqual(["files:a@1"]);
    expect(refused.join()).toMatch(/^refused cloud:a@2 inputs.v: there is no signal Motion.Sped/);
  });

  it("runs nothing of an id whose newest version is meant for other vehicles", () => {
    const offers = [
      offer("files", "a", 1),
      offer("cloud", "a", 2, { for: { hardware: ["gw-1*"] } }),
      offer("cloud", "b", 1, { for: { hardware: ["gw-1*", "gw-2*"], buses: ["can0"] } }),
      offer("cloud", "c", 1, { for: { buses: ["can0", "can1"] } }),
    ];
    expect(choose(offers)).toEqual({
      runs: ["cloud:b@1"],
      refused: [
        "refused files:a@1 version: 1 is older than 2 of the cloud, which counts",
        "elsewhere cloud:a@2 for.hardware: for gw-1*; this is gw-2b",
        "elsewhere cloud:c@1 for.buses: for vehicles with can1; this one has can0",
      ],
    });
  });

  it("leaves the name of the rules of collection to them", () => {
    expect(choose([offer("files", "default", 7)]).refused.join()).toMatch(/id: default is that of the rules/);
  });

  it("gives the same choice in whatever order the offers come", () => {
    const offers = [offer("local", "b", 1), offer("cloud", "a", 1), offer("cloud", "c", 1), offer("files", "d", 1)];
    const limits = { count: 3 };
    expect(choose(offers.toReversed(), limits)).toEqual(choose(offers, limits));
    expect(choose(offers, limits).runs).toEqual(["files:d@1", "local:b@1", "cloud:a@1"]);
    expect(choose(offers, limits).refused).toEqual([
      "refused cloud:c@1 more than 3 campaigns (campaigns.limits.count)",
    ]);
  });

  it.each([
    // 10 frames/s where the DBC file says nothing; 3 bytes a sample: 2 * 10 * 3 * 86,400.
    [
      { collect: [{ signals: "*", mode: "every", ms: 0 }] },
      { bytesPerDay: 5_183_999 },
      /needs about 5,184,000 bytes a day, which a budget bounds: more than 5,183,999 \(campaigns.limits.bytesPerDay\)/,
    ],
    [
      { inputs: { v: "Motion.Speed" }, derived: [{ name: "d", expression: "v * 2.0" }], trip: "d > 1.0" },
      { evaluationsPerSecond: 19 },
      /needs about 20 evaluations a second: more than 19/,
    ],
    [
      { inputs: { v: "Motion.Speed" }, trip: 'max(v, duration("10s")) > 1.0' },
      { windowBytes: 10 },
      /bytes for the windows of its expressions: more than 10/,
    ],
  ])("refuses %j, which costs more than the bound, with the figure", (part, limits, expected) => {
    expect(choose([offer("files", "dear", 1, part)], limits).refused.join()).toMatch(expected);
    expect(choose([offer("files", "dear", 1, part)]).runs).toEqual(["files:dear@1"]);
  });

  it("adds up what campaigns cost, and counts a budget instead of the estimate", () => {
    const two = (more: object) => [offer("files", "a", 1, more), offer("files", "b", 1, more)];
    expect(choose(two({}), { bytesPerDay: 5_000_000 }).refused.join()).toMatch(
      /files:b@1 needs about 2,592,000 bytes a day, which a budget bounds, 5,184,000 with the campaigns before it/,
    );
    expect(choose(two({ budget: { bytesPerDay: 1000 } }), { bytesPerDay: 2000 }).refused).toEqual([]);
  });

  it("refuses more time before a trigger than the history holds by estimate", () => {
    const trigger = { condition: "v > 1.0", beforeMs: 3_600_000 };
    const document = { inputs: { v: "Motion.Speed" }, trigger, frames: [{ bus: "can0" }] };
    const limits = { ...limitsOf(agentConfig.shape.campaigns.parse({ history: { maxBytes: 1_000_000 } })) };
    const { refused } = chooseCampaigns([offer("files", "long", 1, document)], limits);
    // 3,600 s of 10 frames/s of 32 bytes, once for its samples and its black box.
    expect(refused[0]?.reason).toBe(
      "trigger.beforeMs: 3,600 s before a trigger are about 1,152,000 bytes of frames, more than 1,000,000 (campaigns.history.maxBytes)",
    );
  });
});
