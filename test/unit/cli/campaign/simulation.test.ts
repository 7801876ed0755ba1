import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dbcVehicle } from "../../../../agent/cli/campaign/dbc-vehicle.ts";
import { CampaignSimulation, contextOf } from "../../../../agent/cli/campaign/simulation.ts";
import { parseDbcBytes } from "../../../../agent/signals/dbc/bytes.ts";
import { planCampaign } from "../../../../agent/telemetry/campaigns/plan/campaign-plan.ts";
import { createRecordReader } from "../../../../agent/telemetry/record/read/record-reader.ts";
import { campaignDocument } from "../../../../config/campaign.ts";
import { readDescriptor } from "../../../../config/proto/descriptor.ts";

const SEED = 20_261_129;
const T0 = 1_735_270_496_000_000;
const DBC = `BO_ 256 Motion: 2 X
 SG_ Speed : 0|8@1+ (1,0) [0|0] "km/h" X
 SG_ Brake : 8|8@1+ (1,0) [0|0] "bar" X
`;
const { database } = parseDbcBytes(new TextEncoder().encode(DBC), undefined);
const reader = createRecordReader(readDescriptor());

type Step = { readonly afterMs: number; readonly isBraking: boolean };
type Spans = { readonly beforeMs: number; readonly afterMs: number };

/** Times in ms of the samples that the campaign sends, in the order of its records. */
function simulated(steps: readonly Step[], spans: Spans, buses: readonly string[]): number[] {
  const vehicle = dbcVehicle([{ file: "v.dbc", database, interface: undefined }], buses);
  const document = campaignDocument.parse({
    schemaVersion: 1,
    id: "braking",
    version: 1,
    inputs: { brake: `${buses[0]}/Motion.Brake` },
    trigger: { condition: "brake > 80.0", minIntervalMs: 0, ...spans },
    collect: [{ signals: `${buses[0]}/Motion.Speed`, mode: "every", ms: 0 }],
  });
  const planned = planCampaign(document, contextOf(vehicle));
  if (planned.kind === "unfit") throw new Error(planned.problems[0]?.problem);
  const times: number[] = [];
  const simulation = new CampaignSimulation(vehicle, T0, ({ payload }) => {
    const { body } = reader.decode(payload);
    if (body.kind === "samples")
      times.push(...body.columns.flatMap(({ timesUs }) => timesUs.map((us) => (us - T0) / 1000)));
  });
  simulation.start([planned.plan]);
  let ms = 0;
  for (const [at, { afterMs, isBraking }] of steps.entries()) {
    ms += afterMs;
    const data = Uint8Array.of(at & 0xff, isBraking ? 90 : 0);
    // A frame on every bus, and the first bus alone counts.
    for (const bus of buses) simulation.take(bus, { id: 0x100, flags: 0, data, receivedAtUs: T0 + ms * 1000 });
  }
  simulation.finish();
  return times;
}

/** The same, slow and obvious: what lies within the spans of one of the edges. */
function expected(steps: readonly Step[], { beforeMs, afterMs }: Spans): number[] {
  let ms = 0;
  const frames = steps.map((step) => {
    ms += step.afterMs;
    return { ms, isBraking: step.isBraking };
  });
  const edges = frames.filter(({ isBraking }, at) => isBraking && frames[at - 1]?.isBraking !== true);
  return frames
    .filter((frame) => edges.some((edge) => frame.ms >= edge.ms - beforeMs && frame.ms <= edge.ms + afterMs))
    .map((frame) => frame.ms);
}

describe("CampaignSimulation", () => {
  it(`sends what lies around the edges, each sample once and no other, seed ${SEED}`, () => {
    // Frames are younger than maxAgeMs of the campaign, so that its condition is never undefined.
    const step = fc.record({ afterMs: fc.integer({ min: 1, max: 1900 }), isBraking: fc.boolean() });
    const spans = fc.record({ beforeMs: fc.nat({ max: 6000 }), afterMs: fc.nat({ max: 6000 }) });
    const buses = fc.constantFrom(["can0"], ["can0", "can1"]);
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), spans, buses, (steps, given, names) => {
        expect(simulated(steps, given, names)).toEqual(expected(steps, given));
      }),
      { seed: SEED, numRuns: 60 },
    );
  });

  it("takes no frame of a bus that the vehicle does not have", () => {
    const vehicle = dbcVehicle([], ["can0"]);
    const simulation = new CampaignSimulation(vehicle, T0, () => undefined);
    simulation.start([]);
    const frame = { id: 1, flags: 0, data: Uint8Array.of(), receivedAtUs: T0 };
    expect([simulation.take("can0", frame), simulation.take("can1", frame)]).toEqual([true, false]);
    expect(simulation.finish()).toEqual([]);
  });
});
