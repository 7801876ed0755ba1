import { describe, expect, it } from "vitest";
import { claimSlot, type SlotLease } from "../../../../agent/consumer/worker/slots.ts";
import { MemorySlots } from "../../../fakes/consumer/slot-book.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";

function rig(slots = 3) {
  const book = new MemorySlots();
  const clock = new ManualClock();
  const log = new MemoryLog();
  const stopping = new AbortController();
  const claim = (owner: string): Promise<SlotLease | undefined> =>
    claimSlot({ book, slots, owner, clock, log }, stopping.signal);
  const claimed = async (owner: string): Promise<SlotLease> => {
    const lease = await claim(owner);
    if (lease === undefined) throw new Error("no slot");
    return lease;
  };
  return { book, clock, log, stopping, claim, claimed };
}

describe("claimSlot", () => {
  it("gives each worker a slot of its own for as long as it lives", async () => {
    const { clock, claimed } = rig();
    const leases = await Promise.all(["a", "b", "c"].map(claimed));
    expect(leases.map(({ slot }) => slot).toSorted((one, other) => one - other)).toEqual([0, 1, 2]);
    await clock.run(600_000);
    expect(leases.some(({ lost }) => lost.aborted)).toBe(false);
  });

  it("takes the slot of a worker that was killed before one that was left: the broker keeps records for it", async () => {
    const { book, clock, claimed } = rig();
    const [first, second, third] = [await claimed("a"), await claimed("b"), await claimed("c")];
    await first.release(true);
    await third.release(true);
    // Killed: it says nothing any more.
    const dead = book.states.get(second.slot);
    if (dead !== undefined) book.states.set(second.slot, { ...dead, owner: "dead", untilMs: 0 });
    await clock.run(20_000);
    expect(second.lost.aborted).toBe(true);
    expect((await claimed("d")).slot).toBe(second.slot);
    expect((await claimed("e")).slot).toBe(first.slot);
  });

  it("waits while no slot is free, and takes one whose worker stopped for a restart", async () => {
    const { clock, log, claim, claimed } = rig(1);
    const first = await claimed("a");
    let slot: number | undefined;
    const waiting = claim("b").then((lease) => {
      slot = lease?.slot;
    });
    await clock.run(120_000);
    expect(slot).toBeUndefined();
    expect(log.of("consumer.no-slot-free")).toHaveLength(1);
    await first.release(false);
    await clock.run(10_000);
    await waiting;
    expect(slot).toBe(0);
  });

  it("ends a wait at a stop", async () => {
    const { clock, stopping, claim, claimed } = rig(1);
    await claimed("a");
    const waiting = claim("b");
    await clock.run(100);
    stopping.abort();
    await clock.run(1);
    expect(await waiting).toBeUndefined();
  });

  it("keeps working while the store is away, and gives up when another has taken the slot meanwhile", async () => {
    const { book, clock, log, claimed } = rig(1);
    const first = await claimed("a");
    book.isAway = true;
    await clock.run(40_000);
    expect(first.lost.aborted).toBe(false);
    expect(log.of("consumer.slot-not-renewed").length).toBeGreaterThan(1);
    book.isAway = false;
    book.states.set(0, { owner: "b", untilMs: clock.wallUs() / 1000 + 60_000, hasLeft: false });
    await clock.run(20_000);
    expect(first.lost.aborted).toBe(true);
    await first.release(true);
    expect(book.states.get(0)?.owner).toBe("b");
  });
});
