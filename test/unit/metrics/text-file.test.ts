import { describe, expect, it } from "vitest";
import { MetricRegistry } from "../../../agent/core/metrics/registry.ts";
import { TextCache } from "../../../agent/metrics/text-cache.ts";
import { TextFile } from "../../../agent/metrics/text-file.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

/** A clock whose sleeps end when the test says so. */
class SteppedClock {
  #wake: (() => void) | undefined;
  #asleep = Promise.withResolvers<void>();

  sleep(_ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    signal?.addEventListener("abort", () => resolve());
    this.#asleep.resolve();
    return promise;
  }

  /** Resolves when it sleeps again. */
  async step(): Promise<void> {
    await this.#asleep.promise;
    this.#asleep = Promise.withResolvers();
    this.#wake?.();
    await this.#asleep.promise;
  }

  get asleep(): Promise<void> {
    return this.#asleep.promise;
  }
}

describe("TextFile", () => {
  it("shows each text, and takes it away at the end", async () => {
    const clock = new SteppedClock();
    const shown: string[] = [];
    const file = {
      replace: async (text: string) => void shown.push(text),
      remove: () => void shown.push("removed"),
    };
    let times = 0;
    const text = async (): Promise<string> => `causeway_times ${++times}\n`;
    const kept = new TextFile({ file, everyMs: 1000, text, clock, log: new MemoryLog() });
    const stopping = new AbortController();
    const running = kept.run(stopping.signal);
    await clock.asleep;
    await clock.step();
    stopping.abort();
    await running;
    expect(shown).toEqual(["causeway_times 1\n", "causeway_times 2\n", "removed"]);
    expect(kept.status()).toEqual({ written: 2, failed: 0, problem: undefined });
  });

  it("tells once that it cannot be written, and goes on trying", async () => {
    const clock = new SteppedClock();
    const log = new MemoryLog();
    const file = { replace: () => Promise.reject(new Error("ENOENT")), remove: () => undefined };
    const kept = new TextFile({ file, everyMs: 1000, text: async () => "x 1\n", clock, log });
    const stopping = new AbortController();
    const running = kept.run(stopping.signal);
    await clock.step();
    stopping.abort();
    await running;
    expect(kept.status()).toMatchObject({ written: 0, failed: 2 });
    expect(kept.status().problem).toContain("ENOENT");
    expect(log.entries.filter(({ event }) => event === "metrics.file-failed")).toHaveLength(1);
  });
});

describe("TextCache", () => {
  it("reads at most once a second for each format", async () => {
    const registry = new MetricRegistry();
    let reads = 0;
    let nowMs = 0;
    registry.beforeRead(() => {
      reads += 1;
    });
    const cache = new TextCache(async () => registry, { monotonicMs: () => nowMs });
    await cache.text("prometheus");
    await cache.text("prometheus");
    expect(reads).toBe(1);
    await cache.text("openmetrics");
    nowMs = 1000;
    await cache.text("prometheus");
    expect(reads).toBe(3);
  });
});
