import type { FramePass } from "./lane.ts";
import type { LatestValues } from "./latest-values.ts";
import type { Reading } from "./sampler.ts";
import type { SamplerLink } from "./sampler-chains.ts";

/** Brings what is known of the signals of `links` to their samplers, as if it came now but for its time. What was never seen is left out. */
export function takeLatest(links: readonly SamplerLink[], latest: LatestValues, pass: FramePass): void {
  const reading: Reading = { slot: 0, timeUs: 0, raw: 0, low: 0, high: 0 };
  for (const { slot, sampler, local } of links) {
    if (!latest.readInto(slot, reading)) continue;
    // Each may be of another time: records are cut anywhere between them.
    pass.frame += 1;
    sampler.take(local, reading);
  }
}
