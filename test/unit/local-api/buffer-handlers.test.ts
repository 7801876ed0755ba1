import { describe, expect, it } from "vitest";
import { bufferHandlers } from "../../../agent/local-api/buffer-handlers.ts";
import { servedOn } from "../../../agent/local-api/verb.ts";
import { draftOf, seqsOf, takeLosses } from "../../contract/outbox-subject.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeOutbox } from "../../fakes/ports/outbox.ts";

function admin() {
  const clock = new ManualClock();
  const outbox = new FakeOutbox({ clock });
  const log = new MemoryLog();
  let retries = 0;
  const arrived: number[] = [];
  const forgetDelivered = (): void => outbox.ack(arrived.splice(0));
  const parts = { outbox, clock, log, retryNow: () => void (retries += 1), forgetDelivered };
  const handlers = servedOn("admin", bufferHandlers(parts));
  const ask = async (verb: string, request: object): Promise<unknown> =>
    handlers[verb]?.({ verb, ...request }, new AbortController().signal);
  return { clock, outbox, log, ask, arrived, retries: () => retries };
}

describe("buffer.drop", () => {
  it("gives up one stream, says how much that was, and leaves a line in the log", async () => {
    const { outbox, log, ask } = admin();
    outbox.append([draftOf("telemetry", 10), draftOf("telemetry", 10), draftOf("event", 10)]);
    const answer = await ask("buffer.drop", { stream: "telemetry" });
    expect(answer).toEqual({ schemaVersion: 1, stream: "telemetry", dropped: 2, isWhole: true });
    expect(outbox.stats().records).toBe(1);
    expect(takeLosses(outbox)).toEqual(["telemetry 1-2 dropped"]);
    expect(log.of("admin.drop-requested")[0].facts).toEqual({ stream: "telemetry" });
  });

  it("gives up many a few at a time, leaves what comes meanwhile, and gives others their turn in between", async () => {
    const { clock, outbox, ask } = admin();
    outbox.append(Array.from({ length: 1000 }, () => draftOf("telemetry", 10)));
    const answer = ask("buffer.drop", { stream: "telemetry" });
    expect(outbox.stats().records).toBe(900);
    outbox.append([draftOf("telemetry", 10)]);
    await clock.run(20);
    expect(await answer).toEqual({ schemaVersion: 1, stream: "telemetry", dropped: 1000, isWhole: true });
    expect(seqsOf(outbox, "telemetry")).toEqual([1001]);
    expect(takeLosses(outbox)).toEqual(["telemetry 1-1000 dropped"]);
  });

  it("ends when its time is over, and says that more are left", async () => {
    const { outbox, ask } = admin();
    outbox.append(Array.from({ length: 1000 }, () => draftOf("telemetry", 10)));
    expect(await ask("buffer.drop", { stream: "telemetry", waitMs: 0 })).toMatchObject({
      dropped: 100,
      isWhole: false,
    });
    expect(takeLosses(outbox)).toEqual(["telemetry 1-100 dropped"]);
  });

  it("refuses a stream that does not exist", async () => {
    await expect(admin().ask("buffer.drop", { stream: "all" })).rejects.toThrow("Invalid option");
  });
});

describe("buffer.flush", () => {
  it("counts what has arrived as delivered, though it is not forgotten yet", async () => {
    const { outbox, ask, arrived } = admin();
    outbox.append([draftOf("telemetry", 10)]);
    arrived.push(1);
    expect(await ask("buffer.flush", { waitMs: 0 })).toEqual({ schemaVersion: 1, waiting: 0 });
  });

  it("tries again at once, and is done when what was stored at its start is delivered", async () => {
    const { clock, outbox, ask, retries } = admin();
    outbox.append([draftOf("telemetry", 10), draftOf("event", 10)]);
    const flushed = ask("buffer.flush", { waitMs: 10_000 });
    await clock.run(500);
    expect(retries()).toBe(1);
    outbox.append([draftOf("telemetry", 10)]);
    outbox.ack([1, 2]);
    await clock.run(500);
    expect(await flushed).toEqual({ schemaVersion: 1, waiting: 0 });
  });

  it("says how many records are left when the time is over, without those set aside", async () => {
    const { clock, outbox, ask } = admin();
    outbox.append([draftOf("telemetry", 10), draftOf("event", 10), draftOf("event", 10)]);
    outbox.lose([3], "rejected", "0x99");
    const flushed = ask("buffer.flush", { waitMs: 1000 });
    await clock.run(1500);
    expect(await flushed).toEqual({ schemaVersion: 1, waiting: 2 });
  });

  it("does not take records for delivered that are only out of sight, because memory stands in for the disk", async () => {
    const clock = new ManualClock();
    const places = [new FakeOutbox({ clock, epoch: 1 }), new FakeOutbox({ clock, epoch: 2 })];
    let [place] = places;
    const outbox = {
      stats: () => place.stats(),
      lastRow: () => place.lastRow(),
      read: (...range: Parameters<FakeOutbox["read"]>) => place.read(...range),
      drop: () => 0,
      disk: () => undefined,
      list: () => [],
    };
    place.append([draftOf("telemetry", 10)]);
    const parts = { outbox, clock, log: new MemoryLog(), retryNow: () => undefined, forgetDelivered: () => undefined };
    const handlers = servedOn("admin", bufferHandlers(parts));
    const flushed = handlers["buffer.flush"]?.({ verb: "buffer.flush", waitMs: 1000 }, new AbortController().signal);
    [, place] = places;
    await clock.run(1500);
    expect(await flushed).toEqual({ schemaVersion: 1, waiting: 1 });
  });
});
