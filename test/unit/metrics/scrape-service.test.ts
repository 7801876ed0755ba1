import { expect, it } from "vitest";
import { AgentError } from "../../../agent/core/errors.ts";
import { ScrapeService } from "../../../agent/metrics/scrape-service.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

const TAKEN = new AgentError("config.invalid", { what: "EADDRINUSE", remedy: "choose another port" });

function serviceOf(failures: number) {
  const [clock, log] = [new ManualClock(), new MemoryLog()];
  const calls: string[] = [];
  let left = failures;
  const http = {
    start: async () => {
      calls.push("start");
      left -= 1;
      if (left >= 0) throw TAKEN;
      return 0;
    },
    stop: async () => void calls.push("stop"),
  };
  return { clock, log, calls, service: new ScrapeService({ http, clock, log }) };
}

it("tries a place again that another program had, and tells both once", async () => {
  const { clock, log, calls, service } = serviceOf(3);
  const stopping = new AbortController();
  await service.open();
  const running = service.run(stopping.signal);
  await clock.run(120_000);
  expect(service.problem).toBe("EADDRINUSE");
  await clock.run(60_000);
  expect(service.problem).toBeUndefined();
  await clock.run(600_000);
  stopping.abort();
  await running;
  expect(calls).toEqual(["start", "start", "start", "start", "stop"]);
  expect(log.entries.map(({ event }) => event)).toEqual(["metrics.not-served", "metrics.served"]);
});

it("ends while it waits for its next try", async () => {
  const { clock, calls, service } = serviceOf(9);
  const stopping = new AbortController();
  await service.open();
  const running = service.run(stopping.signal);
  await clock.run(10_000);
  stopping.abort();
  await running;
  expect(calls).toEqual(["start", "stop"]);
});
