import { createFloors, type Floors } from "../../agent/control/floors.ts";
import { parseManifest } from "../../agent/control/manifest.ts";
import {
  journalStore,
  type UpdateRecord,
  type UpdateRequest,
  type UpdateStore,
} from "../../agent/control/update-record.ts";
import { createUpdateSteps, type UpdateHooks, type UpdateStepParts } from "../../agent/control/update-steps.ts";
import { Updater } from "../../agent/control/updater.ts";
import type { DownloadOutcome } from "../../agent/update-ports.ts";
import { ManualClock } from "./clock.ts";
import { FakeJournal } from "./journal.ts";
import { MemoryLog } from "./log.ts";
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

/** A vehicle whose disk survives cuts: journal, floors, slots. `cutAt` says after how many steps the next cut comes. */
export class UpdateVehicle {
  readonly clock = new ManualClock();
  readonly log = new MemoryLog();
  readonly journal = new FakeJournal({ clock: this.clock });
  readonly slots = new FakeSlots(() => this.#step());
  readonly floors: Floors;
  readonly version: FakeVersion;
  cutAt = Number.POSITIVE_INFINITY;
  steps = 0;
  outcome: DownloadOutcome = { kind: "complete" };
  isOpen = true;
  isMetered = false;
  hooks: UpdateHooks = { before: async () => undefined, after: async () => undefined };
  #copy: unknown;

  constructor(version: FakeVersion = "good") {
    this.version = version;
    const copy = { read: () => this.#copy, write: (lines: unknown) => this.#change(() => (this.#copy = lines)) };
    this.floors = createFloors(this.journal, copy);
  }

  /** A process of the agent: it has the version that the supervisor started. */
  process(): Updater {
    const stored = journalStore(this.journal);
    const store: UpdateStore = {
      load: () => stored.load(),
      save: (record) => this.#change(() => stored.save(record)),
    };
    const { steps } = createUpdateSteps(this.#parts());
    return new Updater({
      store,
      steps,
      clock: this.clock,
      log: this.log,
      restart: () => undefined,
      reboot: async () => undefined,
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

  record(): UpdateRecord | undefined {
    return journalStore(this.journal).load();
  }

  #parts(): UpdateStepParts {
    return {
      downloader: { download: async () => this.outcome },
      folder: {
        fileOf: (digest, name) => `${digest}/${name}`,
        digestOf: async () => SHA256,
        clear: async () => undefined,
      },
      installers: { agent: this.slots },
      hooks: this.hooks,
      floors: this.floors,
      clock: this.clock,
      judgement: {
        judge: () => ({ kind: "accepted", manifest: parseManifest(REQUEST.manifest), digest: DIGEST }),
        gate: () => (this.isOpen ? { kind: "open" } : { kind: "closed", waitingFor: "parked" }),
        health: () => this.#health(),
        link: async () => (this.isMetered ? { kind: "closed", waitingFor: "another link" } : { kind: "open" }),
        renew: async () => undefined,
        proveMs: 0,
      },
    };
  }

  #health() {
    const isHealthy = this.slots.running === "old" || this.version === "good";
    return isHealthy ? ({ kind: "healthy" } as const) : ({ kind: "unproven", missing: "PUBACK" } as const);
  }

  async #settled(): Promise<"over"> {
    for (;;) {
      const state = this.record()?.state;
      const isOver = state?.step === "done" || state?.step === "failed";
      if (isOver && state.awaits === "at-once") return "over";
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #change(change: () => void): void {
    this.#step();
    change();
    this.#step();
  }

  #step(): void {
    this.steps += 1;
    if (this.steps === this.cutAt) throw new Cut();
  }
}

/** What does not fit together in a vehicle whose update is over; undefined when it is whole. Either end is good, as long as everything says the same. */
export function flawOf(vehicle: UpdateVehicle): string | undefined {
  const { current, running, newStarts } = vehicle.slots;
  const step = vehicle.record()?.state.step;
  const counter = vehicle.floors.installed().find(({ line }) => line === "agent")?.counter;
  if ((step === "done" ? "new" : "old") !== current) return `${step}, and ${current} is what starts`;
  if (running !== current) return `${current} is what starts, and ${running} runs`;
  if (counter !== (step === "done" ? 14 : undefined)) return `${step}, and the floor is ${counter}`;
  if (vehicle.version === "good") return undefined;
  if (step !== "failed") return `${step} with a version that is not good`;
  return newStarts > 3 ? `${newStarts} starts of a version that is not good` : undefined;
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
