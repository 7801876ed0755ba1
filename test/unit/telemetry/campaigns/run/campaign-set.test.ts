import { describe, expect, it } from "vitest";
import type { DecodedRecord } from "../../../../../agent/telemetry/record/read/decoded-record.ts";
import { campaignRig, RIG_T0, samplesIn } from "../../../../fakes/telemetry/campaign-rig.ts";

const EVERY = { signals: "Motion.Speed", mode: "every", ms: 0 };

function triggersIn(records: readonly DecodedRecord[]) {
  return records.flatMap(({ body }) => (body.kind === "trigger" ? [body] : []));
}

describe("CampaignSet", () => {
  it("collects for two campaigns and the rules in one pass, each in records of its own", async () => {
    const { use, drive, pipeline, records } = await campaignRig({ rules: [] });
    use({ id: "one", collect: [EVERY] }, { id: "two", collect: [{ signals: "*", mode: "on-change" }] });
    drive(1, 7, 10);
    drive(1, 8, 10);
    pipeline.flush();
    const found = records();
    expect(samplesIn(found, "one")).toEqual(["0@0=1", "0@10=1"]);
    expect(samplesIn(found, "two")).toEqual(["0@0=1", "1@0=7", "1@10=8"]);
    expect(samplesIn(found)).toEqual(["0@0=1", "1@0=7", "1@10=8"]);
  });

  it("has campaigns pause, hands over what they hold, and lets the others go on", async () => {
    const { use, campaigns, drive, pipeline, records } = await campaignRig({ rules: [] });
    const trigger = { condition: "p > 5.0", mode: "while", minIntervalMs: 0 };
    use(
      { id: "one", collect: [{ signals: "Motion.Speed", mode: "latest", windowMs: 10_000 }] },
      { id: "two", collect: [EVERY] },
      {
        id: "braking",
        inputs: { p: "Motion.Brake" },
        trigger,
        collect: [EVERY],
      },
    );
    drive(1, 0, 10);
    campaigns.pause((id) => id !== "two");
    pipeline.flush();
    drive(2, 9, 10);
    pipeline.flush();
    expect(campaigns.list().map(({ figures }) => figures.state)).toContain("paused");
    expect(campaigns.fire("braking")).toBe(false);
    campaigns.pause(() => false);
    pipeline.flush();
    drive(3, 9, 10);
    pipeline.stop();
    const found = records();
    expect(samplesIn(found, "one")).toEqual(["0@0=1", "0@20=3"]);
    expect(samplesIn(found, "two")).toEqual(["0@0=1", "0@10=2", "0@20=3"]);
    expect(samplesIn(found, "braking")).toEqual(["0@20=3"]);
    expect(samplesIn(found)).toEqual(["0@0=1", "1@0=0", "0@20=3", "1@20=9"]);
  });

  it("works out derived signals, under a table of the campaign's own", async () => {
    const { use, drive, pipeline, records } = await campaignRig();
    use({
      id: "physics",
      inputs: { v: "Motion.Speed", p: "Motion.Brake" },
      derived: [{ name: "work", unit: "J", expression: "v * p" }],
      collect: [EVERY, { signals: "work", mode: "every", ms: 0 }],
    });
    drive(3, 4, 10);
    drive(5, 6, 10);
    pipeline.flush();
    const found = records();
    expect(samplesIn(found, "physics")).toEqual(["0@0=3", "0@10=5", "1@0=12", "1@10=30"]);
    const own = found.flatMap(({ body }) => (body.kind === "table" ? [body] : [])).at(-1);
    expect(own?.signals.map(({ name, unit, expression }) => [name, unit, expression])).toEqual([
      ["Speed", "km/h", undefined],
      ["work", "J", "v * p"],
    ]);
  });

  it("collects while a condition is true, and tells when that began and ended", async () => {
    const { use, drive, pipeline, records } = await campaignRig();
    const trigger = { condition: "p > 5.0", mode: "while", minIntervalMs: 0 };
    use({ id: "braking", inputs: { p: "Motion.Brake" }, trigger, collect: [EVERY] });
    for (const brake of [0, 6, 7, 0, 9]) drive(brake, brake, 10);
    pipeline.flush();
    const found = records();
    expect(samplesIn(found, "braking")).toEqual(["0@10=6", "0@20=7", "0@40=9"]);
    const told = triggersIn(found).map(({ number, phase, cause }) => [number, phase, cause.values[0]?.value]);
    expect(told).toEqual([
      [1, "begin", 6],
      [1, "end", 6],
      [2, "begin", 9],
    ]);
  });

  it("takes derived signals with the frames that it takes, the one that made the condition true and none that ended it", async () => {
    const { use, drive, pipeline, records } = await campaignRig();
    use({
      id: "braking",
      inputs: { p: "Motion.Brake" },
      derived: [{ name: "twice", unit: "bar", expression: "p * 2.0" }],
      trigger: { condition: "twice > 10.0", mode: "while", minIntervalMs: 0 },
      collect: [EVERY, { signals: "twice", mode: "every", ms: 0 }],
    });
    for (const brake of [0, 6, 7, 0, 9]) drive(brake, brake, 10);
    pipeline.flush();
    const found = samplesIn(records(), "braking");
    expect(found.filter((one) => one.startsWith("1@"))).toEqual(["1@10=12", "1@20=14", "1@40=18"]);
  });

  it("draws no curve over the time in which the condition is not true", async () => {
    const { use, drive, pipeline, records } = await campaignRig();
    const trigger = { condition: "p > 5.0", mode: "while", minIntervalMs: 0 };
    const curve = { signals: "Motion.Speed", mode: "curve", maxError: 0.5, maxDelayMs: 10_000 };
    use({ id: "braking", inputs: { p: "Motion.Brake" }, trigger, collect: [curve] });
    for (const brake of [9, 9, 9, 0, 0, 9, 9, 9, 0]) drive(50, brake, 10);
    pipeline.flush();
    expect(samplesIn(records(), "braking")).toEqual(["0@0=50", "0@20=50", "0@50=50", "0@70=50"]);
  });

  it("ends at a stop of the agent what lasts as long as its condition", async () => {
    const { use, drive, pipeline, records } = await campaignRig();
    const trigger = { condition: "p > 5.0", mode: "while", minIntervalMs: 0 };
    use({ id: "braking", inputs: { p: "Motion.Brake" }, trigger, collect: [EVERY] });
    drive(1, 9, 10);
    pipeline.stop();
    expect(triggersIn(records()).map(({ phase }) => phase)).toEqual(["begin", "end"]);
    expect(samplesIn(records(), "braking")).toEqual(["0@0=1"]);
  });

  it("sends what was before and after a trigger at full resolution, once", async () => {
    const { use, drive, clock, pipeline, records } = await campaignRig();
    const trigger = { condition: "p > 5.0", beforeMs: 30, afterMs: 20, minIntervalMs: 0 };
    use({ id: "crash", inputs: { p: "Motion.Brake" }, trigger, collect: [EVERY], frames: [{ bus: "can0" }] });
    for (let at = 0; at < 10; at++) drive(at, at === 5 || at === 6 ? 9 : 0, 10);
    clock.advance(3000);
    pipeline.flush();
    const found = records();
    expect(samplesIn(found, "crash")).toEqual(["0@20=2", "0@30=3", "0@40=4", "0@50=5", "0@60=6", "0@70=7"]);
    const frames = found.flatMap(({ body }) => (body.kind === "frames" ? body.frames : []));
    expect(frames.map(({ data }) => data[0])).toEqual([2, 3, 4, 5, 6, 7]);
    const [begin, end] = triggersIn(found);
    expect(begin?.capture).toMatchObject({ beforeMs: 30, afterMs: 20, historyMs: 30 });
    expect(end).toMatchObject({ phase: "end", counts: { frames: 6, framesLost: 0 } });
  });

  it("says how much history there was where the trigger came early", async () => {
    const { use, drive, clock, pipeline, records } = await campaignRig();
    const trigger = { condition: "p > 5.0", beforeMs: 1000, afterMs: 0 };
    use({ id: "early", inputs: { p: "Motion.Brake" }, trigger, collect: [EVERY] });
    drive(1, 0, 40);
    drive(2, 9, 10);
    clock.advance(3000);
    pipeline.flush();
    const found = records();
    expect(samplesIn(found, "early")).toEqual(["0@0=1", "0@40=2"]);
    expect(triggersIn(found)[0]?.capture).toMatchObject({ beforeMs: 1000, historyMs: 40 });
  });

  it("leaves a campaign alone while another is replaced, and hands over what the other held", async () => {
    const { use, drive, pipeline, records } = await campaignRig();
    const stays = { id: "stays", collect: [{ signals: "Motion.Speed", mode: "latest", windowMs: 1000 }] };
    use(stays, { id: "goes", collect: [{ signals: "Motion.Brake", mode: "latest", windowMs: 1000 }] });
    drive(1, 2, 10);
    use(stays, { id: "goes", version: 2, collect: [EVERY] });
    drive(3, 4, 10);
    pipeline.flush();
    expect(samplesIn(records(), "goes")).toEqual(["1@0=2", "0@10=3"]);
    expect(samplesIn(records(), "stays")).toEqual([]);
    pipeline.stop();
    expect(samplesIn(records(), "stays")).toEqual(["0@10=3"]);
  });

  it("begins and ends by the clock", async () => {
    const { use, drive, clock, campaigns, pipeline, records } = await campaignRig();
    const [start, end] = ["2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z"];
    use({ id: "timed", start, end, collect: [EVERY] });
    drive(1, 0, 1250);
    drive(2, 0, 1250);
    drive(3, 0, 10);
    pipeline.flush();
    expect(samplesIn(records(), "timed")).toEqual(["0@1250=2"]);
    expect(campaigns.list().map(({ figures }) => figures.state)).toEqual(["running", "ended"]);
    clock.advance(1);
  });

  it("neither fires nor works anything out before its start and after its end", async () => {
    let up = 1;
    const { use, drive, clock, pipeline, records } = await campaignRig({ facts: () => new Map([["bus.can0.up", up]]) });
    const at = (ms: number): string => new Date(RIG_T0 / 1000 + ms).toISOString();
    use(
      {
        id: "silent",
        start: at(10_000),
        end: at(30_000),
        inputs: { p: "Motion.Brake" },
        derived: [{ name: "ms", expression: "age(p)" }],
        trigger: { condition: "age(p) > 5000.0", mode: "while" },
        collect: [{ signals: "ms", mode: "every", ms: 0 }],
      },
      { id: "down", start: at(10_000), trigger: { condition: "!bus.can0.up", mode: "while" }, collect: [EVERY] },
    );
    const pass = (ms: number): void => {
      for (let passed = 0; passed < ms; passed += 250) {
        clock.advance(250);
        pipeline.flush();
      }
    };
    up = 0;
    drive(1, 1, 250);
    pass(9000);
    expect(triggersIn(records())).toEqual([]);
    pass(10_000);
    drive(1, 1, 250);
    pass(60_000);
    const told = triggersIn(records()).map(({ campaign, phase, timeUs }) => {
      return `${campaign.id} ${phase} ${Math.round((timeUs - RIG_T0) / 1e6)} s`;
    });
    const silent = ["silent begin 10 s", "silent begin 24 s", "silent end 19 s", "silent end 30 s"];
    expect(told.toSorted()).toEqual(["down begin 10 s", ...silent]);
    const times = samplesIn(records(), "silent").map((one) => Number(/@([\d.]+)=/.exec(one)?.[1]));
    expect(Math.min(...times)).toBeGreaterThanOrEqual(10_000);
    expect(Math.max(...times)).toBeLessThanOrEqual(30_000);
  });

  it("pauses when its bytes of the day are used up, until the next day", async () => {
    const { use, drive, clock, pipeline, records } = await campaignRig();
    use({ id: "dear", collect: [EVERY], budget: { bytesPerDay: 1000 } });
    for (let at = 0; at < 200; at++) drive(at, 0, 100);
    const first = samplesIn(records(), "dear").length;
    expect(first).toBeGreaterThan(5);
    expect(first).toBeLessThan(100);
    clock.advance(86_400_000);
    pipeline.flush();
    drive(9, 0, 300);
    expect(samplesIn(records(), "dear")).toHaveLength(first + 1);
  });

  it("knows after a restart how often a trigger has fired", async () => {
    const trigger = { condition: "p > 5.0", mode: "while", minIntervalMs: 0, maxCount: 2 };
    const document = { id: "twice", inputs: { p: "Motion.Brake" }, trigger, collect: [EVERY] };
    const before = await campaignRig();
    before.use(document);
    before.drive(1, 9, 10);
    before.drive(2, 0, 10);
    before.pipeline.stop();
    const after = await campaignRig({ outbox: before.outbox });
    after.use(document);
    for (const brake of [0, 9, 0, 9]) after.drive(brake, brake, 10);
    after.pipeline.flush();
    expect(triggersIn(after.records()).map(({ number, phase }) => `${number} ${phase}`)).toEqual([
      "1 begin",
      "1 end",
      "2 begin",
      "2 end",
    ]);
  });

  it("knows after a restart what it has sent today", async () => {
    const document = { id: "dear", collect: [EVERY], budget: { bytesPerDay: 1000 } };
    const before = await campaignRig();
    before.use(document);
    for (let at = 0; at < 200; at++) before.drive(at, 0, 100);
    before.pipeline.stop();
    const sent = samplesIn(before.records(), "dear").length;
    const after = await campaignRig({ outbox: before.outbox });
    after.use(document);
    after.drive(1, 0, 300);
    after.pipeline.flush();
    expect(samplesIn(after.records(), "dear")).toHaveLength(sent);
  });

  it("fires by hand, and says so", async () => {
    const { use, drive, clock, campaigns, pipeline, records } = await campaignRig();
    const trigger = { condition: "p > 5.0", beforeMs: 100 };
    use({ id: "hand", inputs: { p: "Motion.Brake" }, trigger, collect: [EVERY] });
    drive(1, 0, 10);
    expect(campaigns.fire("hand")).toBe(true);
    expect(campaigns.fire("other")).toBe(false);
    // Its event does not wait for the batch.
    clock.advance(50);
    expect(triggersIn(records())[0]?.cause.byHand).toBe(true);
    clock.advance(3000);
    pipeline.flush();
    expect(samplesIn(records(), "hand")).toEqual(["0@0=1"]);
    expect(triggersIn(records())[0]?.cause.byHand).toBe(true);
  });

  it("reads facts about the buses, which never get too old", async () => {
    let up = 1;
    const { use, drive, clock, pipeline, records } = await campaignRig({ facts: () => new Map([["bus.can0.up", up]]) });
    const trigger = { condition: "!bus.can0.up", mode: "while", minIntervalMs: 0 };
    use({ id: "down", trigger, collect: [EVERY] });
    drive(1, 0, 60_000);
    up = 0;
    pipeline.flush();
    clock.advance(250);
    drive(2, 0, 10);
    pipeline.flush();
    expect(samplesIn(records(), "down")).toEqual(["0@60250=2"]);
  });

  it("does not take a step of the wall clock for time that passed", async () => {
    const { use, drive, clock, pipeline, records } = await campaignRig();
    const trigger = { condition: "p > 5.0", forMs: 10_000, minIntervalMs: 0, beforeMs: 100 };
    use({ id: "long", inputs: { p: "Motion.Brake" }, maxAgeMs: 60_000, trigger, collect: [EVERY] });
    for (let at = 0; at < 5; at++) drive(1, 9, 1000);
    clock.stepWall(3_600_000_000);
    pipeline.flush();
    for (let at = 0; at < 4; at++) drive(1, 9, 1000);
    expect(triggersIn(records())).toEqual([]);
    for (let at = 0; at < 3; at++) drive(1, 9, 1000);
    pipeline.flush();
    expect(triggersIn(records()).map(({ phase }) => phase)).toContain("begin");
  });

  it.each([-1e12, 1e12])(
    "goes by the clock that frames are received by, where that is another (%f µs)",
    async (otherUs) => {
      const { use, bus, clock, pipeline, records } = await campaignRig();
      const inputs = { p: "Motion.Brake" };
      const trigger = { condition: "p > 5.0", forMs: 1000, minIntervalMs: 0, mode: "while" };
      use({ id: "other", inputs, trigger, collect: [EVERY] });
      const startMs = clock.monotonicMs();
      const drive = (brake: number, forMs: number): void => {
        const receivedAtUs = RIG_T0 + otherUs + (clock.monotonicMs() - startMs) * 1000;
        bus.deliver([{ id: 0x100, flags: 0, data: Uint8Array.of(1, brake), receivedAtUs }]);
        for (let passed = 0; passed < forMs; passed += 250) {
          clock.advance(250);
          pipeline.flush();
        }
      };
      drive(0, 500);
      drive(9, 500);
      drive(9, 1500);
      clock.stepWall(20_000_000);
      drive(9, 10_000);
      const told = triggersIn(records()).map(({ phase, timeUs }) => [phase, (timeUs - RIG_T0 - otherUs) / 1000]);
      expect(told).toEqual([
        ["begin", 1500],
        ["end", 4500.001],
      ]);
    },
  );

  it("wants the signals that it collects or reads, and no others", async () => {
    const { use, interests } = await campaignRig();
    expect(interests.at(-1)).toEqual([]);
    use({
      id: "one",
      inputs: { p: "Motion.Brake" },
      trigger: { condition: "p > 1.0", mode: "while" },
      collect: [EVERY],
    });
    expect(new Set(interests.at(-1))).toEqual(new Set([0, 1]));
  });

  it.each([
    [{ inputs: { p: "Motion.Brak" } }, ["inputs", "p"], /there is no signal Motion.Brak/],
    [{ trigger: { condition: "q > 1.0" } }, ["trigger", "condition"], /q/],
    [{ derived: [{ name: "d", expression: "1.0 + true" }] }, ["derived", 0, "expression"], /character/],
    [
      { trigger: { condition: "true" }, frames: [{ bus: "can7" }] },
      ["frames", 0, "bus"],
      /unknown bus can7; configured: can0/,
    ],
  ])("refuses %j and runs the others", async (part, path, problem) => {
    const { use, campaigns } = await campaignRig();
    const refused = use({ id: "bad", collect: [EVERY], ...part }, { id: "good", collect: [EVERY] });
    expect(refused.map(({ id }) => id)).toEqual(["bad"]);
    expect(refused[0]?.reason.startsWith(`${path.join(".")}: `)).toBe(true);
    expect(refused[0]?.reason).toMatch(problem);
    expect(campaigns.list().map(({ plan }) => plan.document.id)).toEqual(["default", "good"]);
  });
});
