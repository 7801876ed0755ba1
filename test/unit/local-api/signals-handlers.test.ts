import { describe, expect, it } from "vitest";
import { signalsHandlers } from "../../../agent/local-api/signals-handlers.ts";
import { watchSignals } from "../../../agent/local-api/signals-schema.ts";
import { servedOn } from "../../../agent/local-api/verb.ts";
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

/** What `watch` answers first when every signal is 3. */
async function watch(...patterns: string[]) {
  const latest = table.signals.map((signal) => ({ signal, origin: undefined, timeUs: 0, raw: 3 }));
  const verbs = servedOn("view", signalsHandlers({ latest: () => latest, clock: new ManualClock() }));
  const answer: unknown = await verbs.watch?.({ verb: "watch", patterns }, new AbortController().signal);
  if (!isStream(answer)) throw new Error("no stream");
  for await (const each of answer) return watchSignals.each.parse(JSON.parse(JSON.stringify(each))).signals;
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
});
