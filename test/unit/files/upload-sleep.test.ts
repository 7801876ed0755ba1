import { describe, expect, it } from "vitest";
import { BucketUploads } from "../../../agent/files/bucket-uploads.ts";
import { UploadBook } from "../../../agent/files/upload-book.ts";
import { CHECK_IN_BYTES, UploadBudget } from "../../../agent/files/upload-budget.ts";
import { type UploadPlan, withPlace } from "../../../agent/files/upload-plan.ts";
import { UploadReports } from "../../../agent/files/upload-reports.ts";
import { HOLD_MS, takeToSleep } from "../../../agent/files/upload-sleep.ts";
import { Uploader } from "../../../agent/files/uploader.ts";
import type { StoreAnswer } from "../../../agent/ports/object-store.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";
import { createRig } from "../vehicle/sleep/sleep-keeper-rig.ts";

const HOUR_MS = 3_600_000;
const HOSTS = ["b.example.com"];

function planOf(id: string, sizeBytes: number): UploadPlan {
  const facts = { kind: "capture", name: "00001-0001.log", sha256: "0f".repeat(32), reason: "" } as const;
  return { ...facts, id, sizeBytes, state: "waiting", etags: [], idleMs: 0 };
}

/** A vehicle that sleeps and wakes, and an uploader beside it whose store takes `takesMs` for each request. */
async function rig(takesMs: number) {
  const vehicle = await createRig({ everyHours: 4 });
  const { clock, keeper } = vehicle;
  const book = new UploadBook(new FakeJournal({ clock }));
  const begun: string[] = [];
  const ended: string[] = [];
  const network: { takesMs: number; answer: "done" | "unavailable" } = { takesMs, answer: "done" };
  const sink = { handOver: () => undefined, hasRoom: () => true, isStored: () => true };
  const uploader = new Uploader({
    settings: {
      hosts: HOSTS,
      kinds: ["capture"],
      giveUpMs: 8760 * HOUR_MS,
      reconnect: { minMs: 2000, maxMs: 900_000 },
    },
    book,
    budget: new UploadBudget({
      settings: { dayBytes: 1e12, metered: "send" },
      book,
      links: undefined,
      sleep: keeper.line,
      clock,
    }),
    files: {
      hold: async () => "too-large",
      pathOf: (id) => id,
      digestOf: async () => "0f".repeat(32),
      release: async () => undefined,
      keepOnly: async () => undefined,
    },
    destinations: {
      buckets: new BucketUploads({ buckets: undefined, thing: "van" }),
      store: {
        send: async ({ url }, onBytes, signal): Promise<StoreAnswer> => {
          const what = new URL(url).pathname.slice(1);
          begun.push(what);
          onBytes(1);
          await clock.sleep(network.takesMs, signal);
          if (signal.aborted) return { kind: "unavailable", detail: "cut" };
          if (network.answer === "unavailable") return { kind: "unavailable", detail: "no network" };
          ended.push(what);
          return { kind: "done", etag: '"e"' };
        },
      },
    },
    reports: new UploadReports({ uploaded: sink, notices: sink, wallUs: () => clock.wallUs(), log: new MemoryLog() }),
    clock,
    random: () => 0.999,
  });
  takeToSleep(uploader, keeper, clock);
  const stopping = new AbortController();
  const running = uploader.run(stopping.signal);
  const send = (id: string, sizeBytes: number): void => {
    book.put(withPlace(planOf(id, sizeBytes), { kind: "whole", url: `https://b.example.com/${id}` }));
    uploader.wake(id);
  };
  const sendParts = (id: string, partBytes: number, count: number): void => {
    const urls = Array.from({ length: count }, (_, at) => `https://b.example.com/${id}${at + 1}`);
    const place = { kind: "parts", partBytes, urls, completeUrl: `https://b.example.com/${id}-end` } as const;
    book.put(withPlace(planOf(id, partBytes * count), place));
    uploader.wake(id);
  };
  const stop = async (): Promise<void> => {
    stopping.abort();
    await clock.run(1);
    await running;
    await vehicle.stop();
  };
  return { ...vehicle, uploader, begun, ended, network, send, sendParts, stop };
}

describe("uploads of a vehicle that sleeps", () => {
  it("keep it awake until they are through", async () => {
    const { clock, states, keeper, begun, ended, send, stop } = await rig(120_000);
    await clock.run(60_000);
    states.enter("asleep-soon", clock.monotonicMs());
    send("a", 1000);
    await clock.run(100_000);
    expect([keeper.line.phase(), keeper.against()]).toEqual(["awake", ["an upload is on its way"]]);
    await clock.run(30_000);
    expect([keeper.line.phase(), ended]).toEqual(["asleep", ["a"]]);
    send("b", 1000);
    await clock.run(HOUR_MS);
    expect(begun).toEqual(["a"]);
    await stop();
  });

  it("keep it awake for a quarter of an hour at most, are cut then, and begin again at the wake at once", async () => {
    const { clock, states, power, keeper, uploader, begun, ended, send, stop } = await rig(HOUR_MS);
    await clock.run(60_000);
    states.enter("asleep-soon", clock.monotonicMs());
    send("a", 1000);
    await clock.run(30_000 + HOLD_MS - 2000);
    expect(keeper.line.phase()).toBe("awake");
    await clock.run(4000);
    expect(keeper.line.phase()).toBe("asleep");
    expect(uploader.isSending).toBe(false);
    clock.suspend(2 * HOUR_MS);
    states.enter("driving", clock.monotonicMs());
    power.wake();
    await clock.run(1000);
    expect([begun, ended, uploader.counts.retried]).toEqual([["a", "a"], [], 0]);
    await clock.run(HOUR_MS);
    expect(ended).toEqual(["a"]);
    await stop();
  });

  it("forget at a wake how long they wanted to wait for a network that was away", async () => {
    const { clock, states, power, begun, ended, network, send, suspend, stop } = await rig(1000);
    network.answer = "unavailable";
    send("a", 1000);
    await clock.run(2 * HOUR_MS);
    const tries = begun.length;
    await suspend(HOUR_MS);
    network.answer = "done";
    states.enter("driving", clock.monotonicMs());
    power.wake();
    await clock.run(2000);
    expect([begun.length - tries, ended]).toEqual([1, ["a"]]);
    await stop();
  });

  it("send small pieces in a check-in, to its end and no further, and no piece that it is too short for", async () => {
    const { clock, states, keeper, world, begun, ended, send, sendParts, stop } = await rig(110_000);
    world.isDelivered = true;
    await clock.run(60_000);
    states.enter("asleep-soon", clock.monotonicMs());
    await clock.run(40_000);
    expect(keeper.line.phase()).toBe("asleep");
    send("large", CHECK_IN_BYTES + 1);
    sendParts("p", CHECK_IN_BYTES, 8);
    // It checks in each 4 hours for 10 minutes at most.
    await clock.run(4 * HOUR_MS);
    expect([keeper.line.phase(), begun]).toEqual(["checking-in", ["p1"]]);
    await clock.run(700_000);
    expect([keeper.line.phase(), ended]).toEqual(["asleep", ["p1", "p2", "p3", "p4", "p5"]]);
    await clock.run(4 * HOUR_MS + 600_000);
    expect(ended).toEqual(["p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p-end"]);
    expect(keeper.line.phase()).toBe("asleep");
    expect(begun).not.toContain("large");
    await stop();
  });
});
