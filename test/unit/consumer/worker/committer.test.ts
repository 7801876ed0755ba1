import { describe, expect, it } from "vitest";
import type { Delivery } from "../../../../agent/consumer/store/delivery.ts";
import type { InHand } from "../../../../agent/consumer/worker/batcher.ts";
import { Committer } from "../../../../agent/consumer/worker/committer.ts";
import { Counters } from "../../../../agent/consumer/worker/counters.ts";
import { deliveryOf, recordOf } from "../../../fakes/consumer/deliveries.ts";
import { type MemoryBehaviour, MemorySink } from "../../../fakes/consumer/memory-sink.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";

const BATCH = { count: 4, bytes: 1000, ageMs: 200 };
const BACKOFF = { minMs: 100, maxMs: 1000 };

function rig(behaviour: MemoryBehaviour = {}, keeps = true) {
  const clock = new ManualClock();
  const batches: number[][] = [];
  const refused: string[] = [];
  const done: number[] = [];
  const acknowledged: number[] = [];
  const log = new MemoryLog();
  const sink = new MemorySink(undefined, {
    ...behaviour,
    before: async (batch) => {
      batches.push(batch.map(({ record }) => record.seq));
      await behaviour.before?.(batch);
    },
  });
  const counters = new Counters();
  const committer = new Committer({
    sink,
    settings: { batch: BATCH, backoff: BACKOFF },
    counters,
    clock,
    log,
    random: () => 0.999,
    onRefused: async ({ delivery }, reason) => {
      refused.push(`${delivery.record.seq} ${reason}`);
      return keeps;
    },
    onDone: ({ delivery }) => void done.push(delivery.record.seq),
  });
  const stopping = new AbortController();
  const ended = committer.run(stopping.signal);
  const add = (...seqs: readonly number[]): void => {
    for (const seq of seqs) {
      const item: InHand = {
        delivery: deliveryOf(recordOf({ seq })),
        acknowledgements: [() => void acknowledged.push(seq)],
        sinceMs: clock.monotonicMs(),
      };
      committer.add(item);
    }
  };
  const stop = async (): Promise<void> => {
    stopping.abort();
    await ended;
  };
  return { clock, sink, counters, committer, batches, refused, done, acknowledged, log, add, stop, ended };
}

const failFor =
  (isBad: (batch: readonly Delivery[]) => boolean) =>
  async (batch: readonly Delivery[]): Promise<void> => {
    if (isBad(batch)) throw new Error("the sink says no");
  };

const sorted = (seqs: readonly number[]): number[] => seqs.toSorted((one, other) => one - other);

describe("Committer", () => {
  it("commits a batch when it is full, or when its first delivery is old enough, and acknowledges after that", async () => {
    const { clock, add, batches, acknowledged, stop } = rig();
    add(1, 2, 3, 4, 5);
    await clock.run(1);
    expect(batches).toEqual([[1, 2, 3, 4]]);
    await clock.run(150);
    expect(batches).toHaveLength(1);
    await clock.run(100);
    expect(batches).toEqual([[1, 2, 3, 4], [5]]);
    expect(acknowledged).toEqual([1, 2, 3, 4, 5]);
    await stop();
  });

  it("acknowledges nothing while the sink fails, backs off, and loses nothing of it", async () => {
    let isDown = true;
    const { clock, add, acknowledged, counters, committer, sink, log, stop } = rig({ before: failFor(() => isDown) });
    add(1, 2, 3, 4);
    await clock.run(20_000);
    expect(acknowledged).toEqual([]);
    expect(committer.failures).toBeGreaterThan(5);
    // With a second between attempts, and each delivery tried alone up to the third failure.
    expect(counters.commitFailures).toBeLessThan(100);
    expect(log.of("consumer.commit-failed").length).toBeLessThan(10);
    add(5);
    isDown = false;
    await clock.run(2000);
    expect(sorted(acknowledged)).toEqual([1, 2, 3, 4, 5]);
    expect(sink.store.written).toHaveLength(5);
    expect(committer.failures).toBe(0);
    await stop();
  });

  it("counts what was durable although its answer was lost as repeats", async () => {
    let isLost = true;
    const after = async (): Promise<void> => {
      if (isLost) throw new Error("no answer");
    };
    const { clock, add, acknowledged, counters, sink, stop } = rig({ after });
    add(1, 2, 3, 4);
    await clock.run(50);
    isLost = false;
    await clock.run(2000);
    expect(acknowledged).toEqual([1, 2, 3, 4]);
    expect(sink.store.written).toHaveLength(4);
    expect(counters).toMatchObject({ written: 0, repeats: 4 });
    await stop();
  });

  it("lets one delivery that the sink fails on hold up no other, and gives it up when others have gone through", async () => {
    const { clock, add, acknowledged, refused, done, sink, stop } = rig({
      before: failFor((batch) => batch.some(({ record }) => record.seq === 3)),
    });
    add(1, 2, 3, 4);
    await clock.run(3000);
    expect(sorted(acknowledged)).toEqual([1, 2, 4]);
    for (let seq = 5; seq < 30 && refused.length === 0; seq++) {
      add(seq);
      await clock.run(1000);
      expect(acknowledged).toContain(seq);
    }
    expect(refused).toEqual(["3 sink-failed"]);
    expect(done).toContain(3);
    expect(acknowledged).toContain(3);
    expect(sink.store.written.some(({ delivery }) => delivery.record.seq === 3)).toBe(false);
    await stop();
  });

  it("never gives a delivery up that nobody keeps, nor one whose failure the sink may be to blame for", async () => {
    const { clock, add, acknowledged, refused, stop } = rig({
      before: failFor((batch) => batch.some(({ record }) => record.seq === 3)),
    });
    add(1, 2, 3, 4);
    await clock.run(100_000);
    expect(refused).toEqual([]);
    await stop();
    const other = rig({ before: failFor((batch) => batch.some(({ record }) => record.seq === 3)) }, false);
    other.add(1, 2, 3, 4);
    for (let seq = 5; seq < 40; seq++) {
      other.add(seq);
      await other.clock.run(1000);
    }
    expect(other.refused.length).toBeGreaterThan(1);
    expect(other.acknowledged).not.toContain(3);
    expect(acknowledged).not.toContain(3);
    await other.stop();
  });

  it("hands over what the sink refuses, and acknowledges it", async () => {
    const { clock, add, acknowledged, refused, counters, stop } = rig({
      refusal: ({ record }) => (record.seq === 2 ? "too-long" : undefined),
    });
    add(1, 2, 3, 4);
    await clock.run(10);
    expect(refused).toEqual(["2 too-long"]);
    expect(acknowledged).toEqual([1, 2, 3, 4]);
    expect(counters.written).toBe(3);
    await stop();
  });

  it("commits what is left when it drains, and ends", async () => {
    const { clock, add, acknowledged, committer, ended } = rig();
    add(1, 2, 3, 4, 5, 6);
    committer.drain();
    await clock.run(1);
    await ended;
    expect(acknowledged).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("ends without acknowledging when it is told to while the sink fails", async () => {
    const { clock, add, acknowledged, committer, stop } = rig({ before: failFor(() => true) });
    add(1);
    committer.drain();
    await clock.run(5000);
    await stop();
    expect(acknowledged).toEqual([]);
  });
});
