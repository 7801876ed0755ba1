import { describe, expect, it } from "vitest";
import { AgentError } from "../../../../agent/core/errors.ts";
import type { StreamName } from "../../../../agent/ports/outbox.ts";
import { publishBytes, wireBytes } from "../../../../agent/telemetry/publish/wire-bytes.ts";
import { createPublisherBench, draft, rejection, times } from "../../../fakes/telemetry/publisher.ts";

/** A publisher that goes by a budget which holds these streams. */
function heldBench(streams: readonly StreamName[]) {
  const bench = createPublisherBench({ inFlight: 4 });
  const held = new Set(streams);
  const kept: number[] = [];
  const spent: { readonly stream: StreamName; readonly bytes: number }[] = [];
  bench.publisher.goBy({
    allow: (stream) => ({ kind: held.has(stream) ? "held" : "go" }),
    spent: (stream, bytes) => void spent.push({ stream, bytes }),
    keeping: () => ({
      kept: [{ key: "spent", value: Uint8Array.of(spent.length) }],
      done: () => void kept.push(spent.length),
    }),
  });
  return { ...bench, held, spent, kept };
}

describe("a publisher that goes by a data budget", () => {
  it("holds a class, fresh and old, and sends all others past it", async () => {
    const { append, start, stop, ids, clock } = heldBench(["capture"]);
    append(...times(40, () => draft("capture")), draft("control"), draft("telemetry"));
    await start();
    append(...times(40, () => draft("capture")), draft("event"), draft("telemetry"));
    await clock.run(20_000);
    expect(ids().toSorted()).toEqual(["control-1", "event-1", "telemetry-1", "telemetry-2"]);
    await stop();
  });

  it("sends what was held within a second of its end, all of it and in order", async () => {
    const { append, start, stop, ids, held, clock } = heldBench(["capture"]);
    append(...times(50, () => draft("capture")));
    await start();
    await clock.run(60_000);
    expect(ids()).toEqual([]);
    held.clear();
    await clock.run(1000);
    expect(ids()).toEqual(times(50, () => draft("capture")).map((_, index) => `capture-${index + 1}`));
    await stop();
  });

  it("counts each record as it goes out, and a repeat again", async () => {
    const { append, start, stop, broker, spent, clock } = heldBench([]);
    const answers = [rejection(0x80), undefined];
    broker.answer = () => answers.shift() ?? { kind: "acked" };
    append(draft("telemetry"));
    await start();
    await clock.run(10_000);
    const [{ bytes }] = spent;
    expect(broker.publications.map(wireBytes)).toEqual(spent.map((one) => one.bytes));
    expect(spent).toEqual(broker.publications.map(() => ({ stream: "telemetry", bytes })));
    expect(spent.length).toBeGreaterThanOrEqual(2);
    await stop();
  });

  it("keeps the counts in the transaction of the acknowledgements, and says so when that was", async () => {
    const { append, start, stop, outbox, kept, clock } = heldBench([]);
    append(...times(3, () => draft("telemetry")));
    await start();
    outbox.failNext(new AgentError("outbox.unavailable", { what: "the disk is away", remedy: "wait" }));
    await clock.run(150);
    expect(kept).toEqual([]);
    await clock.run(10_000);
    expect(outbox.acks).toHaveLength(1);
    expect(kept).toEqual([3]);
    expect(outbox.kept()).toEqual([{ key: "spent", value: Uint8Array.of(3) }]);
    await stop();
  });

  it("is drained when only held records are left, and gives up those whose life ends", async () => {
    const { append, start, stop, outbox, publisher, clock } = heldBench(["capture"]);
    append(...times(3, () => draft("capture", { lifeMs: 5000 })), draft("event"));
    await start();
    await clock.run(100);
    await publisher.drained(AbortSignal.timeout(1000));
    expect(outbox.stats().streams.capture.records).toBe(3);
    await clock.run(10_000);
    expect(outbox.stats().streams.capture.records).toBe(0);
    await stop();
  });
});

describe("a publisher whose budget looks again at a new connection", () => {
  /** `looks`: how often it was asked to; `found` ends a look. */
  function lookingBench() {
    const bench = createPublisherBench();
    const looks: (() => void)[] = [];
    bench.publisher.goBy({
      allow: () => ({ kind: "go" }),
      spent: () => undefined,
      renew: () => new Promise((resolve) => void looks.push(resolve)),
    });
    return { ...bench, looks };
  }

  it("sends nothing before it has looked, at each connection", async () => {
    const { append, start, stop, ids, broker, publisher, clock, looks } = lookingBench();
    append(draft("telemetry"));
    await start();
    await clock.run(900);
    expect(ids()).toEqual([]);
    let isDrained = false;
    void publisher.drained(new AbortController().signal).then(() => (isDrained = true));
    await clock.run(50);
    expect(isDrained).toBe(false);
    looks[0]();
    await clock.run(1500);
    expect(ids()).toEqual(["telemetry-1"]);
    expect(isDrained).toBe(true);
    broker.disconnect();
    await clock.run(0);
    append(draft("telemetry"));
    broker.connect();
    await clock.run(500);
    expect(looks).toHaveLength(2);
    expect(ids()).toEqual(["telemetry-1"]);
    looks[1]();
    await clock.run(50);
    expect(ids()).toEqual(["telemetry-1", "telemetry-2"]);
    await stop();
  });

  it("waits for a look for a second, and no longer than a stop", async () => {
    const { append, start, stop, ids, clock } = lookingBench();
    append(draft("telemetry"));
    await start();
    await clock.run(1100);
    expect(ids()).toEqual(["telemetry-1"]);
    await stop();
  });
});

describe("wireBytes", () => {
  const publication = {
    topic: "dt/causeway/veh-001/telemetry",
    payload: new Uint8Array(200),
    retain: false,
    contentType: "application/x-protobuf",
    messageExpirySeconds: 60,
    userProperties: [["epoch", "1"]] as const,
  };

  it("counts a PUBLISH packet as MQTT 5 lays it out", () => {
    // Fixed header 1 + 2, topic 2 + 29, packet id 2, properties 1 + (3 + 22) + 5 + (5 + 5 + 1), payload 200.
    expect(publishBytes(publication)).toBe(3 + 31 + 2 + 1 + 25 + 5 + 11 + 200);
  });

  it("adds what is below it by record and by segment", () => {
    const small = wireBytes(publication);
    expect(small).toBe(publishBytes(publication) + 22 + 52 + 4 + 22 + 3 * 52);
    const large = wireBytes({ ...publication, payload: new Uint8Array(100_000) });
    expect(large / 100_000).toBeGreaterThan(1.03);
    expect(large / 100_000).toBeLessThan(1.06);
  });
});
