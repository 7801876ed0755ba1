import { describe, expect, it } from "vitest";
import { createPublisherBench, draft, held, times } from "../../../fakes/telemetry/publisher.ts";

const WINDOW = 10;
/** What is read from the outbox at a time for one queue, as drain-order.ts has it. */
const READ_RECORDS = 32;
const READ_BYTES = 262_144;

/** Drains `count` records of `bytes` each, acknowledged one after the other; gives the most records that were read and not acknowledged, and how many arrived. */
async function drain(count: number, bytes: number): Promise<{ readonly most: number; readonly arrived: number }> {
  const { broker, clock, outbox, append, start, stop } = createPublisherBench({
    inFlight: WINDOW,
    backlogBytes: 10_000_000,
  });
  broker.answer = held;
  append(...times(count, () => draft("telemetry", { seal: () => new Uint8Array(bytes) })));
  let read = 0;
  const readOf = outbox.read.bind(outbox);
  outbox.read = (...range) => {
    const records = readOf(...range);
    read += records.length;
    return records;
  };
  await start();
  let most = 0;
  let arrived = 0;
  for (; arrived < broker.sent.length; arrived += 1) {
    most = Math.max(most, read - arrived);
    broker.sent[arrived]?.settle({ kind: "acked" });
    await clock.run(0);
  }
  await stop();
  return { most, arrived };
}

describe("payloads in memory while a backlog drains", () => {
  it("are those on their way and those of one read, however long the backlog is", async () => {
    const { most, arrived } = await drain(1000, 100);
    expect(arrived).toBe(1000);
    expect(most).toBeLessThanOrEqual(WINDOW + READ_RECORDS);
  });

  it("are fewer where each is long: a read has its bound in bytes too", async () => {
    const bytes = 100_000;
    const { most, arrived } = await drain(200, bytes);
    expect(arrived).toBe(200);
    expect(most).toBeLessThanOrEqual(WINDOW + Math.ceil(READ_BYTES / bytes));
  });
});
