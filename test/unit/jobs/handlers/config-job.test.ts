import { describe, expect, it } from "vitest";
import { configJob } from "../../../../agent/jobs/handlers/config-job.ts";
import type { JobDetails, JobOutcome } from "../../../../agent/jobs/job.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { Cut, SettingsVehicle, setName } from "../../../fakes/updates/settings-vehicle.ts";

const DOCUMENT = { version: "1.0", operation: "config", config: { collect: { batchMs: 500 } } };
const NEW = setName(DOCUMENT.config);
const JOB = { jobId: "job-1", executionNumber: 1 };

/** A vehicle with one job. */
class Vehicle extends SettingsVehicle {
  isWithdrawn = false;
  readonly reports: JobDetails[] = [];

  constructor() {
    super(new ManualClock());
  }

  /** Starts the process again and again until the job has ended. */
  async live(): Promise<JobOutcome> {
    for (let starts = 1; starts < 20; starts++) {
      this.begin();
      const outcome = await this.#process().catch((thrown: unknown) => {
        if (thrown instanceof Cut) return "stopped" as const;
        throw thrown;
      });
      if (outcome !== "stopped") return outcome;
    }
    throw new Error("the job never came to an end");
  }

  abandon(): void {
    this.trials(() => undefined).abandon(JOB);
  }

  async #process(): Promise<JobOutcome | "stopped"> {
    const ended = new AbortController();
    const withdrawn = new AbortController();
    if (this.isWithdrawn) withdrawn.abort("cancelled");
    const handler = configJob(this.trials(() => ended.abort()));
    const report = (details: JobDetails): void => void this.reports.push(details);
    const job = { ...JOB, report, reportFrom: () => undefined, withdrawn: withdrawn.signal };
    const running = handler(DOCUMENT, job, ended.signal);
    const settled = running.then(
      () => true,
      () => true,
    );
    while (!(await Promise.race([settled, this.clock.run(1000).then(() => false)]))) continue;
    return await running;
  }
}

describe("configJob", () => {
  it.each([
    ["that are healthy", true, "SUCCEEDED", NEW],
    ["that never prove themselves", false, "FAILED", "none"],
  ] as const)(
    "ends truthfully with settings %s, whenever the power is cut",
    async (_name, isHealthy, status, current) => {
      const whole = new Vehicle();
      whole.isHealthy = () => isHealthy;
      expect((await whole.live()).status).toBe(status);
      expect(whole.steps).toBeGreaterThan(3);
      for (let at = 1; at <= whole.steps; at++) {
        const vehicle = new Vehicle();
        vehicle.isHealthy = () => isHealthy;
        vehicle.cutAt = at;
        const outcome = await vehicle.live();
        expect([at, outcome.status, vehicle.current, vehicle.trial]).toEqual([at, status, current, undefined]);
        expect(vehicle.running).toBe(current);
      }
    },
  );

  it("tells what was missing", async () => {
    const vehicle = new Vehicle();
    vehicle.isHealthy = () => false;
    expect((await vehicle.live()).details).toEqual({ reason: "the settings before are back: PUBACK" });
  });

  it("leaves settings that were started too often, and those of a job that was taken back", async () => {
    const looping = new Vehicle();
    looping.rolledBack = NEW;
    looping.trial = { to: NEW, from: "none", starts: 3 };
    expect((await looping.live()).details).toEqual({ reason: "the settings before are back: 3 starts" });
    const cancelled = new Vehicle();
    cancelled.isWithdrawn = true;
    expect((await cancelled.live()).details).toEqual({
      reason: "the settings before are back: cancelled by the cloud",
    });
    expect(cancelled.current).toBe("none");
  });

  it("goes back when the service has ended the job while nobody listened", async () => {
    const vehicle = new Vehicle();
    // After the switch, before anything is proven.
    vehicle.cutAt = 4;
    await expect(vehicle.live()).resolves.toMatchObject({ status: "SUCCEEDED" });
    const other = new Vehicle();
    other.isHealthy = () => false;
    other.journal.put([{ space: "job", key: "config", value: { ...JOB, name: NEW, phase: "trying", detail: "" } }]);
    other.current = other.running = NEW;
    other.trial = { to: NEW, from: "none", starts: 1 };
    other.abandon();
    expect([other.current, other.trial]).toEqual(["none", undefined]);
  });

  describe("while somebody else tries settings", () => {
    const others = { jobId: "shadow:1234", executionNumber: 0, name: "other", phase: "trying", detail: "" };
    const busy = (): Vehicle => {
      const vehicle = new Vehicle();
      vehicle.journal.put([{ space: "job", key: "config", value: others }]);
      vehicle.current = "other";
      vehicle.trial = { to: "other", from: "none", starts: 0 };
      return vehicle;
    };

    it("waits, and ends without having begun when it is taken back", async () => {
      const vehicle = busy();
      vehicle.isWithdrawn = true;
      expect(await vehicle.live()).toEqual({
        status: "FAILED",
        details: { reason: "nothing was begun: cancelled by the cloud" },
      });
      expect([vehicle.current, vehicle.tried]).toEqual(["other", []]);
    });

    it("ends an attempt that nobody goes on with, and begins then", async () => {
      const vehicle = busy();
      vehicle.isServed = () => false;
      expect((await vehicle.live()).status).toBe("SUCCEEDED");
      expect([vehicle.current, vehicle.tried]).toEqual([NEW, [NEW]]);
    });
  });
});
