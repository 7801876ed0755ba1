import { describe, expect, it } from "vitest";
import { freshSource } from "../../../../agent/updates/download/fresh-source.ts";
import { FakeStepContext, twoArtifacts } from "../../../fakes/updates/step-context.ts";

const FRESH = { kind: "url", url: "https://example.com/fresh" } as const;

describe("freshSource", () => {
  it("asks with growing pauses until somebody answers, and says meanwhile what for", async () => {
    const context = new FakeStepContext();
    const askedMs: number[] = [];
    const startMs = context.clock.monotonicMs();
    const renew = async () => {
      askedMs.push(context.clock.monotonicMs() - startMs);
      return askedMs.length < 9 ? ("later" as const) : FRESH;
    };
    context.checks = { ...context.checks, renew };
    const source = freshSource(twoArtifacts(), context, "first", new AbortController().signal);
    await context.clock.run(100_000);
    expect(context.progress.waitingFor).toContain("a fresh URL for first");
    await context.clock.run(100_000);
    expect(await source).toEqual(FRESH);
    expect(askedMs.map((ms) => ms / 1000)).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183]);
    expect(context.progress.waitingFor).toBeUndefined();
  });

  it("gives up after the time for that", async () => {
    const context = new FakeStepContext();
    context.checks = { ...context.checks, renew: async () => "later", giveUpMs: 600_000 };
    const source = freshSource(twoArtifacts(), context, "first", new AbortController().signal);
    await context.clock.run(700_000);
    expect(await source).toBeUndefined();
  });
});
