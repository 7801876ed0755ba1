import { describe, expect, it } from "vitest";
import { PromptCommits } from "../../../agent/telemetry/prompt-commits.ts";
import { ManualClock } from "../../fakes/core/clock.ts";

function rig() {
  const clock = new ManualClock();
  const stores: number[] = [];
  const commits: PromptCommits = new PromptCommits(clock, () => {
    stores.push(clock.monotonicMs());
    commits.note();
  });
  return { clock, stores, commits };
}

describe("PromptCommits", () => {
  it("lets nobody who joins wait longer because others commit meanwhile", () => {
    const { clock, commits } = rig();
    commits.note();
    const askedMs = clock.monotonicMs();
    let joinedMs: number | undefined;
    commits.ask(() => {
      joinedMs = clock.monotonicMs();
    });
    for (let ms = 0; ms < 300; ms += 30) {
      clock.advance(30);
      commits.note();
    }
    expect(joinedMs).toBe(askedMs + 50);
  });

  it("stores no second time for who only wanted what waits, when a batch takes it along", () => {
    const { clock, stores, commits } = rig();
    commits.note();
    commits.ask();
    clock.advance(20);
    commits.note();
    clock.advance(1000);
    expect(stores).toEqual([]);
  });

  it("leaves nothing to wait at the end, and lets nothing wait after it", () => {
    const { clock, stores, commits } = rig();
    commits.note();
    commits.ask(() => undefined);
    commits.close();
    commits.ask();
    expect(stores).toEqual([clock.monotonicMs()]);
    clock.advance(1000);
    expect(stores).toHaveLength(1);
  });
});
