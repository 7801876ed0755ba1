import { describe, expect, it } from "vitest";
import { createPublisherBench, draft, held, idOf, times } from "../../../fakes/telemetry/publisher.ts";

const WINDOW = 10;

/** A bench whose broker acknowledges `acksATurn` publishes each 100 ms, oldest first; `each` runs before. */
async function slowLink(
  acksATurn: number,
  turns: number,
  bench: ReturnType<typeof createPublisherBench>,
  each: () => void,
) {
  const { broker, clock } = bench;
  let settled = 0;
  for (let turn = 0; turn < turns; turn += 1) {
    each();
    for (const sent of broker.sent.slice(settled, settled + acksATurn)) sent.settle({ kind: "acked" });
    settled = Math.min(broker.sent.length, settled + acksATurn);
    await clock.run(100);
  }
}

describe("the order in which records leave", () => {
  it("lets no stream of fresh captures hold up older records of higher classes", async () => {
    const bench = createPublisherBench({ inFlight: WINDOW });
    const { broker, append, start, ids } = bench;
    broker.answer = held;
    append(...times(50, () => draft("event")), ...times(50, () => draft("control")));
    await start();
    // More fresh captures than the link carries, for ever.
    await slowLink(5, 60, bench, () => append(...times(8, () => draft("capture"))));
    const counts = (stream: string): number => ids().filter((id) => id.startsWith(stream)).length;
    expect([counts("control"), counts("event")]).toEqual([50, 50]);
    // The backlog takes three quarters of the window: fresh ones go on meanwhile.
    const lastEvent = ids().lastIndexOf("event-50");
    expect(
      ids()
        .slice(0, lastEvent)
        .filter((id) => id.startsWith("capture")).length,
    ).toBeGreaterThan(20);
  });

  it("leaves room on a slow link for what comes after many raw frames", async () => {
    const { broker, clock, append, start, ids } = createPublisherBench({ inFlight: WINDOW, backlogBytes: 2500 });
    broker.answer = held;
    await start();
    append(...times(20, () => draft("capture", { seal: () => new Uint8Array(1000) })));
    await clock.run(0);
    append(draft("control"));
    await clock.run(0);
    expect(ids()).toEqual(["capture-1", "capture-2", "capture-3", "control-1"]);
    for (const sent of broker.sent) sent.settle({ kind: "acked" });
    await clock.run(0);
    expect(ids()).toHaveLength(7);
  });

  it("sends of two fresh records, or two old ones, the higher class first, and of one class the fresh one", async () => {
    const { broker, clock, append, start, ids } = createPublisherBench({ inFlight: 4 });
    broker.answer = held;
    append(...times(3, () => draft("control")));
    await start();
    expect(ids()).toEqual(["control-1", "control-2"]);
    append(draft("capture"), draft("event"), draft("control"));
    await clock.run(0);
    broker.answer = () => ({ kind: "acked" });
    broker.sent[0]?.settle({ kind: "acked" });
    await clock.run(0);
    expect(ids().slice(2)).toEqual(["control-4", "event-1", "control-3", "capture-1"]);
  });

  it("drains telemetry five times faster than it comes while fresh records wait no longer than without a backlog", async () => {
    const delayOf = async (backlog: number): Promise<{ worst: number; drained: number }> => {
      const bench = createPublisherBench({ inFlight: WINDOW });
      const { broker, clock, append, start, outbox } = bench;
      broker.answer = held;
      if (backlog > 0) append(...times(backlog, () => draft("telemetry")));
      await start();
      const storedAt = new Map<string, number>();
      let seen = 0;
      let worst = 0;
      await slowLink(8, 100, bench, () => {
        for (const publication of broker.publications.slice(seen)) {
          const at = storedAt.get(idOf(publication));
          if (at !== undefined) worst = Math.max(worst, clock.monotonicMs() - at);
        }
        seen = broker.publications.length;
        append(draft("telemetry"));
        storedAt.set(`telemetry-${outbox.stats().streams.telemetry.lastSeq}`, clock.monotonicMs());
      });
      return { worst, drained: broker.publications.length };
    };
    const without = await delayOf(0);
    const draining = await delayOf(1000);
    expect(draining.worst).toBeLessThanOrEqual(2 * without.worst);
    expect(draining.drained).toBeGreaterThanOrEqual(5 * without.drained);
  });
});
