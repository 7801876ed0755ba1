import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { factNames } from "../../agent/daemon/campaign-facts.ts";
import { createSignalTable } from "../../agent/signals/build-table.ts";
import { parseDbc } from "../../agent/signals/dbc/parse.ts";
import { planCampaign } from "../../agent/telemetry/campaigns/plan/campaign-plan.ts";
import { campaignDocument } from "../../config/campaign.ts";

const ROOT = join(import.meta.dirname, "../..");
const { database } = parseDbc(readFileSync(join(ROOT, "config/bench-vehicle.dbc"), "utf8"));
const table = createSignalTable([{ bus: "can0", database }]);
const guide = readFileSync(join(ROOT, "docs/campaigns.md"), "utf8");
const examples = [
  ...[...guide.matchAll(/```yaml\n([^]*?)```/g)].map(([, text = ""]) => text),
  readFileSync(join(ROOT, "config/campaign.example.yaml"), "utf8"),
].map((text) => [/^id: (.*)$/m.exec(text)?.[1] ?? "?", text] as const);

describe("an example of a campaign", () => {
  it.each(examples)("%s runs on the bench's vehicle", (_, text) => {
    const document = campaignDocument.parse(parse(text));
    const context = { table, busNames: ["can0"], facts: factNames(["can0"]), hasHistory: true };
    const planned = planCampaign(document, context);
    expect(planned).toMatchObject({ kind: "plan", plan: { warnings: [] } });
  });

  it("is there for each mode", () => {
    const modes = examples.flatMap(([, text]) => campaignDocument.parse(parse(text)).collect.map(({ mode }) => mode));
    const all = ["off", "every", "on-change", "latest", "aggregate", "curve", "duration", "histogram", "counter"];
    expect(new Set(modes)).toEqual(new Set(all));
  });
});
