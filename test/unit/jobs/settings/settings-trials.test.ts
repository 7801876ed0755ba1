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

  it("tells an attempt of a shadow from that of a job", () => {
    expect(digestOfShadow(attemptOfShadow("ab12"))).toBe("ab12");
    expect(digestOfShadow({ jobId: "shadow-1", executionNumber: 1 })).toBeUndefined();
  });
});
