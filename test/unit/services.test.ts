import { describe, expect, it } from "vitest";
import { AgentError } from "../../agent/core/errors.ts";
import type { Notifier } from "../../agent/ports.ts";
import { type BusLine, busService, watchService } from "../../agent/services.ts";
import { stuckReason, summaryOf } from "../../agent/status-report.ts";
import { FakeCanBus } from "../fakes/can-bus.ts";
import { ManualClock } from "../fakes/clock.ts";
import { MemoryLog } from "../fakes/log.ts";
import { statusWith } from "../fakes/status.ts";

class RecordingNotifier implements Notifier {
  readonly watchdogIntervalMs = 1000;
  readonly calls: string[] = [];
  ready(): void {
    this.calls.push("ready");
  }
  status(text: string): void {
    this.calls.push(`status ${text}`);
  }
  watchdog(): void {
    this.calls.push("watchdog");
  }
  stopping(): void {
    this.calls.push("stopping");
  }
}

describe("watchService", () => {
  function watched(unhealthy: () => string | undefined) {
    const clock = new ManualClock();
    const log = new MemoryLog();
    const notifier = new RecordingNotifier();
    return {
      clock,
      log,
      notifier,
      service: watchService({ notifier, clock, log, unhealthy, summary: () => "online" }),
    };
  }

  it("feeds the watchdog while the data path moves, and tells the state", async () => {
    const { clock, notifier, service } = watched(() => undefined);
    await service.start();
    clock.advance(5000);
    expect(notifier.calls.filter((call) => call === "watchdog")).toHaveLength(5);
    expect(notifier.calls).toContain("status online");
  });

  it("withholds the watchdog and says why when the data path is stuck", async () => {
    const { clock, log, notifier, service } = watched(() => "the last flush was 20000 ms ago");
    await service.start();
    clock.advance(3000);
    expect(notifier.calls).not.toContain("watchdog");
    expect(log.of("watchdog.withheld")[0].facts).toEqual({ reason: "the last flush was 20000 ms ago" });
  });

  it("is silent after its stop", async () => {
    const { clock, notifier, service } = watched(() => undefined);
    await service.start();
    await service.stop();
    clock.advance(10_000);
    expect(notifier.calls).toEqual([]);
  });
});

describe("busService", () => {
  it("keeps the last state for the status and passes it on", async () => {
    const bus = new FakeCanBus();
    const line: BusLine = { bus, state: "absent", detail: "not opened yet" };
    const states: string[] = [];
    const sink = { onFrames: () => undefined, onState: (state: string) => void states.push(state) };
    await busService(line, sink, new MemoryLog()).start();
    expect(line.state).toBe("up");
    expect(states).toEqual(["up"]);
  });

  it("leaves a bus that cannot be opened as absent with its reason, and does not fail the start", async () => {
    const bus = new FakeCanBus();
    bus.startFault = new AgentError("bus.unsupported", { what: "no CAN in this kernel", remedy: "load can_raw" });
    const line: BusLine = { bus, state: "absent", detail: "" };
    const log = new MemoryLog();
    const states: string[] = [];
    const sink = {
      onFrames: () => undefined,
      onState: (state: string, why: string) => void states.push(`${state}: ${why}`),
    };
    await busService(line, sink, log).start();
    expect(states).toEqual(["absent: no CAN in this kernel"]);
    expect(log.of("bus.failed")[0].facts).toMatchObject({ code: "bus.unsupported", remedy: "load can_raw" });
  });
});

describe("stuckReason", () => {
  function reasonAfter(lastFlushMs: number | undefined, nowMs: number, batchMs: number): string | undefined {
    const clock = new ManualClock();
    clock.advance(nowMs);
    const base = clock.monotonicMs() - nowMs;
    const health = () => ({ lastFlushMs: lastFlushMs === undefined ? undefined : base + lastFlushMs });
    return stuckReason({ batchMs, clock, health });
  }

  it("is silent before the first flush and while flushes come", () => {
    expect(reasonAfter(undefined, 100_000, 250)).toBeUndefined();
    expect(reasonAfter(95_000, 100_000, 250)).toBeUndefined();
  });

  it("names how long ago the last flush was, after ten batches and at least ten seconds", () => {
    expect(reasonAfter(80_000, 100_000, 250)).toBe("the last flush was 20000 ms ago");
    expect(reasonAfter(80_000, 100_000, 5000)).toBeUndefined();
  });
});

describe("summaryOf", () => {
  it("is one line with link, buses and outbox", () => {
    const line = summaryOf(statusWith());
    expect(line).toMatch(/^online; can0 up, \d+ frames.*; outbox \d+ records, \d+ bytes$/);
  });
});
