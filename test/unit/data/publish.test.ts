import { describe, expect, it } from "vitest";
import { AgentError } from "../../../agent/core/errors.ts";
import { Publisher, type PublisherSettings } from "../../../agent/data/publish.ts";
import { createTopics } from "../../../agent/data/topics.ts";
import type { Draft, Publication, PublishOutcome, StreamName } from "../../../agent/ports.ts";
import { FakeBroker } from "../../fakes/broker.ts";
import { ManualClock } from "../../fakes/clock.ts";
import { MemoryLog } from "../../fakes/log.ts";
import { FakeOutbox } from "../../fakes/outbox.ts";

const TEMPLATES = {
  record: "dt/causeway/{thing}/{stream}",
  schema: "dt/causeway/{thing}/schema/{id}",
  presence: "dt/causeway/{thing}/presence",
};

function draft(stream: StreamName, over: Partial<Draft> = {}): Draft {
  return {
    stream,
    encoding: "zstd",
    timeQuality: "ntp",
    lifeMs: undefined,
    retainKey: undefined,
    seal: ({ seq }) => Uint8Array.of(seq),
    ...over,
  };
}

/** An outbox that remembers its acknowledgements. */
class WatchedOutbox extends FakeOutbox {
  readonly acks: (readonly number[])[] = [];

  override ack(rows: readonly number[]): void {
    super.ack(rows);
    this.acks.push([...rows]);
  }
}

function createBench(settings: Partial<PublisherSettings> = {}) {
  const clock = new ManualClock({ monotonicMs: 5000 });
  const log = new MemoryLog();
  const outbox = new WatchedOutbox({ clock });
  const broker = new FakeBroker({ clock });
  const publisher = new Publisher({
    outbox,
    broker,
    topics: createTopics(TEMPLATES, "veh-001"),
    settings: { inFlight: 10, backlogBytes: 100_000, refusalAttempts: 3, startedAtMs: 4000, ...settings },
    lossDraft: (loss) =>
      draft("event", { seal: () => new TextEncoder().encode(`${loss.reason} ${loss.first}-${loss.last}`) }),
    clock,
    log,
    random: () => 0.5,
  });
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  broker.start();
  return {
    clock,
    log,
    outbox,
    broker,
    publisher,
    append: (...drafts: Draft[]) => {
      outbox.append(drafts);
      publisher.wake();
    },
    start: () => {
      running = publisher.run(stopping.signal);
      return clock.run(0);
    },
    stop: async () => {
      stopping.abort();
      await clock.run(3000);
      await running;
    },
    ids: () => broker.publications.map(idOf),
  };
}

function idOf({ userProperties }: Publication): string {
  const value = (name: string): string => userProperties.find(([key]) => key === name)?.[1] ?? "";
  return `${value("stream")}-${value("seq")}`;
}

