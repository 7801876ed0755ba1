import { describe, expect, it } from "vitest";
import { planCampaign } from "../../../../agent/telemetry/campaigns/plan/campaign-plan.ts";
import type { DecodedRecord } from "../../../../agent/telemetry/record/read/decoded-record.ts";
import { campaignDocument } from "../../../../config/campaign.ts";
import { campaignRig, RIG_T0 } from "../../../fakes/telemetry/campaign-rig.ts";
import { tableOf } from "../../../fakes/telemetry/table.ts";

const HISTOGRAM = { signals: "Motion.Speed", mode: "histogram", edges: [5, 10] };
const DURATION = { signals: "Motion.Brake", mode: "duration" };

/** "campaign/signal: cells" of all histograms, oldest first; leading zeros that are not sent are put back. */
function cellsIn(records: readonly DecodedRecord[]): string[] {
  return records.flatMap(({ body }) => {
    if (body.kind !== "histograms") return [];
    return body.histograms.map(({ axes, firstCell, totalCells, cells }) => {
      const whole = Array.from({ length: totalCells }, (_, cell) => cells[cell - firstCell] ?? 0);
      return `${body.campaign.id}/${axes.map(({ name }) => name).join("*")}: ${whole.join(" ")}`;
    });
  });
}

describe("campaigns that count in cells", () => {
  it("report nothing until they are removed, and then everything", async () => {
    const { use, drive, pipeline, records, outbox } = await campaignRig();
    use({ id: "load", collect: [HISTOGRAM, DURATION, { signals: "Motion.*", mode: "counter", of: "changes" }] });
    for (const [speed, brake] of [
      [1, 0],
      [7, 0],
      [12, 3],
      [12, 0],
    ] as const)
      drive(speed, brake, 100);
    pipeline.flush();
    expect(cellsIn(records())).toEqual([]);
    expect(outbox.kept().length).toBeGreaterThan(0);
    use();
    pipeline.flush();
    expect(cellsIn(records())).toEqual([
      "load/Speed: 100000 100000 100000",
      "load/Brake: 200000 100000 0",
      "load/Speed: 2",
      "load/Brake: 2",
    ]);
    expect(outbox.kept()).toEqual([]);
  });

  it("go on after a restart of the agent, and are reported when the campaign was replaced meanwhile", async () => {
    const first = await campaignRig();
    first.use({ id: "load", collect: [HISTOGRAM] });
    for (const speed of [1, 1]) first.drive(speed, 0, 100);
    first.pipeline.stop();
    const second = await campaignRig({ outbox: first.outbox });
    second.use({ id: "load", collect: [HISTOGRAM] });
    for (const speed of [7, 7]) second.drive(speed, 0, 300);
    second.pipeline.stop();
    expect(cellsIn(second.records())).toEqual([]);
    const third = await campaignRig({ outbox: first.outbox });
    third.use({ id: "load", version: 2, collect: [HISTOGRAM] });
    third.pipeline.flush();
    expect(cellsIn(third.records())).toEqual(["load/Speed: 100000 300000 0"]);
    expect(first.outbox.kept()).toEqual([]);
  });

  it("report when their end has come, and at the end of a trip where they should", async () => {
    const { use, drive, clock, records, outbox } = await campaignRig();
    const end = new Date(RIG_T0 / 1000 + 10_000).toISOString();
    use({ id: "ending", end, collect: [{ ...HISTOGRAM, by: "count" }] });
    drive(1, 0, 9000);
    expect(cellsIn(records())).toEqual([]);
    clock.advance(2000);
    expect(cellsIn(records())).toEqual(["ending/Speed: 1 0 0"]);
    drive(1, 0, 1000);
    expect(outbox.kept()).toEqual([]);
  });

  it("report at the next start when their end came while the agent was not running", async () => {
    const first = await campaignRig();
    const ending = { id: "ending", end: new Date(RIG_T0 / 1000 + 10_000).toISOString(), collect: [HISTOGRAM] };
    first.use(ending);
    for (const speed of [1, 1]) first.drive(speed, 0, 100);
    first.pipeline.stop();
    const second = await campaignRig({ outbox: first.outbox });
    second.clock.advance(20_000);
    second.use(ending);
    second.pipeline.flush();
    expect(cellsIn(second.records())).toEqual(["ending/Speed: 100000 0 0"]);
    second.use();
    second.pipeline.stop();
    expect(cellsIn(second.records()).length).toBe(1);
  });

  it("count two signals together", async () => {
    const { use, drive, pipeline, records } = await campaignRig();
    use({ id: "map", collect: [{ ...HISTOGRAM, with: { signal: "Motion.Brake", edges: [2] }, by: "count" }] });
    for (const [speed, brake] of [
      [1, 0],
      [7, 5],
    ] as const)
      drive(speed, brake, 100);
    use();
    pipeline.flush();
    // Each frame brings both: first the speed with the brake of before, then the two of the frame.
    expect(cellsIn(records())).toEqual(["map/Speed*Brake: 1 0 1 1 0 0"]);
  });

  it("count while a condition is true, no time between", async () => {
    const { use, drive, pipeline, records } = await campaignRig();
    const trigger = { condition: "p > 5.0", mode: "while", minIntervalMs: 0 };
    use({ id: "braking", inputs: { p: "Motion.Brake" }, trigger, collect: [{ ...HISTOGRAM, edges: [5] }] });
    for (const [speed, brake] of [
      [1, 9],
      [1, 9],
      [9, 0],
      [9, 9],
      [9, 9],
      [9, 0],
    ] as const)
      drive(speed, brake, 100);
    use();
    pipeline.flush();
    const [found] = cellsIn(records());
    const [below, above] = (found ?? "").replace("braking/Speed: ", "").split(" ").map(Number);
    expect(below).toBeLessThanOrEqual(200_000);
    expect(above).toBeLessThanOrEqual(200_000);
    expect(below).toBeGreaterThanOrEqual(100_000);
  });
});

