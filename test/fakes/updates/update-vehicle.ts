import type { Journal } from "../../../agent/ports/journal.ts";
import type { Downloader, DownloadOutcome } from "../../../agent/ports/update.ts";
import type { UpdatePhase } from "../../../agent/telemetry/record/encode/update-phase.ts";
import type { UpdateHooks, UpdateStepParts } from "../../../agent/updates/step-parts.ts";
import { parseManifest } from "../../../agent/updates/trust/manifest.ts";
import { createRollbackIndexes, type RollbackIndexes } from "../../../agent/updates/trust/rollback-indexes.ts";
import type { UpdateProgress } from "../../../agent/updates/update-progress.ts";
import { journalStore, type UpdateRecord, type UpdateRequest } from "../../../agent/updates/update-record.ts";
import { UpdateReporter } from "../../../agent/updates/update-reporter.ts";
import { UPDATE_TABLE, type UpdateStep } from "../../../agent/updates/update-state.ts";
import { createUpdateSteps } from "../../../agent/updates/update-steps.ts";
import { Updater } from "../../../agent/updates/updater.ts";
import { ManualClock } from "../core/clock.ts";
import { MemoryLog } from "../core/log.ts";
import { FakeJournal } from "../ports/journal.ts";
import { manifestDocument, signaturesOf, testManifest } from "./signing.ts";
import { FakeSlots, type FakeVersion } from "./slots.ts";

/** Digest of the update that a vehicle is given. */
export const DIGEST = "d".repeat(64);
const SHA256 = manifestDocument().artifacts[0].sha256;
/** That update. */
export const REQUEST: UpdateRequest = {
  origin: { kind: "local" },
  manifest: new TextDecoder().decode(testManifest()),
  signatures: signaturesOf(testManifest()),
  sources: { "agent.tar.gz": { kind: "url", url: "https://artifacts.example/agent.tar.gz" } },
};

/** A power cut. */
class Cut extends Error {}

