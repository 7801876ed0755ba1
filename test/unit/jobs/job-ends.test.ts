import { describe, expect, it } from "vitest";
import type { Reply } from "../../../agent/cloud/request-client.ts";
import type { JobStatus } from "../../../agent/jobs/aws-jobs.ts";
import { isOf, otaJob } from "../../../agent/jobs/handlers/ota-job.ts";
import type { JobHandler } from "../../../agent/jobs/job.ts";
import { JobRunner } from "../../../agent/jobs/job-runner.ts";
import type { WorkStep } from "../../../agent/updates/step-outcome.ts";
import { createRollbackIndexes } from "../../../agent/updates/trust/rollback-indexes.ts";
import { RootStore } from "../../../agent/updates/trust/root-store.ts";
import { journalStore } from "../../../agent/updates/update-record.ts";
import { isSettled } from "../../../agent/updates/update-state.ts";
import { UpdateVerifier } from "../../../agent/updates/update-verifier.ts";
import { Updater } from "../../../agent/updates/updater.ts";
import { type CloudExecution, changeExecution, isTerminal, moveExecution } from "../../bench/cloud/job-executions.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";
import { signaturesOf, testKey, testManifest, testRoot } from "../../fakes/updates/signing.ts";

const LIMITS = { receiveMaximum: 100, maximumPacketBytes: 149_504, topicAliasMaximum: 8, retainAvailable: true };
/** How long each step of an update takes; reports come more often. */
const STEP_MS = 3000;
/** No job may take longer than this, whatever happens to it. */
const PATIENCE_MS = 600_000;

const [rootKey, releaseKey] = [testKey(), testKey()];
const pinned = testRoot({ rootKeys: [rootKey], releaseKeys: [releaseKey] });
const manifest = testManifest();
const OTA = {
  version: "1.0",
  operation: "ota",
  manifest: new TextDecoder().decode(manifest),
  signatures: signaturesOf(manifest, releaseKey),
  roots: [],
  artifacts: { "agent.tar.gz": { url: "https://artifacts.example/agent.tar.gz" } },
};

/** The service: an update, and a job behind it that is done at once. */
class Service {
  readonly executions: readonly CloudExecution[] = [OTA, { operation: "next" }].map((document, at) => ({
    jobId: `job-${at + 1}`,
    thing: "veh-1",
    executionNumber: 1,
    document,
    status: "QUEUED",
    versionNumber: 1,
    statusDetails: undefined,
    history: [],
  }));
  isReachable = true;
  notify: () => void = () => undefined;

  async startNext() {
    const next = this.executions.find((one) => !isTerminal(one));
    if (next?.status === "QUEUED") changeExecution(next, { status: "IN_PROGRESS" });
    return this.#answer({ execution: next && shown(next) });
  }

  async describe(jobId: string) {
    const found = this.executions.find((one) => one.jobId === jobId);
    return this.#answer({ execution: found && shown(found) });
  }

  async update(
    { jobId, versionNumber }: { readonly jobId: string; readonly versionNumber: number },
    status: JobStatus,
    statusDetails: Readonly<Record<string, string>>,
  ): Promise<Reply<unknown>> {
    const execution = this.executions.find((one) => one.jobId === jobId);
    if (execution === undefined || !this.isReachable) return { kind: "timeout" };
    const code = changeExecution(execution, { status, statusDetails, expectedVersion: versionNumber });
    if (code === undefined) return { kind: "accepted", body: {} };
    const executionState = { status: execution.status, versionNumber: execution.versionNumber };
    return { kind: "rejected", rejection: { code, message: "", isRetryable: false, executionState } };
  }

  #answer<T>(body: T) {
    return this.isReachable ? ({ kind: "accepted", body } as const) : ({ kind: "timeout" } as const);
  }
}

function shown({ jobId, executionNumber, versionNumber, status, document }: CloudExecution) {
  return { jobId, executionNumber, versionNumber, status, jobDocument: JSON.stringify(document) };
}

/** A vehicle whose journal survives its processes; a version that is not good does not prove itself. */
class Vehicle {
  readonly clock = new ManualClock({ wallUs: Date.parse("2026-06-01T00:00:00Z") * 1000 });
  readonly journal = new FakeJournal({ clock: this.clock });
  readonly log = new MemoryLog();
  readonly service: Service;
  readonly isGood: boolean;
  updater: Updater;
  #stop = new AbortController();
  #running: Promise<unknown>;

