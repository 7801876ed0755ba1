import { describe, expect, it } from "vitest";
import { matchesSignal } from "../../../../../agent/signals/signal-patterns.ts";
import { planCampaign } from "../../../../../agent/telemetry/campaigns/plan/campaign-plan.ts";
import { SignalChoice } from "../../../../../agent/telemetry/campaigns/plan/signal-choice.ts";
import { campaignDocument } from "../../../../../config/campaign.ts";
import { tableOf } from "../../../../fakes/telemetry/table.ts";

const signals = Array.from({ length: 20 }, (_, at) => ({ name: `S${at}` }));
const table = tableOf([
  { name: "A", signals },
  { name: "A", bus: "can1", signals },
  {
    name: "B",
    signals: [{ name: "S1", vss: [{ path: "A.S3", unit: "", value: { kind: "linear", factor: 1, offset: 0 } }] }],
  },
]);
const context = { table, busNames: ["can0", "can1"], facts: new Map(), hasHistory: true };

describe("SignalChoice", () => {
  it("finds by a name what the table has by it, however many names are looked for", () => {
    const choice = new SignalChoice(table.signals, []);
    const patterns = [
      "A.S1",
      "can1/A.S1",
      "A@0x100.S1",
      "can0/A@0x100.S1",
      "A@0x101.S2",
      "A.S3",
      "B.S1",
      "A.S",
      "can2/A.S1",
    ];
    for (const pattern of [...patterns, ...patterns, ...patterns]) {
      expect(choice.matching(pattern)).toEqual(table.signals.filter((signal) => matchesSignal(pattern, signal)));
    }
  });

  it("gives each signal once, in the order of the table, derived ones last", () => {
    const choice = new SignalChoice(table.signals, [{ name: "power", unit: "", expression: "1.0" }]);
    const chosen = choice.of(["pow*", "can1/A.S1", "can0/A.S2", "*.S2"]);
    expect(chosen.map((one) => (one.kind === "table" ? one.signal.index : one))).toEqual([
      2,
      21,
      22,
      { kind: "derived", index: 0 },
    ]);
  });
});

describe("planCampaign", () => {
  it("refuses more columns than a table of a campaign may have, with the entry", () => {
    const of = ["min", "max", "mean", "count", "first", "last", "sum", "integral"];
    const entry = { signals: "*", mode: "aggregate", of, over: { windowMs: 1000 } };
    const plan = (count: number) => {
      const collect = Array.from({ length: count }, () => entry);
      return planCampaign(campaignDocument.parse({ schemaVersion: 1, id: "a", version: 1, collect }), context);
    };
    // 41 signals, of each 8 columns an entry: 49 entries have 16,072.
    expect(plan(49).kind).toBe("plan");
    const problem = "with those before it takes 16400 columns or more, more than 16384";
    expect(plan(60)).toEqual({ kind: "unfit", problems: [{ path: ["collect", 49], problem }] });
  });

  it("refuses a name that is no signal, and takes a pattern that chooses none with a warning", () => {
    const collect = [
      { signals: ["B.S1", "B.S2", "power"], mode: "every", ms: 0 },
      { signals: "C.*", mode: "off" },
    ];
    const plan = (derived: object) =>
      planCampaign(campaignDocument.parse({ schemaVersion: 1, id: "a", version: 1, collect, ...derived }), context);
    expect(plan({})).toEqual({
      kind: "unfit",
      problems: [
        { path: ["collect", 0, "signals"], problem: "there is no signal B.S2" },
        { path: ["collect", 0, "signals"], problem: "there is no signal power" },
      ],
    });
    collect[0].signals = ["B.S1", "power"];
    const known = { inputs: { v: "B.S1" }, derived: [{ name: "power", expression: "v * 2.0" }] };
    expect(plan(known)).toMatchObject({ kind: "plan", plan: { warnings: [{ path: ["collect", 1, "signals"] }] } });
  });
});
