import { describe, expect, it } from "vitest";
import { signalsHandlers } from "../../../agent/local-api/signals-handlers.ts";
import { watchSignals } from "../../../agent/local-api/signals-schema.ts";
import { servedOn } from "../../../agent/local-api/verb.ts";
import { LatestSignals } from "../../../agent/signals/latest-signals.ts";
import type { SignalEntry } from "../../../agent/signals/signal-entry.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

const linear = { kind: "linear", factor: 1, offset: 0 } as const;
const table = tableOf([
  {
    name: "Gearbox",
    signals: [
      { name: "Gear", texts: { raws: [3], texts: ["Drive"] } },
      {
        name: "Speed",
        vss: [
          { path: "Vehicle.OBD.Speed", unit: "km/h", value: linear },
          { path: "Vehicle.Speed", unit: "km/h", value: linear },
        ],
      },
    ],
  },
]);

/** What is held while somebody watches, and how often something was. */
const held = new Set<readonly string[]>();
let holds = 0;

function hold(_who: string, signals: readonly SignalEntry[]): () => void {
  const names = signals.map(({ name }) => name);
  held.add(names);
  holds += 1;
  return () => void held.delete(names);
}

const POWER = { campaign: "braking", name: "power", unit: "kW", value: Number.NaN, timeUs: 0 };

/** The signals that `watch` answers first when every signal is 3. */
async function watch(...patterns: string[]) {
  return (await firstLook(patterns)).signals;
}

async function firstLook(patterns: readonly string[]) {
  const latest = table.signals.map((signal) => ({ signal, origin: undefined, timeUs: 0, raw: 3, count: 7 }));
  const signals = new LatestSignals(table, { latestOf: () => undefined }, hold);
  const verbs = servedOn(
    "view",
    signalsHandlers({
      latest: () => latest,
      derived: () => [POWER],
      signals,
      clock: new ManualClock({ wallUs: 40_000 }),
    }),
  );
  const answer: unknown = await verbs.watch?.({ verb: "watch", patterns }, new AbortController().signal);
  if (!isStream(answer)) throw new Error("no stream");
  for await (const each of answer) {
    expect([...held].flat()).toEqual(signals.matching(patterns).map(({ name }) => name));
    return watchSignals.each.parse(JSON.parse(JSON.stringify(each)));
  }
  throw new Error("nothing came");
}

function isStream(answer: unknown): answer is AsyncIterable<unknown> {
  return typeof answer === "object" && answer !== null && Symbol.asyncIterator in answer;
}

describe("watch", () => {
  it("gives the text of a value, and the paths that the signal has in VSS", async () => {
    const [gear, speed] = await watch();
    expect(gear).toMatchObject({ name: "Gear", raw: 3, text: "Drive" });
    expect(gear).not.toHaveProperty("vss");
    expect(speed).toMatchObject({ name: "Speed", vss: ["Vehicle.OBD.Speed", "Vehicle.Speed"] });
    expect(speed).not.toHaveProperty("text");
  });

  it.each([
    ["Vehicle.Speed", ["Speed"]],
    ["Vehicle.OBD.*", ["Speed"]],
    ["Gearbox.*", ["Gear", "Speed"]],
    ["Vehicle.speed", []],
  ])("takes %s as a pattern over both names", async (pattern, names) => {
    expect((await watch(pattern)).map(({ name }) => name)).toEqual(names);
  });

  it.each([
    [[], 1],
    [["power"], 1],
    [["braking/*"], 1],
    [["other/*", "Gearbox.*"], 0],
  ])("gives derived signals of campaigns for %j", async (patterns, count) => {
    const { derived } = await firstLook(patterns);
    const [power] = derived;
    expect(derived).toHaveLength(count);
    if (count > 0) expect(power).toEqual({ campaign: "braking", name: "power", unit: "kW", value: "NaN", ageMs: 40 });
  });

  it("has what it shows decoded, for as long as somebody watches", async () => {
    const before = holds;
    await watch("Gearbox.Speed");
    expect(holds).toBe(before + 1);
    expect(held.size).toBe(0);
  });

  it("gives how often each was decoded, and with how many decimals it is read", async () => {
    expect((await watch("Gearbox.Speed"))[0]).toMatchObject({ count: 7, decimals: 0 });
  });

  it("tells the patterns that match nothing, and those whose signals have no value", async () => {
    expect(await firstLook(["gear", "power", "X.Y", "Gearbox.*"])).toMatchObject({
      matched: 3,
      unmatched: [
        { pattern: "gear", near: ["Gearbox.Gear", "Gearbox.Speed"] },
        { pattern: "X.Y", near: [] },
      ],
    });
    expect(await firstLook(["Gearbox.*"])).not.toHaveProperty("unmatched");
    expect(await firstLook(["Gearbox.*"])).not.toHaveProperty("silent");
  });
});
