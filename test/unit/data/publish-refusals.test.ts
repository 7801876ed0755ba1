import { describe, expect, it } from "vitest";
import type { Publication } from "../../../agent/ports.ts";
import { createPublisherBench, draft, idOf, refusal, times } from "../../fakes/publisher.ts";

describe("Publisher, when a record is not taken", () => {
  it.each([0x90, 0x95, 0x99])("sets a record aside after PUBACK 0x%s, reports the loss, and goes on", async (code) => {
    const { clock, outbox, broker, append, start, ids } = createPublisherBench();
    broker.answer = (publication) => (idOf(publication) === "telemetry-1" ? refusal(code) : { kind: "acked" });
    await start();
    append(draft("telemetry"), draft("telemetry"));
    await clock.run(2000);
    expect(ids()).toEqual(["telemetry-1", "telemetry-2", "event-1"]);
    expect(new TextDecoder().decode(broker.publications[2].payload)).toBe("rejected 1-1");
    expect(outbox.stats().streams.telemetry).toMatchObject({ dead: 1, records: 0 });
  });

  it("sets a record aside that is over the broker's packet limit", async () => {
    const { clock, outbox, append, start } = createPublisherBench();
    await start();
    append(draft("telemetry", { seal: () => new Uint8Array(149_504) }));
    await clock.run(0);
    expect(outbox.stats().streams.telemetry.dead).toBe(1);
  });

  it("tries a forbidden topic with growing delays, holds up no other topic, and gives the record up after the last attempt", async () => {
    const { clock, outbox, broker, append, start, ids } = createPublisherBench({ refusalAttempts: 3 });
    const isCapture = (publication: Publication): boolean => publication.topic.endsWith("/capture");
    broker.answer = (publication) => (isCapture(publication) ? refusal(0x87) : { kind: "acked" });
    await start();
    append(draft("capture"), draft("capture"), draft("telemetry"));
    await clock.run(0);
    expect(ids()).toEqual(["telemetry-1", "capture-1", "capture-2"]);
    append(draft("telemetry"));
    await clock.run(900);
    expect(ids().slice(3)).toEqual(["telemetry-2"]);
    await clock.run(100);
    expect(ids().slice(4)).toEqual(["capture-1"]);
    await clock.run(1500);
    expect(ids().slice(5)).toEqual(["capture-1"]);
    expect(outbox.stats().streams.capture).toMatchObject({ dead: 1, records: 1 });
  });

  it("delivers what a wrong policy refused when the policy is right again", async () => {
    const { clock, outbox, broker, append, start } = createPublisherBench({ refusalAttempts: 100 });
    broker.answer = () => refusal(0x87);
    await start();
    append(...times(20, () => draft("telemetry")));
    await clock.run(600_000);
    expect(outbox.stats().records).toBe(20);
    // Ten minutes of refusals cost few publishes.
    expect(broker.publications.length).toBeLessThan(25);
    broker.answer = () => ({ kind: "acked" });
    await clock.run(300_000);
    expect(outbox.stats()).toMatchObject({ records: 0 });
    expect(outbox.stats().streams.telemetry.dead).toBe(0);
  });

  it("holds everything back after PUBACK 0x97 and never gives a record up for it", async () => {
    const { clock, outbox, broker, append, start, ids } = createPublisherBench({ refusalAttempts: 2 });
    broker.answer = () => refusal(0x97);
    await start();
    append(draft("telemetry"));
    await clock.run(0);
    append(draft("control"));
    await clock.run(500);
    expect(ids()).toEqual(["telemetry-1"]);
    await clock.run(3_600_000);
    expect(outbox.stats().records).toBe(2);
    expect(broker.publications.length).toBeLessThan(60);
    broker.answer = () => ({ kind: "acked" });
    await clock.run(300_000);
    expect(outbox.stats().records).toBe(0);
  });

  it("slows down when PUBACKs fail to come on a link that stands", async () => {
    const { clock, broker, append, start, ids } = createPublisherBench();
    broker.answer = () => ({ kind: "offline" });
    await start();
    append(draft("telemetry"));
    await clock.run(900);
    expect(ids()).toHaveLength(1);
    await clock.run(60_000);
    expect(ids().length).toBeGreaterThan(3);
    expect(ids().length).toBeLessThan(15);
  });

  it("drops a record whose life ended, and reports it", async () => {
    const { clock, outbox, broker, append, start, ids } = createPublisherBench();
    append(draft("telemetry", { lifeMs: 10_000 }), draft("telemetry", { lifeMs: 60_000 }));
    clock.advance(30_500);
    await start();
    await clock.run(2000);
    expect(ids()).toEqual(["telemetry-2", "event-1"]);
    expect(broker.publications[0].messageExpirySeconds).toBe(30);
    expect(new TextDecoder().decode(broker.publications[1].payload)).toBe("expired 1-1");
    expect(outbox.stats().records).toBe(0);
  });

  it.each([
    ["stored", "rtc", "ntp"],
    ["read", "ntp", "unsynchronised"],
  ] as const)("judges no life by a clock that was not to be trusted when the record was %s", async (_, stored, now) => {
    const { clock, broker, append, start, ids } = createPublisherBench();
    append(draft("telemetry", { lifeMs: 10_000, timeQuality: stored }));
    clock.stepWall(10 * 365 * 86_400_000_000);
    clock.setQuality(now);
    await start();
    expect(ids()).toEqual(["telemetry-1"]);
    expect(broker.publications[0].messageExpirySeconds).toBe(10);
  });
});