describe("the plan of a campaign that counts in cells", () => {
  const table = tableOf([{ name: "M", signals: [{ name: "A" }, { name: "F", kind: "float", bits: 32 }] }]);
  const context = { table, busNames: ["can0"], facts: new Map(), hasHistory: true };
  const problemsOf = (document: object): string[] => {
    const made = planCampaign(campaignDocument.parse({ schemaVersion: 1, id: "c", version: 1, ...document }), context);
    return made.kind === "plan" ? [] : made.problems.map(({ path, problem }) => `${path.join(".")}: ${problem}`);
  };
  const edges = Array.from({ length: 256 }, (_, edge) => edge);

  it("takes what fits", () => {
    expect(
      problemsOf({ collect: [{ signals: "M.A", mode: "histogram", edges, with: { signal: "M.F", edges } }] }),
    ).toEqual([]);
  });

  it("refuses a capture, a second signal that is not one, an increase of no integer, and more cells than can be kept", () => {
    const trigger = { condition: "a > 1.0" };
    const captured = { inputs: { a: "M.A" }, trigger, collect: [{ signals: "M.A", mode: "duration" }] };
    expect(problemsOf(captured)).toEqual([
      "collect.0.mode: duration counts all the time: a trigger of mode rising does not go with it",
    ]);
    const none = { signals: "M.A", mode: "histogram", edges, with: { signal: "M.X", edges } };
    const many = { ...none, with: { signal: "M.*", edges } };
    expect(problemsOf({ collect: [none, many] })).toEqual([
      "collect.0.with.signal: M.X is 0 signals: name one",
      "collect.1.with.signal: M.* is 2 signals: name one",
    ]);
    expect(problemsOf({ collect: [{ signals: "M.*", mode: "counter", of: "increase" }] })).toEqual([
      "collect.0.of: increase is of integers: a signal here is none",
    ]);
    const grid = { ...none, with: { signal: "M.F", edges } };
    const problems = problemsOf({ collect: Array.from({ length: 6 }, () => grid) });
    expect(problems).toEqual([
      expect.stringMatching(
        /^collect.5: the cells of 1 signals may take 35\d{5} bytes with those before, more than 3145728$/,
      ),
    ]);
  });
});
