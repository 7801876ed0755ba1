import { describe, expect, it } from "vitest";
import type { PublishOutcome } from "../../../../../agent/ports/broker.ts";
import { UnacknowledgedPublishes } from "../../../../../drivers/aws/messages/unacknowledged-publishes.ts";

describe("UnacknowledgedPublishes", () => {
  it("gives each publication its own outcome and counts the others", async () => {
    const publishes = new UnacknowledgedPublishes();
    const first = Promise.withResolvers<PublishOutcome>();
    const second = Promise.withResolvers<PublishOutcome>();
    const outcomes = [publishes.track(first.promise), publishes.track(second.promise)];
    expect(publishes.count).toBe(2);
    second.resolve({ kind: "too-large" });
    expect(await outcomes[1]).toEqual({ kind: "too-large" });
    expect(publishes.count).toBe(1);
    first.resolve({ kind: "acked" });
    expect(await outcomes[0]).toEqual({ kind: "acked" });
  });

  it("gives what still waits the outcome of the connection, whatever comes later", async () => {
    const publishes = new UnacknowledgedPublishes();
    const late = Promise.withResolvers<PublishOutcome>();
    const outcome = publishes.track(late.promise);
    publishes.end({ kind: "offline" });
    expect(publishes.count).toBe(0);
    late.resolve({ kind: "acked" });
    expect(await outcome).toEqual({ kind: "offline" });
    const next = publishes.track(Promise.resolve({ kind: "acked" }));
    await late.promise;
    expect(await next).toEqual({ kind: "acked" });
  });
});
