import { describe, expect, it } from "vitest";
import { AgentError } from "../../../agent/core/errors.ts";
import { busService, memoryService, type ObservedBus, watchService } from "../../../agent/daemon/services.ts";
import type { Notifier } from "../../../agent/ports/notifier.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeCanBus } from "../../fakes/ports/can-bus.ts";

class RecordingNotifier implements Notifier {
  readonly watchdogIntervalMs = 1000;
  isHeard = true;
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
    const told = { line: "online", made: 0 };
    const summary = (): string => {
      told.made += 1;
      return told.line;
    };
    return { clock, log, notifier, told, service: watchService({ notifier, clock, log, unhealthy, summary }) };
  }

  it("feeds the watchdog while the data path moves, and tells the state", async () => {
    const { clock, notifier, service } = watched(() => undefined);
    await service.start();
    clock.advance(10_000);
    expect(notifier.calls.filter((call) => call === "watchdog")).toHaveLength(10);
    expect(notifier.calls).toContain("status online");
  });

  it("tells a line once, until it is another", async () => {
    const { clock, notifier, told, service } = watched(() => undefined);
    await service.start();
    clock.advance(20_000);
    told.line = "offline";
    clock.advance(10_000);
    expect(notifier.calls.filter((call) => call.startsWith("status"))).toEqual(["status online", "status offline"]);
  });

  it("does not make a line that nobody reads", async () => {
    const { clock, notifier, told, service } = watched(() => undefined);
    notifier.isHeard = false;
    await service.start();
    clock.advance(10_000);
    expect(told.made).toBe(0);
    expect(notifier.calls).toContain("watchdog");
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
    const line: ObservedBus = { bus, state: "absent", detail: "not opened yet" };
    const states: string[] = [];
    const sink = { onFrames: () => undefined, onState: (state: string) => void states.push(state) };
    const service = busService(line, sink, new MemoryLog());
    await service.start();
    expect(line.state).toBe("up");
    expect(states).toEqual(["up"]);
    await service.start();
    expect(line.changes).toEqual({ up: 2 });
  });

  it("leaves a bus that cannot be opened as absent with its reason, and does not fail the start", async () => {
    const bus = new FakeCanBus();
    bus.startFault = new AgentError("bus.unsupported", { what: "no CAN in this kernel", remedy: "load can_raw" });
    const line: ObservedBus = { bus, state: "absent", detail: "" };
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

describe("memoryService", () => {
  it("gives memory back once the start is over, then each hour, and not after its stop", async () => {
    const clock = new ManualClock();
    const log = new MemoryLog();
    const bytes = [40_000_000, 3_000_000, undefined];
    const service = memoryService(() => bytes.shift(), clock, log);
    await service.start();
    clock.advance(29_000);
    expect(log.of("memory.released")).toEqual([]);
    clock.advance(1_000_000);
    expect(log.of("memory.released").map(({ facts }) => facts)).toEqual([{ bytes: 40_000_000 }]);
    clock.advance(2_600_000);
    expect(log.of("memory.released")).toHaveLength(2);
    await service.stop();
    clock.advance(10_000_000);
    expect(log.of("memory.released")).toHaveLength(2);
  });
});