/** A vehicle whose disk survives cuts: journal, rollback indexes, slots. `cutAt` says after how many steps the next cut comes. */
export class UpdateVehicle {
  readonly clock = new ManualClock();
  readonly log = new MemoryLog();
  readonly journal = new FakeJournal({ clock: this.clock });
  readonly slots = new FakeSlots(() => this.#step());
  readonly rollbackIndexes: RollbackIndexes;
  readonly version: FakeVersion;
  cutAt = Number.POSITIVE_INFINITY;
  steps = 0;
  outcome: DownloadOutcome = { kind: "complete" };
  isOpen = true;
  isMetered = false;
  /** SHA-256 of what lies on the disk. */
  digest: string | undefined = SHA256;
  /** How often a process asked to be started anew, and the system to be. */
  restarts = 0;
  reboots = 0;
  /** Of the process that was made last. */
  progress: UpdateProgress | undefined;
  renew: UpdateStepParts["checks"]["renew"] = async () => undefined;
  /** Share of a file that comes in a second; all of it at once when undefined. */
  ratePerSecond: number | undefined;
  /** Bytes of the file that are there. */
  fetchedBytes = 0;
  /** Phases as the outbox has them, and whether it takes any. */
  readonly reported: UpdatePhase[] = [];
  isStoring = true;
  hooks: UpdateHooks = { before: async () => undefined, after: async () => undefined };
  #copy: unknown;

  constructor(version: FakeVersion = "good") {
    this.version = version;
    const copy = { read: () => this.#copy, write: (lines: unknown) => this.#change(() => (this.#copy = lines)) };
    this.rollbackIndexes = createRollbackIndexes(this.journal, copy);
  }

  /** A process of the agent: it has the version that the supervisor started. */
  process(): Updater {
    const { steps, progress, untilStart } = createUpdateSteps(this.#parts());
    this.progress = progress;
    return new Updater({
      store: this.trail(() => progress),
      steps,
      clock: this.clock,
      log: this.log,
      restart: () => {
        this.restarts += 1;
      },
      reboot: async () => {
        this.reboots += 1;
      },
      untilStart,
    });
  }

  /** Starts the unit again and again, as systemd does, until the update is over and nothing asks for another start. Gives the starts. */
  async live(begin: boolean): Promise<number> {
    let mustBegin = begin;
    for (let starts = 1; starts < 50; starts++) {
      const runs = this.slots.start();
      if (runs === "new" && this.version === "crashes-at-start") continue;
      const stop = new AbortController();
      try {
        const updater = this.process();
        if (mustBegin) updater.begin(DIGEST, "1.3.0", REQUEST);
        mustBegin = false;
        const running = updater.run(stop.signal);
        const ended = Promise.race([running.then(() => "restart" as const), this.#settled()]);
        const how = await ended;
        stop.abort();
        await running;
        if (how === "over") return starts;
      } catch (thrown) {
        stop.abort();
        if (!(thrown instanceof Cut)) throw thrown;
        mustBegin = this.record() === undefined;
      }
    }
    throw new Error("the update never came to an end");
  }

  /** The store of a process. */
  trail(progress: () => Pick<UpdateProgress, "bytes">): UpdateReporter {
    const { journal, clock } = this;
    const cut: Pick<Journal, "atomically" | "get" | "list" | "put"> = {
      atomically: (work) => this.#change(() => journal.atomically(work)),
      get: (space, key) => journal.get(space, key),
      list: (space) => journal.list(space),
      put: (documents) => this.#change(() => journal.put(documents)),
    };
    const hand = (phases: readonly UpdatePhase[]): void => {
      this.#change(() => (this.isStoring ? this.reported.push(...phases) : 0));
    };
    return new UpdateReporter({
      journal: cut,
      sink: { handOver: hand, hasRoom: () => true, isStored: () => this.isStoring },
      progress,
      clock,
    });
  }

  record(): UpdateRecord | undefined {
    return journalStore(this.journal).load();
  }

  #parts(): UpdateStepParts {
    return {
      downloader: { download: (...call) => this.#download(...call) },
      folder: {
        fileOf: (digest, name) => `${digest}/${name}`,
        digestOf: async () => this.digest,
        clear: async () => undefined,
      },
      installers: { agent: this.slots },
      hooks: this.hooks,
      rollbackIndexes: this.rollbackIndexes,
      clock: this.clock,
      checks: {
        verify: () => ({ kind: "accepted", manifest: parseManifest(REQUEST.manifest), digest: DIGEST }),
        gate: () => (this.isOpen ? { kind: "open" } : { kind: "closed", waitingFor: "parked" }),
        health: () => this.#health(),
        link: async () => (this.isMetered ? { kind: "closed", waitingFor: "another link" } : { kind: "open" }),
        renew: (...asked) => this.renew(...asked),
        giveUpMs: 3_600_000,
        rollbackWithinMs: 3_600_000,
        healthTimeoutMs: 0,
      },
    };
  }

  async #download(
    ...[, { sizeBytes }, onProgress, signal]: Parameters<Downloader["download"]>
  ): Promise<DownloadOutcome> {
    if (this.outcome.kind !== "complete") return this.outcome;
    while (this.ratePerSecond !== undefined && this.fetchedBytes < sizeBytes) {
      await this.clock.sleep(1000, signal);
      if (signal.aborted) return { kind: "stopped" };
      this.fetchedBytes = Math.min(sizeBytes, this.fetchedBytes + Math.ceil(this.ratePerSecond * sizeBytes));
      onProgress(this.fetchedBytes);
    }
    onProgress(sizeBytes);
    return this.outcome;
  }

  #health() {
    const isHealthy = this.slots.running === "old" || this.version === "good";
    return isHealthy ? ({ kind: "healthy" } as const) : ({ kind: "unhealthy", missing: "PUBACK" } as const);
  }

  async #settled(): Promise<"over"> {
    for (;;) {
      const state = this.record()?.state;
      const isOver = state?.step === "done" || state?.step === "failed";
      if (isOver && state.awaits === "at-once") return "over";
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #change<T>(change: () => T): T {
    this.#step();
    const result = change();
    this.#step();
    return result;
  }

  #step(): void {
    this.steps += 1;
    if (this.steps === this.cutAt) throw new Cut();
  }
}

/** What does not fit together in a vehicle whose update is over; undefined when it is whole. Either end is good, as long as everything says the same. */
export function problemOf(vehicle: UpdateVehicle): string | undefined {
  const { current, running, newStarts } = vehicle.slots;
  const step = vehicle.record()?.state.step;
  const index = vehicle.rollbackIndexes.installed().find(({ component }) => component === "agent")?.sequenceNumber;
  if ((step === "done" ? "new" : "old") !== current) return `${step}, and ${current} is what starts`;
  if (running !== current) return `${current} is what starts, and ${running} runs`;
  if (index !== (step === "done" ? 14 : undefined)) return `${step}, and the rollback index is ${index}`;
  const untold = problemOfPhases(vehicle.reported, step);
  if (untold !== undefined) return untold;
  if (vehicle.version === "good") return undefined;
  if (step !== "failed") return `${step} with a version that is not good`;
  return newStarts > 3 ? `${newStarts} starts of a version that is not good` : undefined;
}

/** What the fleet was not told, or twice without saying so, of an update that has come to `end`; undefined when all is well. */
function problemOfPhases(reported: readonly UpdatePhase[], end: UpdateStep | undefined): string | undefined {
  const known = new Map<number, UpdatePhase>();
  for (const phase of reported) {
    const { repeated, ...first } = known.get(phase.number) ?? phase;
    const { repeated: isRepeat, ...again } = phase;
    if (known.has(phase.number) && !isRepeat) return `phase ${phase.number} came twice and does not say so`;
    if (JSON.stringify(first) !== JSON.stringify(again)) return `phase ${phase.number} comes in two versions`;
    if (!known.has(phase.number)) known.set(phase.number, { ...first, repeated });
  }
  const phases = [...known.values()].toSorted((left, right) => left.number - right.number);
  if (phases.some(({ number }, at) => number !== at + 1)) return "a phase was not told";
  if (phases.at(-1)?.phase !== end) return `it was told ${phases.at(-1)?.phase} last, and is ${end}`;
  const isInOrder = phases.every(({ phase }, at) => at === 0 || isNext(phases[at - 1]?.phase, phase));
  return isInOrder ? undefined : `told ${phases.map(({ phase }) => phase).join(", ")}`;
}

function isNext(before: string | undefined, phase: string): boolean {
  const place = Object.entries(UPDATE_TABLE).find(([step]) => step === before)?.[1];
  return place?.finished === phase || place?.failed === phase;
}

/** Carries its update to the end, with the first cut where it says, and more of them so many steps later each. */
export async function liveWithCuts(vehicle: UpdateVehicle, laterCuts: readonly number[]): Promise<void> {
  const later = [...laterCuts];
  const start = vehicle.slots.start.bind(vehicle.slots);
  vehicle.slots.start = () => {
    if (vehicle.steps >= vehicle.cutAt) {
      const next = later.shift();
      vehicle.cutAt = next === undefined ? Number.POSITIVE_INFINITY : vehicle.steps + next;
    }
    return start();
  };
  await vehicle.live(true);
}
