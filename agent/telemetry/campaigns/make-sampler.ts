import type { Sampler, SampleSink } from "../collect/sampler.ts";
import { ChangeSampler } from "../collect/samplers/change-sampler.ts";
import { CurveSampler } from "../collect/samplers/curve-sampler.ts";
import { EverySampler } from "../collect/samplers/every-sampler.ts";
import { LatestSampler } from "../collect/samplers/latest-sampler.ts";
import { windowSampler } from "../collect/samplers/window-sampler.ts";
import type { PlannedSampling } from "./campaign-plan.ts";

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
    default:
      throw new TypeError(`no sampler for ${entry.mode}`);
  }
}