function times(count: number, make: (index: number) => Draft): Draft[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

const held = (): undefined => undefined;

function refusal(reasonCode: number): PublishOutcome {
  return { kind: "refused", reasonCode, reason: `0x${reasonCode.toString(16)}` };
}

describe("Publisher", () => {
  it("sends a record with its id and how to read it, and forgets it after the PUBACK", async () => {
    const { clock, outbox, broker, publisher, append, start } = createBench();
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
    await clock.run(100);
    expect(outbox.stats().records).toBe(0);
  });

  it("keeps a record until its PUBACK has come", async () => {
    const { clock, outbox, broker, append, start } = createBench();
    broker.answer = held;
    append(draft("telemetry"));
    await start();
    await clock.run(5000);
    expect(outbox.stats().records).toBe(1);
    broker.sent[0].settle({ kind: "acked" });
    await clock.run(100);
    expect(outbox.stats().records).toBe(0);
  });

  it("publishes a signal table retained on the schema topic", async () => {
    const { broker, append, start } = createBench();
    append(draft("event", { retainKey: "abc.0" }));
    await start();
    expect(broker.publications[0]).toMatchObject({ topic: "dt/causeway/veh-001/schema/abc.0", retain: true });
  });

  it("sends classes in order, and oldest first within a class", async () => {
    const { append, start, ids } = createBench();
    append(draft("capture"), draft("telemetry"), draft("event"), draft("telemetry"), draft("control"), draft("event"));
    await start();
    expect(ids()).toEqual(["control-1", "event-1", "event-2", "telemetry-1", "telemetry-2", "capture-1"]);
  });

  it("lets records stored after the connect go before the backlog", async () => {
    const { clock, broker, append, start, ids } = createBench();
    broker.answer = held;
    append(...times(30, () => draft("telemetry")));
    await start();
    // Three quarters of the window of 10: the rest is kept for what comes now.
    expect(ids()).toEqual([
      "telemetry-1",
      "telemetry-2",
      "telemetry-3",
      "telemetry-4",
      "telemetry-5",
      "telemetry-6",
      "telemetry-7",
    ]);
    append(draft("capture"), draft("telemetry"));
    await clock.run(0);
    expect(ids().slice(7)).toEqual(["telemetry-31", "capture-1"]);
    broker.answer = () => ({ kind: "acked" });
    broker.sent[0].settle({ kind: "acked" });
    append(draft("control"));
    await clock.run(0);
    expect(ids().slice(9, 11)).toEqual(["control-1", "telemetry-8"]);
    expect(new Set(ids()).size).toBe(33);
  });

  it("counts what waited for ten seconds as backlog, so that a slow link carries live records first", async () => {
    const { clock, broker, append, start, ids } = createBench({ inFlight: 1 });
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
      settings: { inFlight: 50, backlogBytes: 100_000, refusalAttempts: 3, startedAtMs: 0 },
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
    const { broker, append, start } = createBench({ backlogBytes: 2500 });
    broker.answer = held;
    append(...times(8, () => draft("telemetry", { seal: () => new Uint8Array(1000) })));
    await start();
    expect(broker.openCount).toBe(3);
  });

  it("sends everything again that had no PUBACK when the link was lost, and acknowledges each record once", async () => {
    const { clock, outbox, broker, publisher, append, start, ids } = createBench();
    broker.answer = (publication) => (idOf(publication) === "telemetry-2" ? { kind: "acked" } : undefined);
    await start();
    append(...times(4, () => draft("telemetry")));
    await clock.run(0);
    broker.disconnect();
    await clock.run(1000);
    append(draft("telemetry"));
    await clock.run(1000);
    expect(ids()).toHaveLength(4);
    broker.answer = () => ({ kind: "acked" });
    broker.connect();
    await clock.run(1000);
    expect(ids().slice(4).toSorted()).toEqual(["telemetry-1", "telemetry-3", "telemetry-4", "telemetry-5"]);
    expect(outbox.acks.flat().toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
    expect(publisher.counters()).toMatchObject({ delivered: 5, retried: 3, inFlight: 0 });
    expect(outbox.stats().records).toBe(0);
  });

  it("forgets acknowledged records in batches", async () => {
    const { clock, outbox, append, start } = createBench({ inFlight: 50 });
    await start();
    append(...times(49, () => draft("telemetry")));
    await clock.run(99);
    expect(outbox.acks).toHaveLength(0);
    await clock.run(1);
    expect(outbox.acks.map(({ length }) => length)).toEqual([49]);
  });

  it.each([0x90, 0x95, 0x99])("sets a record aside after PUBACK 0x%s, reports the loss, and goes on", async (code) => {
    const { clock, outbox, broker, append, start, ids } = createBench();
    broker.answer = (publication) => (idOf(publication) === "telemetry-1" ? refusal(code) : { kind: "acked" });
    await start();
    append(draft("telemetry"), draft("telemetry"));
    await clock.run(2000);
    expect(ids()).toEqual(["telemetry-1", "telemetry-2", "event-1"]);
    expect(new TextDecoder().decode(broker.publications[2].payload)).toBe("rejected 1-1");
    expect(outbox.stats().streams.telemetry).toMatchObject({ dead: 1, records: 0 });
  });

  it("sets a record aside that is over the broker's packet limit", async () => {
    const { clock, outbox, append, start } = createBench();
    await start();
    append(draft("telemetry", { seal: () => new Uint8Array(149_504) }));
    await clock.run(0);
    expect(outbox.stats().streams.telemetry.dead).toBe(1);
  });

  it("tries a forbidden topic with growing delays, holds up no other topic, and gives the record up after the last attempt", async () => {
    const { clock, outbox, broker, append, start, ids } = createBench({ refusalAttempts: 3 });
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
    const { clock, outbox, broker, append, start } = createBench({ refusalAttempts: 100 });
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
    const { clock, outbox, broker, append, start, ids } = createBench({ refusalAttempts: 2 });
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
    const { clock, broker, append, start, ids } = createBench();
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
    const { clock, outbox, broker, append, start, ids } = createBench();
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
    const { clock, broker, append, start, ids } = createBench();
    append(draft("telemetry", { lifeMs: 10_000, timeQuality: stored }));
    clock.stepWall(10 * 365 * 86_400_000_000);
    clock.setQuality(now);
    await start();
    expect(ids()).toEqual(["telemetry-1"]);
    expect(broker.publications[0].messageExpirySeconds).toBe(10);
  });

  it("bears an outbox that fails and delivers when it is back", async () => {
    const { clock, log, outbox, append, start, ids } = createBench();
    await start();
    append(draft("telemetry"));
    outbox.failNext(new AgentError("outbox.unavailable", { what: "disk I/O error", remedy: "look at the disk" }));
    await clock.run(10_000);
    expect(log.of("publish.outbox-failed")).toHaveLength(1);
    expect(ids()).toEqual(["telemetry-1"]);
    expect(outbox.stats().records).toBe(0);
  });

  it("reports losses at the connect and then once a second at most", async () => {
    const { clock, outbox, start, append, ids } = createBench();
    append(draft("telemetry"));
    outbox.lose(1, "rejected", "before the connect");
    await start();
    expect(ids()).toEqual(["event-1"]);
    append(draft("telemetry"));
    outbox.lose(outbox.lastRow(), "rejected", "after it");
    await clock.run(900);
    expect(ids()).toHaveLength(1);
    await clock.run(100);
    expect(ids()).toEqual(["event-1", "event-2"]);
  });

  it("sleeps while there is nothing to do", async () => {
    const { clock, broker, start } = createBench();
    await start();
    await clock.run(60_000);
    expect(clock.waiting()).toBe(1);
    expect(broker.sent).toHaveLength(0);
  });

  it("waits for the acknowledgements on the way when it ends, and forgets them", async () => {
    const { clock, outbox, broker, append, start, stop } = createBench();
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
    const { clock, broker, publisher, append, start } = createBench();
    await start();
    broker.answer = held;
    append(draft("telemetry"));
    await clock.run(0);
    let isDrained = false;
    void publisher.drained(new AbortController().signal).then(() => (isDrained = true));
    await clock.run(1000);
    expect(isDrained).toBe(false);
    broker.sent[0].settle({ kind: "acked" });
    await clock.run(200);
    expect(isDrained).toBe(true);
  });
});
