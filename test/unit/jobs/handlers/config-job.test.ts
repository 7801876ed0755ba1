import { describe, expect, it } from "vitest";
import { configJob } from "../../../../agent/jobs/handlers/config-job.ts";
import type { JobOutcome } from "../../../../agent/jobs/job.ts";
import type { ConfigSlot } from "../../../../agent/ports/update.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { FakeJournal } from "../../../fakes/ports/journal.ts";

const DOCUMENT = { version: "1.0", operation: "config", config: { collect: { batchMs: 500 } } };
const JOB = { jobId: "job-1", executionNumber: 1 };

/** A power cut. */
class Cut extends Error {}

/** A vehicle whose journal and settings survive cuts; `cutAt` is the step before which the next one comes. */
class Vehicle {
  readonly clock = new ManualClock();
  readonly journal = new FakeJournal({ clock: this.clock });
  current = "none";
  running = "none";
  trial: { readonly to: string; starts: number } | undefined;
  rolledBack: string | undefined;
  isHealthy = true;
  isWithdrawn = false;
  cutAt = Number.POSITIVE_INFINITY;
  steps = 0;

  /** Starts the process again and again until the job has ended. */
  async live(): Promise<JobOutcome> {
    for (let starts = 1; starts < 20; starts++) {
      this.#begin();
      const outcome = await this.#process().catch((thrown: unknown) => {
        if (thrown instanceof Cut) return "stopped" as const;
        throw thrown;
      });
      if (outcome !== "stopped") return outcome;
    }
    throw new Error("the job never came to an end");
  }

  abandon(): void {
    this.#job(() => undefined).abandon(JOB);
  }

  async #process(): Promise<JobOutcome | "stopped"> {
    const ended = new AbortController();
    const withdrawn = new AbortController();
    if (this.isWithdrawn) withdrawn.abort("cancelled");
    const { handler } = this.#job(() => ended.abort());
    const job = { ...JOB, report: () => undefined, reportFrom: () => undefined, withdrawn: withdrawn.signal };
    const running = handler(DOCUMENT, job, ended.signal);
    const settled = running.then(
      () => true,
      () => true,
    );
    while (!(await Promise.race([settled, this.clock.run(1000).then(() => false)]))) continue;
    return await running;
  }

  /** What the start of the agent does with settings on trial. */
  #begin(): void {
    if (this.trial !== undefined && this.current === this.trial.to) {
      if (this.trial.starts >= 3) {
        this.rolledBack = this.trial.to;
        this.current = "none";
      } else this.trial.starts += 1;
    }
    this.running = this.current;
  }

  #job(restart: () => void) {
    const { journal, clock } = this;
    const watched = {
      get: (...args: Parameters<FakeJournal["get"]>) => journal.get(...args),
      put: (...args: Parameters<FakeJournal["put"]>) => this.#step(() => journal.put(...args)),
    };
    return configJob({
      slot: this.#slot(),
      journal: watched,
      clock,
      health: () => (this.isHealthy ? { kind: "healthy" } : { kind: "unhealthy", missing: "PUBACK" }),
      healthTimeoutMs: 5000,
      updater: { current: () => undefined, changed: () => Promise.resolve() },
      restart,
    });
  }

  #slot(): ConfigSlot {
    const effect = (name: string, isWanted: boolean) =>
      (this.running === name) === isWanted ? ("at-once" as const) : ("restart" as const);
    return {
      check: async () => undefined,
      stage: async () => ({ name: "new", problem: undefined }),
      running: (name) => this.running === name && this.trial === undefined,
      activate: (name) => {
        if (this.trial?.to !== name) this.#step(() => (this.trial = { to: name, starts: 0 }));
        this.#step(() => (this.current = name));
        return effect(name, true);
      },
      trial: (name) => {
        if (this.rolledBack === name) return { kind: "rolled-back", detail: "3 starts" };
        return this.running === name && this.current === name ? { kind: "runs" } : { kind: "none" };
      },
      commit: () => this.#step(() => (this.trial = undefined)),
      rollback: (name) => {
        this.#step(() => (this.current = "none"));
        this.#step(() => (this.trial = this.rolledBack = undefined));
        return effect(name, false);
      },
    };
  }

  #step(change: () => void): void {
    this.steps += 1;
    if (this.steps === this.cutAt) throw new Cut();
    change();
  }
}

describe("configJob", () => {
  it.each([
    ["that are healthy", true, "SUCCEEDED", "new"],
    ["that never prove themselves", false, "FAILED", "none"],
  ] as const)(
    "ends truthfully with settings %s, whenever the power is cut",
    async (_name, isHealthy, status, current) => {
      const whole = new Vehicle();
      whole.isHealthy = isHealthy;
      expect((await whole.live()).status).toBe(status);
      expect(whole.steps).toBeGreaterThan(3);
      for (let at = 1; at <= whole.steps; at++) {
        const vehicle = new Vehicle();
        vehicle.isHealthy = isHealthy;
        vehicle.cutAt = at;
        const outcome = await vehicle.live();
        expect([at, outcome.status, vehicle.current, vehicle.trial]).toEqual([at, status, current, undefined]);
        expect(vehicle.running).toBe(current);
      }
    },
  );

  it("tells what was missing", async () => {
    const vehicle = new Vehicle();
    vehicle.isHealthy = false;
    expect((await vehicle.live()).details).toEqual({ reason: "the settings before are back: PUBACK" });
  });

  it("leaves settings that were started too often, and those of a job that was taken back", async () => {
    const looping = new Vehicle();
    looping.rolledBack = "new";
    looping.trial = { to: "new", starts: 3 };
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
    other.isHealthy = false;
    other.journal.put([{ space: "job", key: "config", value: { ...JOB, name: "new", phase: "trying", detail: "" } }]);
    other.current = other.running = "new";
    other.trial = { to: "new", starts: 1 };
    other.abandon();
    expect([other.current, other.trial]).toEqual(["none", undefined]);
  });
});
