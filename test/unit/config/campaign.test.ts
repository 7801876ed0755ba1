import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { type CampaignDocument, campaignDocument } from "../../../config/campaign.ts";

const COLLECT = [{ signals: "*", mode: "every", ms: 0 }];

function problemsOf(part: object): readonly string[] {
  const { error } = campaignDocument.safeParse({ schemaVersion: 1, id: "one", version: 1, collect: COLLECT, ...part });
  return (error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);
}

describe("campaignDocument", () => {
  it("takes the example", () => {
    const text = readFileSync("config/campaign.example.yaml", "utf8");
    const example: CampaignDocument = campaignDocument.parse(parse(text));
    expect(example).toMatchObject({ id: "hard-braking", trigger: { beforeMs: 10_000 } });
  });

  it.each([
    [{ schemaVersion: 2 }, /^schemaVersion: /],
    [{ other: 1 }, /Unrecognized key/],
    [{ version: 0 }, /^version: /],
    [{ start: "2026-01-01", end: "2026-01-02" }, /^start: /],
    [{ start: "2026-01-02T00:00:00Z", end: "2026-01-01T00:00:00Z" }, /^end: must be later than start/],
    [
      { inputs: { speed: "A.B" }, derived: [{ name: "speed", expression: "1.0" }] },
      /derived.0.name: speed is named twice/,
    ],
    [{ collect: [] }, /^collect: nothing is collected/],
    [{ frames: [{ bus: "can0" }] }, /^frames: need a trigger/],
    [{ trigger: { condition: "true", mode: "while", beforeMs: 5 } }, /beforeMs: is for mode rising/],
    [{ collect: [{ signals: "*", mode: "histogram", edges: [1, 1] }] }, /collect.0.edges: must rise/],
    [{ collect: [{ signals: "*", mode: "aggregate", of: ["mean"], over: {} }] }, /^collect.0.over: /],
    [{ thin: 1 }, /^thin: /],
    [
      { collect: [{ signals: "*", mode: "aggregate", of: ["max", "max"], over: { per: "trip" } }] },
      /^collect.0.of: must name each once/,
    ],
  ])("refuses %j", (part, expected) => {
    expect(problemsOf(part).join("\n")).toMatch(expected);
  });

  it("bounds what makes a document cost more than its length", () => {
    const off = (signals: readonly string[], count: number) =>
      Array.from({ length: count }, () => ({ signals, mode: "off" }));
    const names = Array.from({ length: 512 }, () => "A.B");
    const inputs = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`v${at}`, "A.B"]));
    expect(problemsOf({ inputs: inputs(256), collect: off(["A.B"], 1000) })).toEqual([]);
    expect(problemsOf({ inputs: inputs(257) })).toEqual(["inputs: 257 names, more than 256"]);
    expect(problemsOf({ collect: off(names, 8) })).toEqual([]);
    expect(problemsOf({ collect: off(names, 9) }).join()).toMatch(/^collect.8.signals: more than 4096/);
    expect(problemsOf({ collect: off(["*", "A.*"], 512) })).toEqual([]);
    expect(problemsOf({ collect: off(["*", "A.*"], 513) }).join()).toMatch(/^collect.512.signals: .* 1024 with '\*'/);
  });
});
