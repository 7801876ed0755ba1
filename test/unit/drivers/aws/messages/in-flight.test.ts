import { describe, expect, it } from "vitest";
import type { PublishOutcome } from "../../../../../agent/ports/broker.ts";
import { InFlight } from "../../../../../drivers/aws/messages/in-flight.ts";

describe("InFlight", () => {
  it("gives each publication its own outcome and counts the others", async () => {
    const inFlight = new InFlight();
    const first = Promise.withResolvers<PublishOutcome>();
    const second = Promise.withResolvers<PublishOutcome>();
    const outcomes = [inFlight.track(first.promise), inFlight.track(second.promise)];
    expect(inFlight.count).toBe(2);
    second.resolve({ kind: "too-large" });
    expect(await outcomes[1]).toEqual({ kind: "too-large" });
    expect(inFlight.count).toBe(1);
    first.resolve({ kind: "acked" });
    expect(await outcomes[0]).toEqual({ kind: "acked" });
  });

  it("gives what still waits the outcome of the connection, whatever comes later", async () => {
    const inFlight = new InFlight();
    const late = Promise.withResolvers<PublishOutcome>();
    const outcome = inFlight.track(late.promise);
    inFlight.end({ kind: "offline" });
    expect(inFlight.count).toBe(0);
    late.resolve({ kind: "acked" });
    expect(await outcome).toEqual({ kind: "offline" });
    const next = inFlight.track(Promise.resolve({ kind: "acked" }));
    await late.promise;
    expect(await next).toEqual({ kind: "acked" });
  });
});