  constructor(service: Service, isGood: boolean) {
    this.service = service;
    this.isGood = isGood;
    [this.updater, this.#running] = this.#start();
  }

  async kill(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#stop = new AbortController();
    [this.updater, this.#running] = this.#start();
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  #start(): readonly [Updater, Promise<unknown>] {
    const { clock, journal, log, service } = this;
    let copy: unknown;
    const rollbackIndexes = createRollbackIndexes(journal, { read: () => copy, write: (lines) => (copy = lines) });
    const about = { hardware: "gateway-2", agentVersion: "1.3.0", kinds: ["agent"] as const, handlers: [] };
    const noCopy = { read: () => undefined, write: () => undefined };
    const roots = new RootStore({ journal, copy: noCopy, pinned, rollbackIndexes, log });
    const verifier = new UpdateVerifier({
      journal,
      lossOwner: "ota",
      rollbackIndexes,
      roots,
      clock,
      vehicle: about,
    });
    const work = async (_record: unknown, signal: AbortSignal) => {
      await clock.sleep(STEP_MS, signal);
      return signal.aborted ? ({ kind: "stopped" } as const) : ({ kind: "finished", effect: "at-once" } as const);
    };
    const prove = async (record: unknown, signal: AbortSignal) => {
      const outcome = await work(record, signal);
      const isProven = outcome.kind === "stopped" || this.isGood;
      return isProven ? outcome : ({ kind: "failed", reason: "unhealthy", detail: "no PUBACK" } as const);
    };
    const all = {
      download: work,
      verify: work,
      wait: work,
      install: work,
      activate: work,
      commit: work,
      rollback: work,
    };
    const updater = new Updater({
      store: { ...journalStore(journal), report: () => undefined },
      steps: { ...all, "health-check": prove },
      clock,
      log,
      restart: () => undefined,
      reboot: async () => undefined,
      untilStart: async () => true,
    });
    const progress = { bytes: 0, totalBytes: 5, waitingFor: undefined };
    const next: JobHandler = async () => ({ status: "SUCCEEDED", details: {} });
    const runner = new JobRunner({
      jobs: service,
      handlers: { ota: otaJob({ verifier, updater, progress }), next },
      broker: {
        online: (signal, after = 0) =>
          after > 0 ? clock.sleep(1e9, signal).then(() => undefined) : Promise.resolve(LIMITS),
        status: () => ({ state: "online", sinceMs: 0, fault: undefined, connects: 1, limits: LIMITS }),
      },
      journal,
      environment: {
        clock,
        log,
        random: () => 1,
        reportMs: 1000,
        repeatMs: undefined,
        abandon: (job) => {
          const running = updater.current();
          if (running !== undefined && isOf(running, job)) updater.cancel("cancelled", "the job is gone");
        },
      },
    });
    service.notify = () => runner.changed();
    return [updater, Promise.all([updater.run(this.#stop.signal), runner.run(this.#stop.signal)])];
  }
}

/** What happens to a job in the middle of it. */
const DISTURBANCES = {
  cancelled: async ({ service }: Vehicle) => {
    if (service.executions[0] !== undefined) moveExecution(service.executions[0], "CANCELED");
    service.notify();
  },
  "timed out": async ({ service }: Vehicle) => {
    if (service.executions[0] !== undefined) moveExecution(service.executions[0], "TIMED_OUT");
    service.notify();
  },
  "cancelled, and nobody says so": async ({ service }: Vehicle) => {
    if (service.executions[0] !== undefined) moveExecution(service.executions[0], "CANCELED");
  },
  "changed by another writer": async ({ service }: Vehicle) => {
    if (service.executions[0] !== undefined) service.executions[0].versionNumber += 1;
  },
  "left without answers": async ({ service, clock }: Vehicle) => {
    service.isReachable = false;
    await clock.run(10 * STEP_MS);
    service.isReachable = true;
  },
  "killed with its process": (vehicle: Vehicle) => vehicle.kill(),
  "cancelled while its process is dead": async (vehicle: Vehicle) => {
    const [update] = vehicle.service.executions;
    if (update !== undefined) moveExecution(update, "CANCELED");
    await vehicle.kill();
  },
} as const;

const STEPS: readonly WorkStep[] = [
  "download",
  "verify",
  "wait",
  "install",
  "activate",
  "health-check",
  "commit",
  "rollback",
];
const CASES = STEPS.flatMap((step) => Object.entries(DISTURBANCES).map(([name, disturb]) => ({ step, name, disturb })));

describe("the job of an update", () => {
  it("ends at the moment when its update ends", async () => {
    const vehicle = new Vehicle(new Service(), true);
    const state = () => vehicle.updater.current()?.state.step;
    while (state() !== "done") await vehicle.clock.run(STEP_MS);
    expect(vehicle.service.executions[0]?.status).toBe("SUCCEEDED");
    await vehicle.end();
  });

  it.each(CASES)("comes to its end, and the next one too, when it is $name during $step", async ({ step, disturb }) => {
    const vehicle = new Vehicle(new Service(), step !== "rollback");
    const { clock, service, journal } = vehicle;
    const [update, next] = service.executions;
    while (vehicle.updater.current()?.state.step !== step) await clock.run(500);
    await disturb(vehicle);
    await clock.run(PATIENCE_MS);
    expect([update, next].map((one) => one !== undefined && isTerminal(one))).toEqual([true, true]);
    expect(next?.status).toBe("SUCCEEDED");
    expect(journal.get("job", "current")).toBeUndefined();
    const state = vehicle.updater.current()?.state;
    expect(state !== undefined && isSettled(state)).toBe(true);
    // What the device ends it with is what has become of the update.
    const ended = update?.status ?? "";
    if (/SUCCEEDED|FAILED/.test(ended)) expect(ended).toBe(state?.step === "done" ? "SUCCEEDED" : "FAILED");
    await vehicle.end();
  });
});
