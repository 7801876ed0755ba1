import { describe, expect, it } from "vitest";
import { AgentError } from "../../../../agent/core/errors.ts";
import type { Publication } from "../../../../agent/ports/broker.ts";
import { createPublisherBench, draft, held, idOf, rejection, times } from "../../../fakes/telemetry/publisher.ts";

describe("Publisher, when a record is not taken", () => {
  it.each([0x90, 0x95, 0x99])("sets a record aside after PUBACK 0x%s, reports the loss, and goes on", async (code) => {
    const { clock, outbox, broker, append, start, ids } = createPublisherBench();
    broker.answer = (publication) => (idOf(publication) === "telemetry-1" ? rejection(code) : { kind: "acked" });
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
    broker.answer = (publication) => (isCapture(publication) ? rejection(0x87) : { kind: "acked" });
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
    broker.answer = () => rejection(0x87);
    await start();
    append(...times(20, () => draft("telemetry")));
    await clock.run(600_000);
    expect(outbox.stats().records).toBe(20);
    // Ten minutes of rejections cost few publishes.
    expect(broker.publications.length).toBeLessThan(25);
    broker.answer = () => ({ kind: "acked" });
    await clock.run(300_000);
    expect(outbox.stats()).toMatchObject({ records: 0 });
    expect(outbox.stats().streams.telemetry.dead).toBe(0);
  });

  it("holds everything back after PUBACK 0x97 and never gives a record up for it", async () => {
    const { clock, outbox, broker, append, start, ids } = createPublisherBench({ refusalAttempts: 2 });
    broker.answer = () => rejection(0x97);
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

  it.each([0x99, 0x90, 0x95])(
    "finds the record that the broker answers with DISCONNECT %d, delivers the others, and sets that one aside",
    async (code) => {
      const { clock, outbox, broker, append, start, ids } = createPublisherBench({ disconnectAttempts: 3 });
      const ended = { reasonCode: code, reason: `0x${code.toString(16)}` };
      let ends = 0;
      broker.answer = (publication) => {
        if (idOf(publication) !== "telemetry-2") return ends > 0 ? { kind: "acked" } : undefined;
        ends += 1;
        queueMicrotask(() => broker.disconnect(ended));
        return undefined;
      };
      append(...times(6, () => draft("telemetry")));
      await start();
      for (let connection = 0; connection < 6; connection++) {
        broker.connect();
        await clock.run(2000);
      }
      // Once among others, and then alone until it is too much.
      expect(ends).toBe(4);
      expect(outbox.stats().streams.telemetry).toMatchObject({ records: 0, dead: 1 });
      const reports = broker.publications.filter((publication) => idOf(publication) === "event-1");
      expect(reports.map(({ payload }) => new TextDecoder().decode(payload))).toEqual(["rejected 2-2"]);
      append(draft("telemetry"));
      await clock.run(0);
      expect(ids().at(-1)).toBe("telemetry-7");
    },
  );

  it("holds a topic back that the broker ends the connection over, and gives its records up as late as refused ones", async () => {
    const { clock, outbox, broker, append, start, ids } = createPublisherBench({ refusalAttempts: 4 });
    broker.answer = (publication) => {
      if (!publication.topic.endsWith("/capture")) return { kind: "acked" };
      queueMicrotask(() => broker.disconnect({ reasonCode: 0x87, reason: "0x87 not authorized" }));
      return undefined;
    };
    append(draft("capture"), draft("telemetry"));
    await start();
    for (let second = 0; second < 30; second++) {
      broker.connect();
      append(draft("telemetry"));
      await clock.run(2000);
    }
    const { telemetry, capture } = outbox.stats().streams;
    expect(capture).toMatchObject({ records: 0, dead: 1 });
    expect(telemetry).toMatchObject({ records: 0, dead: 0, lastSeq: 31 });
    expect(ids().filter((id) => id === "capture-1")).toHaveLength(5);
  });

  it("names the topic that the broker ends the connection over", async () => {
    const { clock, broker, publisher, append, start } = createPublisherBench({ refusalAttempts: 100 });
    broker.answer = () => {
      queueMicrotask(() => broker.disconnect({ reasonCode: 0x87, reason: "0x87 not authorized" }));
      return undefined;
    };
    append(draft("capture"));
    await start();
    broker.connect();
    await clock.run(2000);
    expect(publisher.counters().refusedTopics).toEqual([
      {
        stream: "capture",
        topic: "dt/causeway/veh-001/capture",
        reasonCode: 0x87,
        reason: "DISCONNECT 0x87 not authorized",
        count: 1,
      },
    ]);
  });

  it("goes on with a record that may have ended a connection after the outbox failed for a moment", async () => {
    const { clock, outbox, broker, append, start, ids } = createPublisherBench();
    broker.answer = held;
    append(...times(2, () => draft("telemetry")));
    await start();
    broker.disconnect({ reasonCode: 0x99, reason: "0x99" });
    await clock.run(2000);
    broker.answer = () => ({ kind: "acked" });
    const hold = outbox.hold.bind(outbox);
    outbox.hold = () => {
      outbox.hold = hold;
      throw new AgentError("outbox.unavailable", { what: "disk I/O error", remedy: "check the disk" });
    };
    broker.connect();
    await clock.run(60_000);
    expect(ids().slice(2)).toEqual(["telemetry-1", "telemetry-2"]);
    expect(outbox.stats().records).toBe(0);
  });

  it("holds nothing against a record while what others published may have ended the connection too", async () => {
    const { clock, outbox, broker, append, start } = createPublisherBench({ disconnectAttempts: 1 });
    broker.answer = held;
    append(draft("telemetry"));
    await start();
    for (let connection = 0; connection < 5; connection++) {
      void broker.publish({ ...broker.publications[0], topic: "dt/causeway/veh-001/presence" });
      broker.disconnect({ reasonCode: 0x99, reason: "0x99" });
      await clock.run(2000);
      broker.connect();
      await clock.run(0);
    }
    for (const sent of broker.sent) sent.settle({ kind: "acked" });
    await clock.run(2000);
    expect(outbox.stats().streams.telemetry).toMatchObject({ records: 0, dead: 0 });
  });

  it("holds nothing against records whose connection was lost or ended for another reason", async () => {
    const { clock, outbox, broker, append, start, ids } = createPublisherBench({ disconnectAttempts: 1 });
    broker.answer = held;
    append(...times(2, () => draft("telemetry")));
    await start();
    for (const ended of [undefined, { reasonCode: 0x8b, reason: "" }, { reasonCode: 0x8e, reason: "" }]) {
      broker.disconnect(ended);
      await clock.run(2000);
      broker.connect();
      await clock.run(0);
    }
    expect(ids()).toHaveLength(8);
    for (const sent of broker.sent) sent.settle({ kind: "acked" });
    await clock.run(2000);
    expect(outbox.stats().streams.telemetry).toMatchObject({ records: 0, dead: 0 });
  });

  it("reports less and less often when the broker refuses the reports too, and all of it when it takes them again", async () => {
    const { clock, outbox, broker, append, start, ids } = createPublisherBench();
    broker.answer = () => rejection(0x99);
    await start();
    append(draft("telemetry"));
    await clock.run(3_600_000);
    const reports = ids().filter((id) => id.startsWith("event"));
    expect(reports.length).toBeGreaterThan(10);
    expect(reports.length).toBeLessThan(80);
    broker.answer = () => ({ kind: "acked" });
    await clock.run(600_000);
    const told = broker.publications.map(({ payload }) => new TextDecoder().decode(payload));
    expect(told.slice(reports.length + 1)).toEqual([
      expect.stringMatching(/^rejected 1-1$/),
      expect.stringMatching(/^rejected 1-\d+$/),
    ]);
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

  it("names the topics on which it is refused, with reason and count, until one is taken there", async () => {
    const { clock, broker, publisher, append, start } = createPublisherBench();
    broker.answer = ({ topic }) => (topic.endsWith("/telemetry") ? rejection(0x87) : { kind: "acked" });
    append(draft("telemetry"), draft("event"));
    await start();
    await clock.run(10_000);
    const [refused, ...others] = publisher.counters().refusedTopics;
    expect(others).toEqual([]);
    const topic = "dt/causeway/veh-001/telemetry";
    expect(refused).toMatchObject({ stream: "telemetry", topic, reasonCode: 0x87, reason: "0x87" });
    expect(refused.count).toBe(publisher.counters().refused);
    broker.answer = () => ({ kind: "acked" });
    append(draft("telemetry"));
    await clock.run(300_000);
    expect(publisher.counters().refusedTopics).toEqual([]);
  });

  it("drops an expired backlog a few records a turn, all counted, and lets fresh ones go meanwhile", async () => {
    const { clock, outbox, append, start, ids } = createPublisherBench();
    append(...times(1050, () => draft("telemetry", { lifeMs: 10_000 })));
    clock.advance(10_000);
    let most = 0;
    const lose = outbox.lose.bind(outbox);
    outbox.lose = (rows, ...why) => {
      most = Math.max(most, rows.length);
      lose(rows, ...why);
    };
    await start();
    expect(outbox.stats().streams.telemetry.lost).toBeLessThanOrEqual(200);
    append(draft("telemetry"));
    await clock.run(1);
    expect(ids()).toEqual(["telemetry-1051"]);
    await clock.run(2000);
    expect(most).toBe(100);
    expect(outbox.stats().streams.telemetry).toMatchObject({ records: 0, lost: 1050 });
  });

  it("drops an expired record once when the outbox fails between its reading and its end", async () => {
    const { clock, outbox, append, start } = createPublisherBench();
    append(...times(3, () => draft("telemetry", { lifeMs: 10_000 })), draft("capture"));
    clock.advance(10_000);
    const read = outbox.read.bind(outbox);
    outbox.read = (stream, ...range) => {
      if (stream !== "capture") return read(stream, ...range);
      outbox.read = read;
      throw new AgentError("outbox.unavailable", { what: "disk I/O error", remedy: "check the disk" });
    };
    const lost: number[] = [];
    const lose = outbox.lose.bind(outbox);
    outbox.lose = (rows, ...why) => {
      lost.push(...rows);
      lose(rows, ...why);
    };
    await start();
    await clock.run(60_000);
    expect(lost).toEqual([1, 2, 3]);
  });

  it("sends nothing that was evicted after it was read, and tells no loss of what is on its way", async () => {
    const { clock, broker, append, start, ids } = createPublisherBench({ inFlight: 10 }, { maxBytes: 50 });
    broker.answer = held;
    append(...times(4, () => draft("telemetry", { seal: () => new Uint8Array(10) })));
    await start();
    expect(ids()).toHaveLength(2);
    append(draft("event", { seal: () => new Uint8Array(25) }));
    for (const sent of broker.sent) sent.settle({ kind: "acked" });
    await clock.run(2000);
    const lost = broker.publications
      .map(({ payload }) => new TextDecoder().decode(payload))
      .filter((text) => text.startsWith("evicted"));
    expect(lost).toEqual(["evicted 3-4"]);
    expect(ids().filter((id) => id.startsWith("telemetry"))).toEqual(["telemetry-1", "telemetry-2"]);
  });
});
