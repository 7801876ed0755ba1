import { describe, expect, it } from "vitest";
import { configJob } from "../../../../agent/jobs/handlers/config-job.ts";
import type { JobDetails, JobOutcome } from "../../../../agent/jobs/job.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { Cut, SettingsVehicle, setName } from "../../../fakes/updates/settings-vehicle.ts";

const DOCUMENT = { version: "1.0", operation: "config", config: { collect: { batchMs: 500 } } };
const NEW = setName(DOCUMENT.config);
const JOB = { jobId: "job-1", executionNumber: 1 };

/** A vehicle with one job. */
class Vehicle extends SettingsVehicle {
  isWithdrawn = false;
  readonly reports: JobDetails[] = [];
  /** Called with each report. */
  onReport: (details: JobDetails) => void = () => undefined;
  #withdrawn = new AbortController();

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

  /** The cloud takes the job back. */
  cancel(): void {
    this.isWithdrawn = true;
    this.#withdrawn.abort("cancelled");
  }

  abandon(): void {
    this.trials(() => undefined).abandon(JOB);
  }

  async #process(): Promise<JobOutcome | "stopped"> {
    const ended = new AbortController();
    this.#withdrawn = new AbortController();
    if (this.isWithdrawn) this.cancel();
    const trials = this.trials(() => ended.abort());
    const handler = configJob(trials, { clock: this.clock, log: new MemoryLog() });
    const report = (details: JobDetails): void => {
      this.reports.push(details);
      this.onReport(details);
    };
    const job = { ...JOB, report, reportFrom: () => undefined, withdrawn: this.#withdrawn.signal };
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

  describe("where the system fails", () => {
    it.each([
      ["stage", true],
      ["running", true],
      ["trial", true],
      ["activate", true],
      ["commit", true],
      ["rollback", false],
    ] as const)("tries %s again until it goes well", async (call, isHealthy) => {
      const vehicle = new Vehicle();
      vehicle.isHealthy = () => isHealthy;
      vehicle.faults.set(call, "ENOSPC");
      vehicle.onReport = ({ reason }) => {
        if (reason === `another try: ENOSPC: ${call}`) vehicle.faults.clear();
      };
      const fromMs = vehicle.clock.monotonicMs();
      expect((await vehicle.live()).status).toBe(isHealthy ? "SUCCEEDED" : "FAILED");
      expect(vehicle.clock.monotonicMs() - fromMs).toBeGreaterThanOrEqual(60_000);
      expect([vehicle.current, vehicle.trial]).toEqual([isHealthy ? NEW : "none", undefined]);
    });

    it("takes back at once what it has not put on trial yet when it is cancelled", async () => {
      const vehicle = new Vehicle();
      vehicle.faults.set("activate", "ENOSPC");
      vehicle.onReport = () => vehicle.cancel();
      const reason = "the settings before are back: cancelled by the cloud";
      expect(await vehicle.live()).toEqual({ status: "FAILED", details: { reason } });
      expect([vehicle.tried, vehicle.journal.get("job", "config")]).toEqual([[], undefined]);
    });

    it("leaves no attempt in the way of others after a bug that it brings out", async () => {
      const vehicle = new Vehicle();
      vehicle.isHealthy = () => {
        throw new TypeError("odd");
      };
      await expect(vehicle.live()).rejects.toThrow("odd");
      expect([vehicle.current, vehicle.trial]).toEqual(["none", undefined]);
      expect(vehicle.journal.get("job", "config")).toBeUndefined();
    });

    it("remembers what it could not abandon, and abandons it then", () => {
      const vehicle = new Vehicle();
      vehicle.journal.put([{ space: "job", key: "config", value: { ...JOB, name: NEW, phase: "trying", detail: "" } }]);
      vehicle.current = NEW;
      vehicle.trial = { to: NEW, from: "none", starts: 0 };
      vehicle.faults.set("rollback", "EIO");
      expect(() => vehicle.abandon()).toThrow("EIO");
      vehicle.faults.clear();
      vehicle.abandon();
      expect([vehicle.current, vehicle.trial]).toEqual(["none", undefined]);
    });
  });

  it("takes back what is on trial when it is cancelled while an update is under way, and only after that", async () => {
    const vehicle = new Vehicle();
    vehicle.journal.put([{ space: "job", key: "config", value: { ...JOB, name: NEW, phase: "trying", detail: "" } }]);
    vehicle.current = NEW;
    vehicle.trial = { to: NEW, from: "none", starts: 0 };
    vehicle.isWithdrawn = true;
    vehicle.setUpdating(true);
    vehicle.onReport = () => setImmediate(() => vehicle.setUpdating(false));
    const reason = "the settings before are back: cancelled by the cloud";
    expect(await vehicle.live()).toEqual({ status: "FAILED", details: { reason } });
    expect(vehicle.reports).toEqual([{ phase: "queued", reason: "an update is under way" }]);
    expect([vehicle.current, vehicle.trial]).toEqual(["none", undefined]);
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
