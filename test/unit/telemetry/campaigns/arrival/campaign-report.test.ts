import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { bytesOf, changeOf } from "../../../../../agent/cloud/reported-change.ts";
import { outlineOf, recordOf, reportedOf } from "../../../../../agent/telemetry/campaigns/arrival/campaign-report.ts";
import { mergeTrees } from "../../../../bench/cloud/shadow-document.ts";
import { campaignRig } from "../../../../fakes/telemetry/campaign-rig.ts";

const EVERY = { signals: "Motion.Speed", mode: "every", ms: 0 };
const tree = fc.dictionary(
  fc.constantFrom("a", "b", "c"),
  fc.oneof(
    fc.integer({ min: 0, max: 2 }),
    fc.dictionary(fc.constantFrom("x", "y"), fc.constantFrom("1", "2"), { minKeys: 1 }),
  ),
);

async function lists() {
  const { control, use } = await campaignRig();
  use({ id: "one", collect: [EVERY] }, { id: "bad", collect: [EVERY], trip: `${"x".repeat(300)}` });
  return control.list();
}

describe("what is told of campaigns", () => {
  it("tells by id what runs and why something does not", async () => {
    const list = await lists();
    const [{ plan }] = list.running;
    expect(list.refused[0]?.reason).toMatch(/^trip: unknown name x+…; give it/);
    expect(reportedOf(list, 8000)).toEqual({
      campaigns: {
        one: { version: 1, state: "running", digest: plan.digest, source: "files" },
        bad: { version: 1, state: "refused", source: "files", reason: list.refused[0]?.reason },
      },
      counts: { running: 1, refused: 1 },
    });
    expect(recordOf(list, 5)).toMatchObject({
      timeUs: 5,
      running: [{ campaign: { id: "one", version: 1, digest: plan.digest }, state: "running", triggers: 0 }],
      refused: [{ id: "bad", version: 1 }],
    });
  });

  it("says less where there is little room, and counts at the least", async () => {
    const list = await lists();
    const seen = new Set<string>();
    for (let maxBytes = 8000; maxBytes >= 0; maxBytes -= 10) {
      const reported = reportedOf(list, maxBytes);
      seen.add(JSON.stringify(reported));
      if (maxBytes >= 40) expect(bytesOf(reported)).toBeLessThanOrEqual(maxBytes);
    }
    expect(seen.size).toBe(4);
    expect([...seen].at(-1)).toBe('{"counts":{"running":1,"refused":1}}');
  });

  it("is another one when something changes that is no figure", async () => {
    const { control, use, clock } = await campaignRig();
    use({ id: "one", end: "2026-01-01T00:00:01Z", collect: [EVERY] });
    const before = outlineOf(control.list());
    expect(outlineOf(control.list())).toBe(before);
    clock.advance(1500);
    expect(outlineOf(control.list())).not.toBe(before);
  });

  it("changes what was reported into what is to be, by the rules of a shadow (seed 20261129)", () => {
    fc.assert(
      fc.property(tree, tree, (before, after) => {
        const change = changeOf(before, after);
        const sent = z.record(z.string(), z.json()).parse(JSON.parse(JSON.stringify(change ?? {})));
        expect(mergeTrees(before, sent) ?? {}).toEqual(after);
        expect(change === undefined).toBe(JSON.stringify(sent) === "{}");
      }),
      { seed: 20_261_129, numRuns: 1000 },
    );
  });
});
