import { describe, expect, it } from "vitest";
import { AgentError } from "../../../agent/core/errors.ts";
import { OutboxGuard } from "../../../agent/telemetry/outbox-guard.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeOutbox } from "../../fakes/ports/outbox.ts";
import { createPublisherBench, draft } from "../../fakes/telemetry/publisher.ts";

const FAULT = new AgentError("outbox.unavailable", { what: "disk I/O error", remedy: "look at the disk" });
const fail = (): never => {
  throw FAULT;
};

function guard(random: () => number) {
  const clock = new ManualClock({ monotonicMs: 7000 });
  const log = new MemoryLog();
  return { clock, log, guard: new OutboxGuard({ outbox: new FakeOutbox({ clock }), clock, log, random }) };
}

describe("OutboxGuard", () => {
  it("waits half a second at least after a failure, and longer after each further one, up to 30 s", () => {
    const subject = guard(() => 0);
    for (let count = 0; count < 3; count += 1) subject.guard.attempt(fail);
    expect(subject.guard.retryAtMs).toBe(7500);
    const { guard: late } = guard(() => 0.5);
    const waits = Array.from({ length: 10 }, () => {
      late.attempt(fail);
      return late.retryAtMs - 7000;
    });
    expect(waits.slice(0, 4)).toEqual([750, 1000, 1500, 2500]);
    expect(waits.at(-1)).toBe(15_500);
  });

  it("begins anew after a success, and logs the first failure in a row alone", () => {
    const { guard: subject, log } = guard(() => 0.5);
    for (let count = 0; count < 5; count += 1) expect(subject.attempt(fail)).toBe(false);
    expect(subject.attempt(() => undefined)).toBe(true);
    subject.attempt(fail);
    expect(subject.retryAtMs).toBe(7750);
    expect(log.of("publish.outbox-failed")).toHaveLength(2);
  });

  it("lets a bug through", () => {
    const { guard: subject } = guard(() => 0.5);
    expect(() =>
      subject.attempt(() => {
        throw new TypeError("a bug");
      }),
    ).toThrow("a bug");
  });

  it("makes the publisher leave a failing outbox alone until then", async () => {
    const { clock, outbox, append, start } = createPublisherBench();
    await start();
    await clock.run(0);
    let asked = 0;
    const read = outbox.read.bind(outbox);
    outbox.read = (...range) => {
      asked += 1;
      if (asked <= 3) throw FAULT;
      return read(...range);
    };
    const askedAfter = async (ms: number): Promise<number> => {
      await clock.run(ms);
      append(draft("telemetry"));
      await clock.run(0);
      return asked;
    };
    expect([await askedAfter(0), await askedAfter(749), await askedAfter(1)]).toEqual([1, 1, 2]);
    expect([await askedAfter(999), await askedAfter(1)]).toEqual([2, 3]);
  });
});
