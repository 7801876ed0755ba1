import { describe, expect, it } from "vitest";
import { readCampaignText } from "../../../config/campaign-text.ts";

const GOOD = "schemaVersion: 1\nid: good\nversion: 1\ncollect:\n  - { signals: Motion.Speed, mode: every, ms: 0 }\n";

describe("readCampaignText", () => {
  it("takes YAML, and JSON with it", () => {
    const document = readCampaignText(GOOD, "a");
    expect(document).toMatchObject({ id: "good", version: 1 });
    expect(readCampaignText(JSON.stringify(document), "a")).toEqual(document);
  });

  it.each([
    ["what the parser quotes", 'schemaVersion: "\\ud80\nid: a\n', /^a:1:\d+ /],
    ["a key that could steer a terminal", `${GOOD}"\\e[2J": 1\n`, /^a:6:1 {2}\[2J: unknown key$/],
    ["nothing", "", /^a:1:1 schemaVersion: /],
    ["a list", "- 1\n", /^a:1:1 the file must hold a map/],
    ["what is too long", `# ${"x".repeat(1_048_576)}`, /^a: 1048578 characters, more than the 1048576 that are read$/],
  ])("refuses %s, each problem on a line of its own", (_, text, expected) => {
    const read = readCampaignText(text, "a");
    expect(read).toMatch(expected);
    expect(read).toMatch(/^(?:a:\P{C}+(?:\n|$))+$/u);
  });
});
