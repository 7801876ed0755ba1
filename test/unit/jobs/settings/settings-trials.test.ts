import { describe, expect, it } from "vitest";
import type { JobDetails } from "../../../../agent/jobs/job.ts";
import { attemptOfShadow, digestOfShadow } from "../../../../agent/jobs/settings/attempt-id.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { SettingsVehicle, setName } from "../../../fakes/updates/settings-vehicle.ts";

const never = new AbortController().signal;

describe("SettingsTrials", () => {
  const sourceOf = (jobId: string, reports: JobDetails[] = []) => ({
    id: { jobId, executionNumber: 1 },
    report: (details: JobDetails): void => void reports.push(details),
    withdrawn: { signal: never, reason: () => "" },
  });

  it("lets two that come together try one after the other", async () => {
    const vehicle = new SettingsVehicle(new ManualClock());
    const trials = vehicle.trials(() => undefined);
    const staged = Promise.withResolvers<void>();
    const reports: JobDetails[] = [];
    const first = trials.inTurn(sourceOf("a"), never, () => staged.promise.then(() => "first"));
    const second = trials.inTurn(sourceOf("b", reports), never, async () => "second");
    const order: unknown[] = [];
    void first.then((one) => order.push(one));
    void second.then((one) => order.push(one));
    await vehicle.clock.run(10);
    expect([order, reports]).toEqual([[], [{ phase: "queued", reason: "other settings are tried" }]]);
    staged.resolve();
    await second;
    expect(order).toEqual(["first", "second"]);
  });

  it("lets the next one begin when the attempt of another is abandoned", async () => {
    const vehicle = new SettingsVehicle(new ManualClock());
    const trials = vehicle.trials(() => undefined);
    const other = { jobId: "job-1", executionNumber: 1 };
    const value = { ...other, name: setName({}), phase: "trying", detail: "" };
    vehicle.journal.put([{ space: "job", key: "config", value }]);
    const waiting = trials.inTurn(sourceOf("b"), never, async () => "begun");
    await vehicle.clock.run(10);
    expect(trials.latest()).toEqual(other);
    trials.abandon(other);
    expect(await waiting).toBe("begun");
  });

  describe("while an update is under way", () => {
    const settings = { collect: { batchMs: 500 } };
    const name = setName(settings);
    const queued = { phase: "queued", reason: "an update is under way" };

    it("waits with what was staged, as putting it on trial ends the process", async () => {
      const vehicle = new SettingsVehicle(new ManualClock());
      let restarts = 0;
      const trials = vehicle.trials(() => (restarts += 1));
      const reports: JobDetails[] = [];
      // It begins while the settings are checked.
      vehicle.problem = () => {
        vehicle.setUpdating(true);
        return undefined;
      };
      const stop = new AbortController();
      const trying = trials.carryOut(sourceOf("a", reports), settings, stop.signal);
      await vehicle.clock.run(60_000);
      expect([vehicle.tried, reports, restarts]).toEqual([[], [queued], 0]);
      vehicle.setUpdating(false);
      await vehicle.clock.run(0);
      expect([vehicle.tried, restarts]).toEqual([[name], 1]);
      stop.abort();
      expect(await trying).toBe("stopped");
    });

    it("judges no health, and gives the settings all their time after it", async () => {
      const vehicle = new SettingsVehicle(new ManualClock());
      vehicle.journal.put([
        { space: "job", key: "config", value: { jobId: "a", executionNumber: 1, name, phase: "trying", detail: "" } },
      ]);
      vehicle.trial = { to: name, from: "none", starts: 0 };
      vehicle.current = vehicle.running = name;
      vehicle.isHealthy = () => false;
      let restarts = 0;
      const trials = vehicle.trials(() => (restarts += 1));
      const reports: JobDetails[] = [];
      const trying = trials.carryOut(sourceOf("a", reports), settings, never);
      await vehicle.clock.run(4000);
      vehicle.setUpdating(true);
      await vehicle.clock.run(60_000);
      expect([restarts, vehicle.current, reports.at(-1)]).toEqual([0, name, queued]);
      vehicle.setUpdating(false);
      await vehicle.clock.run(4000);
      vehicle.isHealthy = () => true;
      await vehicle.clock.run(1000);
      expect(await trying).toMatchObject({ kind: "kept", name });
    });
  });

  it("tells an attempt of a shadow from that of a job", () => {
    expect(digestOfShadow(attemptOfShadow("ab12"))).toBe("ab12");
    expect(digestOfShadow({ jobId: "shadow-1", executionNumber: 1 })).toBeUndefined();
  });
});
