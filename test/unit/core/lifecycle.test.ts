import { describe, expect, it } from "vitest";
import { runServices, type Service } from "../../../agent/core/lifecycle.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";

const silent = { error() {}, warn() {}, info() {}, debug() {} };

function recorded(name: string, calls: string[], over: Partial<Service> = {}): Service {
  return {
    name,
    start: async () => void calls.push(`start ${name}`),
    stop: async () => void calls.push(`stop ${name}`),
    ...over,
  };
}

function run(services: readonly Service[], calls: string[], stop: AbortController, onReady: () => void): Promise<void> {
  const parts = {
    services,
    clock: systemClock(),
    log: silent,
    stopMs: 200,
    onStopping: () => void calls.push("stopping"),
  };
  return runServices({ ...parts, onReady: () => (calls.push("ready"), onReady()) }, stop.signal);
}

describe("runServices", () => {
  it("starts in order, says ready once, and stops in reverse order when asked", async () => {
    const calls: string[] = [];
    const stop = new AbortController();
    await run([recorded("a", calls), recorded("b", calls)], calls, stop, () => stop.abort());
    expect(calls).toEqual(["start a", "start b", "ready", "stopping", "stop b", "stop a"]);
  });

  it("stops what was started when a later one does not start, and passes its error on", async () => {
    const calls: string[] = [];
    const fails = recorded("b", calls, { start: () => Promise.reject(new Error("no bus")) });
    await expect(run([recorded("a", calls), fails], calls, new AbortController(), () => undefined)).rejects.toThrow(
      "no bus",
    );
    expect(calls).toEqual(["start a", "stopping", "stop b", "stop a"]);
  });

  it("ends with the error of a service that breaks while running", async () => {
    const calls: string[] = [];
    const breaks = Promise.withResolvers<never>();
    const part = recorded("a", calls, { broken: breaks.promise });
    await expect(
      run([part], calls, new AbortController(), () => breaks.reject(new Error("loop ended"))),
    ).rejects.toThrow("loop ended");
    expect(calls.at(-1)).toBe("stop a");
  });

  it("does not wait past its deadline for a service that never stops", async () => {
    const calls: string[] = [];
    const stop = new AbortController();
    const stuck = recorded("stuck", calls, { stop: () => new Promise(() => undefined) });
    await run([recorded("a", calls), stuck], calls, stop, () => stop.abort());
    expect(calls.at(-1)).toBe("stop a");
  });
});
