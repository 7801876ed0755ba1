import type { CellPlace } from "../../collect/cells/cell-ledger.ts";
import { CounterSampler } from "../../collect/cells/counter-sampler.ts";
import { DurationSampler } from "../../collect/cells/duration-sampler.ts";
import { GridSampler } from "../../collect/cells/grid-sampler.ts";
import { HistogramSampler } from "../../collect/cells/histogram-sampler.ts";
import type { KeptSampler } from "../../collect/cells/kept-sampler.ts";
import type { Sampler, SampleSink } from "../../collect/sampler.ts";
import { ChangeSampler } from "../../collect/samplers/change-sampler.ts";
import { CurveSampler } from "../../collect/samplers/curve-sampler.ts";
import { EverySampler } from "../../collect/samplers/every-sampler.ts";
import { LatestSampler } from "../../collect/samplers/latest-sampler.ts";
import { windowSampler } from "../../collect/samplers/window-sampler.ts";
import type { PlannedSampling } from "../plan/campaign-plan.ts";
import type { KeptEntry } from "../plan/kept-plan.ts";

const HOUR_MS = 3_600_000;

/** The sampler of one way of sampling, which takes no signal yet. */
export function makeSampler(
  { entry, aggregate }: Pick<PlannedSampling, "entry" | "aggregate">,
  sink: SampleSink,
): Sampler {
  switch (entry.mode) {
    case "every":
      return new EverySampler(entry, sink);
    case "on-change":
      return new ChangeSampler(entry, sink);
    case "latest":
      return new LatestSampler(entry, sink);
    case "curve":
      return new CurveSampler(entry, sink);
    case "aggregate": {
      if (aggregate === undefined) throw new TypeError("an aggregate is planned without its kind");
      const windowMs = "windowMs" in entry.over ? { windowMs: entry.over.windowMs } : {};
      return windowSampler({ kind: aggregate, ...windowMs }, sink);
    }
    case "duration":
    case "histogram":
    case "counter":
      throw new TypeError(`${entry.mode} has no sink`);
  }
}

/** The sampler of an entry that counts in cells. */
export function makeKeptSampler(entry: KeptEntry, place: CellPlace): KeptSampler {
  const period = { everyMs: entry.everyHours * HOUR_MS, perTrip: entry.per === "trip" };
  switch (entry.mode) {
    case "duration":
      return new DurationSampler(period, place);
    case "counter":
      return new CounterSampler({ of: entry.of, ...period }, place);
    case "histogram": {
      const by = entry.by === "count" ? "samples" : "time";
      const { edges, with: second } = entry;
      if (second === undefined) return new HistogramSampler({ edges, by, ...period }, place);
      return new GridSampler({ xEdges: edges, yEdges: second.edges, by, ...period }, place);
    }
  }
}
