import { describe, expect, it } from "vitest";
import { Gate, GatedSamplers } from "../../../../../agent/telemetry/campaigns/run/gated-samplers.ts";
import type { SampleTaker } from "../../../../../agent/telemetry/collect/sampler-chains.ts";

function recorder(): SampleTaker & { readonly taken: number[] } {
  const taken: number[] = [];
  return { taken, take: (_local, { raw }) => void taken.push(raw) };
}

describe("GatedSamplers", () => {
  it("hands samples to those whose gate is open, from the sample after it was opened", () => {
    const [one, two] = [new Gate(), new Gate()];
    const [first, second] = [recorder(), recorder()];
    const gated = new GatedSamplers();
    const links = gated.join([
      { slot: 3, sampler: first, local: 0, gate: one },
      { slot: 3, sampler: second, local: 0, gate: two },
    ]);
    expect(links).toEqual([{ slot: 3, sampler: gated, local: 0 }]);
    const take = (raw: number): void => gated.take(0, { slot: 3, timeUs: raw, raw, low: 0, high: 0 });
    take(1);
    one.set(true);
    take(2);
    two.set(true);
    one.set(false);
    take(3);
    expect(first.taken).toEqual([2]);
    expect(second.taken).toEqual([3]);
  });

  it("takes on a sampler of a slot that it has already", () => {
    const gate = new Gate();
    gate.set(true);
    const [first, second] = [recorder(), recorder()];
    const gated = new GatedSamplers();
    gated.join([{ slot: 3, sampler: first, local: 0, gate }]);
    expect(gated.join([{ slot: 3, sampler: second, local: 0, gate }])).toEqual([]);
    gated.take(0, { slot: 3, timeUs: 1, raw: 1, low: 0, high: 0 });
    expect([first.taken, second.taken]).toEqual([[1], [1]]);
  });
});
