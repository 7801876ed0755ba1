import { describe, expect, it } from "vitest";
import { createTopics } from "../../../../agent/cloud/topics.ts";
import { AgentError } from "../../../../agent/core/errors.ts";
import { Publisher } from "../../../../agent/telemetry/publish/publisher.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { FakeBroker } from "../../../fakes/ports/broker.ts";
import { FakeOutbox } from "../../../fakes/ports/outbox.ts";
import { createPublisherBench, draft, held, idOf, TEMPLATES, times } from "../../../fakes/telemetry/publisher.ts";

describe("Publisher", () => {
  it("sends a record with its id and how to read it, and forgets it after the PUBACK", async () => {
    const { clock, outbox, broker, publisher, append, start } = createPublisherBench();
    await start();
    append(draft("telemetry"));
    await clock.run(0);
    const [sent] = broker.publications;
    expect(sent).toMatchObject({
      topic: "dt/causeway/veh-001/telemetry",
      retain: false,
      contentType: "application/x-protobuf",
      messageExpirySeconds: undefined,
      userProperties: [
        ["epoch", String(0x1234_5678_9abc)],
        ["seq", "1"],
        ["stream", "telemetry"],
        ["schema", "causeway.v1"],
        ["encoding", "zstd"],
        ["time-quality", "ntp"],
      ],
    });
    expect(publisher.counters()).toMatchObject({ delivered: 1, deliveredBytes: 1, inFlight: 0, firstPubackMs: 1000 });
    await clock.run(2000);
    expect(outbox.stats().records).toBe(0);
  });

  it("keeps a record until its PUBACK has come", async () => {
    const { clock, outbox, broker, publisher, append, start } = createPublisherBench();
    broker.answer = held;
    append(draft("telemetry"));
    await start();
    await clock.run(5000);
    expect(outbox.stats().records).toBe(1);
    expect(publisher.pubackTimes("telemetry").samples({})).toEqual([]);
    broker.sent[0].settle({ kind: "acked" });
    await clock.run(2000);
    expect(outbox.stats().records).toBe(0);
    const times = publisher.pubackTimes("telemetry").samples({});
    expect(times.filter(({ of, value }) => of === "bucket" && value === 0).at(-1)?.labels.le).toBe("2.5");
    expect(times.slice(-2)).toEqual([
      { labels: {}, value: 5, of: "sum" },
      { labels: {}, value: 1, of: "count" },
    ]);
    expect(publisher.counters().streams.telemetry).toEqual({ records: 1, bytes: 1, dayBytes: 1 });
    expect(publisher.pubackTimes("event").samples({})).toEqual([]);
    await clock.run(24 * 3_600_000);
    expect(publisher.counters().streams.telemetry).toEqual({ records: 1, bytes: 1, dayBytes: 0 });
  });

  it("publishes a signal table retained on the schema topic", async () => {
    const { broker, append, start } = createPublisherBench();
    append(draft("event", { retainKey: "abc.0" }));
    await start();
    expect(broker.publications[0]).toMatchObject({ topic: "dt/causeway/veh-001/schema/abc.0", retain: true });
  });

  it("sends classes in order, and oldest first within a class", async () => {
    const { append, start, ids } = createPublisherBench();
    append(draft("capture"), draft("telemetry"), draft("event"), draft("telemetry"), draft("control"), draft("event"));
    await start();
    expect(ids()).toEqual(["control-1", "event-1", "event-2", "telemetry-1", "telemetry-2", "capture-1"]);
  });

  it("lets records stored after the connect go before the backlog", async () => {
    const { clock, broker, append, start, ids } = createPublisherBench();
    broker.answer = held;
    append(...times(30, () => draft("telemetry")));
    await start();
    // A connection begins with two of the backlog: the rest is kept for what comes now.
    expect(ids()).toEqual(["telemetry-1", "telemetry-2"]);
    append(draft("capture"), draft("telemetry"));
    await clock.run(0);
    expect(ids().slice(2)).toEqual(["telemetry-31", "capture-1"]);
    broker.answer = () => ({ kind: "acked" });
    broker.sent[0].settle({ kind: "acked" });
    append(draft("control"));
    await clock.run(0);
    expect(ids().slice(4, 6)).toEqual(["control-1", "telemetry-3"]);
    expect(new Set(ids()).size).toBe(33);
  });

  it("counts what waited for ten seconds as backlog, so that a slow link carries live records first", async () => {
    const { clock, broker, append, start, ids } = createPublisherBench({ inFlight: 1 });
    await start();
    broker.answer = held;
    append(...times(5, () => draft("telemetry")));
    await clock.run(12_000);
    append(draft("telemetry"));
    broker.sent[0].settle({ kind: "acked" });
    await clock.run(0);
    expect(ids()).toEqual(["telemetry-1", "telemetry-6"]);
  });

  it("bounds what is on the way by half of the broker's receive maximum", async () => {
    const clock = new ManualClock();
    const broker = new FakeBroker({ clock, limits: { receiveMaximum: 7 }, answer: held });
    const outbox = new FakeOutbox({ clock });
    const publisher = new Publisher({
      outbox,
      broker,
      topics: createTopics(TEMPLATES, "veh-001"),
      settings: {
        inFlight: 50,
        backlogBytes: 100_000,
        refusalAttempts: 3,
        disconnectAttempts: 3,
        maxGapMs: 0,
        startedAtMs: 0,
      },
      lossDraft: () => draft("event"),
      clock,
      log: new MemoryLog(),
      random: () => 0,
    });
    broker.start();
    void publisher.run(new AbortController().signal);
    await clock.run(0);
    outbox.append(times(20, () => draft("telemetry")));
    publisher.wake();
    await clock.run(0);
    expect(publisher.counters().inFlight).toBe(3);
  });

  it("bounds the bytes of the backlog that are on the way", async () => {
    const { broker, append, start } = createPublisherBench({ backlogBytes: 1000 });
    broker.answer = held;
    append(...times(8, () => draft("telemetry", { seal: () => new Uint8Array(1000) })));
    await start();
    expect(broker.openCount).toBe(1);
  });

  it("sends everything again that had no PUBACK when the link was lost, and acknowledges each record once", async () => {
    const { clock, outbox, broker, publisher, append, start, ids } = createPublisherBench();
    broker.answer = (publication) => (idOf(publication) === "telemetry-2" ? { kind: "acked" } : undefined);
    await start();
    append(...times(4, () => draft("telemetry")));
    await clock.run(0);
    broker.disconnect();
    await clock.run(2000);
    append(draft("telemetry"));
    await clock.run(2000);
    expect(ids()).toHaveLength(4);
    broker.answer = () => ({ kind: "acked" });
    broker.connect();
    await clock.run(2000);
    expect(ids().slice(4).toSorted()).toEqual(["telemetry-1", "telemetry-3", "telemetry-4", "telemetry-5"]);
    expect(outbox.acks.flat().toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
    expect(publisher.counters()).toMatchObject({ delivered: 5, retried: 3, inFlight: 0 });
    expect(outbox.stats().records).toBe(0);
  });

  it("forgets acknowledged records in batches", async () => {
    const { clock, outbox, append, start } = createPublisherBench({ inFlight: 50 });
    await start();
    append(...times(49, () => draft("telemetry")));
    await clock.run(1999);
    expect(outbox.acks).toHaveLength(0);
    await clock.run(1);
    expect(outbox.acks.map(({ length }) => length)).toEqual([49]);
  });

  it("forgets fewer of them at a time where they are large", async () => {
    const { clock, outbox, append, start } = createPublisherBench({ inFlight: 50 });
    await start();
    for (let sent = 0; sent < 40; sent += 1) {
      append(draft("telemetry", { seal: () => new Uint8Array(131_072) }));
      await clock.run(0);
    }
    await clock.run(1999);
    // 2 MiB are 16 of them.
    expect(outbox.acks.map(({ length }) => length)).toEqual([16, 16]);
    await clock.run(1);
    expect(outbox.acks.map(({ length }) => length)).toEqual([16, 16, 8]);
  });

  it("lets another transaction forget acknowledged records, and sends none of them again before", async () => {
    const { clock, outbox, publisher, append, start, ids } = createPublisherBench();
    await start();
    expect(publisher.delivered()).toBeUndefined();
    append(draft("telemetry"), draft("telemetry"));
    await clock.run(0);
    const delivered = publisher.delivered();
    expect(delivered).toMatchObject({ rows: [1, 2], kept: [] });
    publisher.retryNow();
    await clock.run(500);
    outbox.append([draft("telemetry")], [], delivered?.rows);
    delivered?.done();
    expect(publisher.delivered()).toBeUndefined();
    publisher.wake();
    await clock.run(0);
    expect(ids()).toEqual(["telemetry-1", "telemetry-2", "telemetry-3"]);
    await clock.run(2000);
    expect(outbox.acks).toEqual([[3]]);
    expect(outbox.stats().records).toBe(0);
  });

  it("has nothing left to forget when it is drained", async () => {
    const { clock, outbox, publisher, append, start } = createPublisherBench();
    await start();
    append(draft("telemetry"));
    const drained = publisher.drained(new AbortController().signal);
    await clock.run(20);
    expect(await drained).toBe(true);
    expect(outbox.stats().records).toBe(0);
  });

  it("bears an outbox that fails and delivers when it is back", async () => {
    const { clock, log, outbox, append, start, ids } = createPublisherBench();
    await start();
    append(draft("telemetry"));
    outbox.failNext(new AgentError("outbox.unavailable", { what: "disk I/O error", remedy: "look at the disk" }));
    await clock.run(10_000);
    expect(log.of("publish.outbox-failed")).toHaveLength(1);
    expect(ids()).toEqual(["telemetry-1"]);
    expect(outbox.stats().records).toBe(0);
  });

  it("reports losses at the connect and then once a second at most", async () => {
    const { clock, outbox, start, append, ids } = createPublisherBench();
    append(draft("telemetry"));
    outbox.lose([1], "rejected", "before the connect");
    await start();
    expect(ids()).toEqual(["event-1"]);
    append(draft("telemetry"));
    outbox.lose([outbox.lastRow()], "rejected", "after it");
    await clock.run(900);
    expect(ids()).toHaveLength(1);
    await clock.run(100);
    expect(ids()).toEqual(["event-1", "event-2"]);
  });

  it("sleeps while there is nothing to do", async () => {
    const { clock, broker, start } = createPublisherBench();
    await start();
    await clock.run(60_000);
    expect(clock.waiting()).toBe(1);
    expect(broker.sent).toHaveLength(0);
  });

  it("waits for the acknowledgements on the way when it ends, and forgets them", async () => {
    const { clock, outbox, broker, append, start, stop } = createPublisherBench();
    broker.answer = held;
    await start();
    append(draft("telemetry"), draft("telemetry"));
    await clock.run(0);
    const stopped = stop();
    broker.sent[0].settle({ kind: "acked" });
    await stopped;
    expect(outbox.acks).toEqual([[1]]);
  });

  it("says when everything that can be sent has arrived", async () => {
    const { clock, broker, publisher, append, start } = createPublisherBench();
    await start();
    broker.answer = held;
    append(draft("telemetry"));
    await clock.run(0);
    let isDrained = false;
    void publisher.drained(new AbortController().signal).then((all) => (isDrained = all));
    await clock.run(2000);
    expect(isDrained).toBe(false);
    broker.sent[0].settle({ kind: "acked" });
    await clock.run(200);
    expect(isDrained).toBe(true);
  });

  it("says that not everything has arrived when the link is lost before, or is not there", async () => {
    const { clock, broker, publisher, append, start } = createPublisherBench();
    await start();
    broker.answer = held;
    append(draft("telemetry"));
    await clock.run(0);
    const lost = publisher.drained(new AbortController().signal);
    await clock.run(100);
    broker.disconnect();
    await clock.run(100);
    expect(await lost).toBe(false);
    expect(await publisher.drained(new AbortController().signal)).toBe(false);
  });

  it("waits for what goes out by a connection that has just been made", async () => {
    const { clock, broker, outbox, publisher, append, start } = createPublisherBench();
    await start();
    broker.disconnect();
    append(draft("telemetry"));
    await clock.run(100);
    broker.connect();
    const drained = publisher.drained(new AbortController().signal);
    await clock.run(500);
    expect([await drained, outbox.acks]).toEqual([true, [[1]]]);
  });
});
