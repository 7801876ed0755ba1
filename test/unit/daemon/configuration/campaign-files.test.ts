import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadCampaignFiles } from "../../../../agent/daemon/configuration/campaign-files.ts";
import { agentConfig, type BusConfig } from "../../../../config/schema.ts";
import { tableOf } from "../../../fakes/telemetry/table.ts";

const table = tableOf([{ name: "Motion", signals: [{ name: "Speed" }] }]);
const buses: BusConfig[] = [{ name: "can0", driver: "socketcan", interface: "can0" }];
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "causeway-campaigns-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function load(files: Readonly<Record<string, string>>) {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return await loadCampaignFiles({ buses, campaigns: agentConfig.shape.campaigns.parse({ folder }) }, table);
}

const GOOD = "schemaVersion: 1\nid: good\nversion: 1\ncollect:\n  - { signals: Motion.Speed, mode: every, ms: 0 }\n";

describe("loadCampaignFiles", () => {
  it("reads the documents in the order of their names", async () => {
    const { documents, refused } = await load({
      "b.yaml": GOOD,
      "a.yaml": GOOD.replace("good", "first"),
      "c.txt": "?",
    });
    expect(documents.map(({ id }) => id)).toEqual(["first", "good"]);
    expect(refused).toEqual([]);
  });

  it("has none where there is no folder", async () => {
    rmSync(folder, { recursive: true });
    const campaigns = agentConfig.shape.campaigns.parse({ folder });
    expect(await loadCampaignFiles({ buses, campaigns }, table)).toEqual({ documents: [], refused: [] });
  });

  it.each([
    ["an unknown field", `${GOOD}other: 1\n`, /bad.yaml:6:1 other: unknown key/],
    [
      "a newer schema",
      GOOD.replace("schemaVersion: 1", "schemaVersion: 2"),
      /bad.yaml:1:1 schemaVersion: 2 is newer than this agent knows \(1\): update the agent first/,
    ],
    ["broken YAML", "id: [", /bad.yaml:1:6 /],
    [
      "a signal that is not there",
      `${GOOD}inputs:\n  v: Motion.Sped\n`,
      /bad.yaml:7:3 inputs.v: there is no signal Motion.Sped/,
    ],
    ["an expression with a name that is not there", `${GOOD}trip: "true && wrong"\n`, /bad.yaml:6:16 trip: .*wrong/],
    ["one in plain words", `${GOOD}trip: true && wrong\n`, /bad.yaml:6:15 trip: .*wrong/],
    ["one with an escape, whose place is that of its key", `${GOOD}trip: "true \\x26& wrong"\n`, /bad.yaml:6:1 trip: /],
    ["one over several lines", `${GOOD}trip: |\n  true &&\n  wrong\n`, /bad.yaml:6:1 trip: /],
    ["an expression of the wrong type", `${GOOD}inputs: { v: Motion.Speed }\ntrip: v + 1.0\n`, /bad.yaml:7:7 trip: /],
  ])("refuses %s with its place, and takes the others", async (_, text, expected) => {
    const { documents, refused } = await load({ "good.yaml": GOOD.replace("good", "other"), "bad.yaml": text });
    expect(documents.map(({ id }) => id)).toEqual(["other"]);
    expect(refused.map(({ what }) => what).join()).toMatch(expected);
  });

  it("refuses two files of one id, and names both", async () => {
    const { documents, refused } = await load({ "a.yaml": GOOD, "b.yaml": GOOD });
    expect(documents).toEqual([]);
    expect(refused.map(({ what }) => what).join("\n")).toMatch(
      /a.yaml:2:1 id: good is that of .*b.yaml too\n.*b.yaml:2:1/,
    );
  });
});
