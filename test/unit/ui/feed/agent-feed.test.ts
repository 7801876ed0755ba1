import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { AgentFeed } from "../../../../agent/ui/feed/agent-feed.ts";
import { until } from "../../../bench/core/wait.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { ShamAgent } from "../../../fakes/ui/sham-agent.ts";

const PATIENCE = { timeoutMs: 20_000 };

describe("what the page is told of the agent", () => {
  let agent: ShamAgent;
  let clock: ManualClock;
  let kinds: string[];
  let feed: AgentFeed;
  beforeEach(() => {
    agent = new ShamAgent();
    clock = new ManualClock();
    kinds = [];
    feed = new AgentFeed({
      line: agent,
      clock,
      intervalMs: 40,
      send: (kind) => void kinds.push(kind),
    });
  });

  /** Follows until the first status was told. */
  async function begin(): Promise<AbortController> {
    const end = new AbortController();
    onTestFinished(() => end.abort());
    kinds = [];
    void feed.run(end.signal);
    await until(() => (kinds.includes("status") ? true : undefined), { what: "a status", ...PATIENCE });
    return end;
  }

  const snapshot = (): ReadonlyMap<string, unknown> => new Map(feed.snapshot());

  it("gives a tab that comes later the last status with the time at which it was so", async () => {
    await begin();
    const askedAt = clock.wallUs() / 1e6;
    clock.advance(400);
    expect(snapshot().get("status")).toMatchObject({ t: askedAt });
  });

  it("says nothing of how things were when it last followed the agent", async () => {
    const end = await begin();
    end.abort();
    clock.advance(3_600_000);
    agent.state.isDown = true;
    const again = new AbortController();
    onTestFinished(() => again.abort());
    void feed.run(again.signal);
    expect(snapshot().get("agent")).toEqual({ state: "unknown" });
    expect(snapshot().has("status")).toBe(false);
  });
});
