import { describe, expect, it } from "vitest";
import { createFloors, type Floors } from "../../../agent/control/floors.ts";
import { parseManifest } from "../../../agent/control/manifest.ts";
import {
  journalStore,
  type UpdateRecord,
  type UpdateRequest,
  type UpdateStore,
} from "../../../agent/control/update-record.ts";
import { createUpdateSteps, type UpdateHooks, type UpdateStepParts } from "../../../agent/control/update-steps.ts";
import { Updater } from "../../../agent/control/updater.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import type { DownloadOutcome } from "../../../agent/update-ports.ts";
import { seededRandom } from "../../bench/seeded-random.ts";
import { ManualClock } from "../../fakes/clock.ts";
import { FakeJournal } from "../../fakes/journal.ts";
import { MemoryLog } from "../../fakes/log.ts";
import { manifestDocument, signaturesOf, testManifest } from "../../fakes/signing.ts";
import { FakeSlots, type FakeVersion } from "../../fakes/slots.ts";

const DIGEST = "d".repeat(64);
const SHA256 = manifestDocument().artifacts[0].sha256;
const REQUEST: UpdateRequest = {
  origin: { kind: "local" },
  manifest: new TextDecoder().decode(testManifest()),
  signatures: signaturesOf(testManifest()),
  sources: { "agent.tar.gz": { kind: "url", url: "https://artifacts.example/agent.tar.gz" } },
};

/** A power cut. */
class Cut extends Error {}

/** A vehicle whose disk survives cuts: journal, floors, slots. `cutAt` says after how many steps the next cut comes. */
class Vehicle {
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

/** Either end is good, as long as everything says the same. */
function expectWhole(vehicle: Vehicle): void {
  const { current, running } = vehicle.slots;
  const step = vehicle.record()?.state.step;
  const counter = vehicle.floors.installed().find(({ line }) => line === "agent")?.counter;
  expect(step === "done" ? "new" : "old").toBe(current);
  expect(running).toBe(current);
  expect(counter).toBe(step === "done" ? 14 : undefined);
  if (vehicle.version !== "good") expect(step).toBe("failed");
}

describe("Updater", () => {
  it("carries an update through and raises the floor", async () => {
    const vehicle = new Vehicle();
    expect(await vehicle.live(true)).toBe(2);
    expect(vehicle.record()?.state).toMatchObject({ step: "done", starts: 0 });
    expectWhole(vehicle);
  });

  it.each([
    ["crashes-at-start", "supervisor-went-back"],
    ["never-proven", "not-proven"],
  ] as const)("is back on the old version within three starts of one that %s", async (version, reason) => {
    const vehicle = new Vehicle(version);
    await vehicle.live(true);
    expect(vehicle.record()?.state.failure?.reason).toBe(reason);
    expect(vehicle.slots.newStarts).toBeLessThanOrEqual(3);
    expectWhole(vehicle);
  });

  it.each(["good", "crashes-at-start", "never-proven"] as const)(
    "with power cut at every step, before and after it is durable, ends whole: %s version",
    async (version) => {
      const whole = new Vehicle(version);
      await whole.live(true);
      expect(whole.steps).toBeGreaterThan(20);
      for (let at = 1; at <= whole.steps; at++) {
        const random = seededRandom(at);
        for (let round = 0; round < 20; round++) {
          const vehicle = new Vehicle(version);
          vehicle.cutAt = at;
          // After the first round, further cuts follow soon after the first.
          const cuts = round === 0 ? [] : [1, 2].map(() => 1 + Math.floor(random() * 6));
          await liveWithCuts(vehicle, cuts);
          expectWhole(vehicle);
          if (version !== "good") expect(vehicle.slots.newStarts).toBeLessThanOrEqual(3);
        }
      }
    },
  );

  it("takes one update at a time", async () => {
    const vehicle = new Vehicle();
    const updater = vehicle.process();
    expect(updater.begin(DIGEST, "1.3.0", REQUEST)).toBe("begun");
    expect(updater.begin(DIGEST, "1.3.0", REQUEST)).toBe("busy");
  });

  it("tells what it waits for, and stops at once when it is cancelled", async () => {
    const vehicle = new Vehicle();
    vehicle.isOpen = false;
    const updater = vehicle.process();
    updater.begin(DIGEST, "1.3.0", REQUEST);
    const stop = new AbortController();
    const running = updater.run(stop.signal);
    await vehicle.clock.run(5000);
    expect(updater.current()?.state.step).toBe("wait");
    updater.cancel("cancelled", "by the cloud");
    await vehicle.clock.run(0);
    expect(updater.current()?.state).toMatchObject({ step: "failed", failure: { reason: "cancelled" } });
    stop.abort();
    await running;
    expectWhole(vehicle);
  });

  it("fetches nothing while the link is metered, and goes on when another one is there", async () => {
    const vehicle = new Vehicle();
    vehicle.isMetered = true;
    const updater = vehicle.process();
    updater.begin(DIGEST, "1.3.0", REQUEST);
    const stop = new AbortController();
    const running = updater.run(stop.signal);
    await vehicle.clock.run(60_000);
    expect(updater.current()?.state.step).toBe("download");
    vehicle.isMetered = false;
    await vehicle.clock.run(2000);
    expect(updater.current()?.state.step).not.toBe("download");
    stop.abort();
    await running;
  });

  it.each([
    [{ kind: "tampered", detail: "SHA-256" }, "tampered"],
    [{ kind: "no-space", detail: "5 bytes" }, "no-space"],
    [{ kind: "denied", detail: "403" }, "download-failed"],
  ] as const)("ends truthfully after a download that is %o", async (outcome, reason) => {
    const vehicle = new Vehicle();
    vehicle.outcome = outcome;
    await vehicle.live(true);
    expect(vehicle.record()?.state).toMatchObject({ step: "failed", failure: { reason } });
    expectWhole(vehicle);
  });

  it("does not act on a state that it could not write", async () => {
    const vehicle = new Vehicle();
    const updater = vehicle.process();
    updater.begin(DIGEST, "1.3.0", REQUEST);
    vehicle.isOpen = false;
    const stop = new AbortController();
    const running = updater.run(stop.signal);
    await vehicle.clock.run(2000);
    vehicle.journal.failNext(new AgentError("journal.full", { what: "disk full", remedy: "make room" }));
    vehicle.isOpen = true;
    await vehicle.clock.run(1000);
    expect([updater.current()?.state.step, vehicle.slots.staged]).toEqual(["wait", false]);
    expect(vehicle.log.entries.map(({ event }) => event)).toContain("update.not-remembered");
    await vehicle.clock.run(5000);
    expect(vehicle.slots.staged).toBe(true);
    stop.abort();
    await running;
  });
});

async function liveWithCuts(vehicle: Vehicle, laterCuts: readonly number[]): Promise<void> {
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
