import { describe, expect, it } from "vitest";
import { AgentError } from "../../../agent/core/errors.ts";
import { journalStore } from "../../../agent/updates/update-record.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import { DIGEST, liveWithCuts, problemOf, REQUEST, UpdateVehicle } from "../../fakes/updates/update-vehicle.ts";

/** An update that is begun, in a process that runs. */
function startUpdate(vehicle: UpdateVehicle) {
  const updater = vehicle.process();
  updater.begin(DIGEST, "1.3.0", REQUEST);
  const stop = new AbortController();
  return { updater, stop, running: updater.run(stop.signal) };
}

describe("Updater", () => {
  it("carries an update through and raises the rollback index", async () => {
    const vehicle = new UpdateVehicle();
    expect(await vehicle.live(true)).toBe(2);
    expect(vehicle.record()?.state).toMatchObject({ step: "done", starts: 0 });
    expect(problemOf(vehicle)).toBeUndefined();
  });

  it.each([
    ["crashes-at-start", "supervisor-rolled-back"],
    ["never-proven", "unhealthy"],
  ] as const)("is back on the old version within three starts of one that %s", async (version, reason) => {
    const vehicle = new UpdateVehicle(version);
    await vehicle.live(true);
    expect(vehicle.record()?.state.failure?.reason).toBe(reason);
    expect(vehicle.slots.newStarts).toBeLessThanOrEqual(3);
    expect(problemOf(vehicle)).toBeUndefined();
  });

  it.each(["good", "crashes-at-start", "never-proven"] as const)(
    "with power cut at every step, before and after it is durable, ends whole: %s version",
    async (version) => {
      const whole = new UpdateVehicle(version);
      await whole.live(true);
      expect(whole.steps).toBeGreaterThan(20);
      for (let at = 1; at <= whole.steps; at++) {
        const random = seededRandom(at);
        for (let round = 0; round < 20; round++) {
          const vehicle = new UpdateVehicle(version);
          vehicle.cutAt = at;
          // After the first round, further cuts follow soon after the first.
          const cuts = round === 0 ? [] : [1, 2].map(() => 1 + Math.floor(random() * 6));
          await liveWithCuts(vehicle, cuts);
          expect(problemOf(vehicle)).toBeUndefined();
        }
      }
    },
  );

  it("takes one update at a time", async () => {
    const vehicle = new UpdateVehicle();
    const updater = vehicle.process();
    expect(updater.begin(DIGEST, "1.3.0", REQUEST)).toBe("begun");
    expect(updater.begin(DIGEST, "1.3.0", REQUEST)).toBe("busy");
  });

  it("tells what it waits for, and stops at once when it is cancelled", async () => {
    const vehicle = new UpdateVehicle();
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
    expect(problemOf(vehicle)).toBeUndefined();
  });

  it("fetches nothing while the link is metered, and goes on when another one is there", async () => {
    const vehicle = new UpdateVehicle();
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

  it("pauses a download when the link becomes metered, and goes on with what is missing on another one", async () => {
    const vehicle = new UpdateVehicle();
    vehicle.ratePerSecond = 0.2;
    const { updater, stop, running } = startUpdate(vehicle);
    await vehicle.clock.run(2000);
    vehicle.isMetered = true;
    await vehicle.clock.run(1000);
    const atPause = vehicle.fetchedBytes;
    expect(atPause).toBeGreaterThan(0);
    await vehicle.clock.run(60_000);
    expect([updater.current()?.state.step, vehicle.fetchedBytes]).toEqual(["download", atPause]);
    vehicle.isMetered = false;
    await vehicle.clock.run(10_000);
    expect(updater.current()?.state.step).not.toBe("download");
    stop.abort();
    await running;
  });

  it("gives up a download that is paused", async () => {
    const vehicle = new UpdateVehicle();
    vehicle.ratePerSecond = 0.1;
    const { updater, stop, running } = startUpdate(vehicle);
    await vehicle.clock.run(2000);
    vehicle.isMetered = true;
    await vehicle.clock.run(5000);
    updater.cancel("timed-out", "by the cloud");
    await vehicle.clock.run(0);
    expect(updater.current()?.state).toMatchObject({ step: "failed", failure: { reason: "timed-out" } });
    stop.abort();
    await running;
    expect(problemOf(vehicle)).toBeUndefined();
  });

  it("asks the gate again after the hooks and the unpacking, and switches nothing while it is closed", async () => {
    const vehicle = new UpdateVehicle();
    const before = async () => {
      vehicle.isOpen = false;
      return undefined;
    };
    vehicle.hooks = { ...vehicle.hooks, before };
    const { updater, stop, running } = startUpdate(vehicle);
    await vehicle.clock.run(60_000);
    expect(vehicle.slots).toMatchObject({ staged: true, current: "old" });
    expect([updater.current()?.state.step, vehicle.progress?.waitingFor]).toEqual(["activate", "parked"]);
    vehicle.isOpen = true;
    await vehicle.clock.run(1000);
    expect(vehicle.slots.current).toBe("new");
    stop.abort();
    await running;
  });

  it.each(["restart", "reboot"] as const)("does not ask for a %s while the gate is closed", async (effect) => {
    const vehicle = new UpdateVehicle();
    const activate = vehicle.slots.activate.bind(vehicle.slots);
    vehicle.slots.activate = async (artifact) => {
      await activate(artifact);
      vehicle.isOpen = false;
      return effect;
    };
    const { updater, stop, running } = startUpdate(vehicle);
    await vehicle.clock.run(60_000);
    expect(updater.current()?.state).toMatchObject({ step: "health-check", awaits: effect });
    expect([vehicle.restarts, vehicle.reboots]).toEqual([0, 0]);
    vehicle.isOpen = true;
    await vehicle.clock.run(1000);
    expect(vehicle.restarts + vehicle.reboots).toBe(1);
    stop.abort();
    await running;
  });

  it.each([
    ["restart", 0, 1],
    ["reboot", 3_500_000, 0],
    ["reboot", 3_600_000, 1],
  ] as const)("goes back by a %s that the gate does not hold up for ever: after %i ms", async (effect, ms, count) => {
    const vehicle = new UpdateVehicle();
    vehicle.isOpen = false;
    vehicle.slots.rollback = async () => effect;
    const updater = vehicle.process();
    updater.begin(DIGEST, "1.3.0", REQUEST);
    const record = vehicle.record();
    if (record === undefined) throw new Error("nothing was begun");
    const failure = { reason: "unhealthy", detail: "PUBACK" } as const;
    journalStore(vehicle.journal).save({ ...record, state: { ...record.state, step: "rollback", failure } });
    const stop = new AbortController();
    const running = vehicle.process().run(stop.signal);
    await vehicle.clock.run(ms);
    expect(vehicle.restarts + vehicle.reboots).toBe(count);
    stop.abort();
    await running;
  });

  it("tries again what must not be given up, after a pause", async () => {
    const vehicle = new UpdateVehicle();
    let tries = 0;
    vehicle.slots.rollback = async () => {
      tries += 1;
      if (tries === 1) throw Object.assign(new Error("no space left"), { code: "ENOSPC" });
      return "at-once";
    };
    vehicle.process().begin(DIGEST, "1.3.0", REQUEST);
    const record = vehicle.record();
    if (record === undefined) throw new Error("nothing was begun");
    const failure = { reason: "unhealthy", detail: "PUBACK" } as const;
    journalStore(vehicle.journal).save({ ...record, state: { ...record.state, step: "rollback", failure } });
    const stop = new AbortController();
    const running = vehicle.process().run(stop.signal);
    await vehicle.clock.run(4999);
    expect([tries, vehicle.record()?.state.step]).toEqual([1, "rollback"]);
    expect(vehicle.log.of("update.step-failed")).toHaveLength(1);
    await vehicle.clock.run(1);
    expect([tries, vehicle.record()?.state]).toMatchObject([2, { step: "failed", failure }]);
    stop.abort();
    await running;
  });

  it("can be given up while it waits to be started anew, and then goes back", async () => {
    const vehicle = new UpdateVehicle();
    vehicle.slots.activate = async () => {
      vehicle.isOpen = false;
      return "reboot";
    };
    const { updater, stop, running } = startUpdate(vehicle);
    await vehicle.clock.run(5000);
    updater.cancel("cancelled", "by the cloud");
    await vehicle.clock.run(0);
    expect(updater.current()?.state).toMatchObject({ step: "failed", failure: { reason: "cancelled" } });
    stop.abort();
    await running;
  });

  it("keeps the consent to it over a restart and while a step works, and asks again for the next update", async () => {
    const vehicle = new UpdateVehicle();
    vehicle.isOpen = false;
    const { updater, stop, running } = startUpdate(vehicle);
    await vehicle.clock.run(2000);
    expect(updater.current()?.hasConsent).toBeUndefined();
    updater.consent();
    expect(updater.current()?.state.step).toBe("wait");
    vehicle.isOpen = true;
    await vehicle.clock.run(2000);
    expect(updater.current()?.state.step).toBe("health-check");
    stop.abort();
    await running;
    expect(vehicle.process().current()?.hasConsent).toBe(true);
    const failure = { reason: "cancelled", detail: "" } as const;
    const over = { step: "failed", starts: 0, awaits: "at-once", failure } as const;
    journalStore(vehicle.journal).save({ digest: DIGEST, versionFrom: "1.3.0", request: REQUEST, state: over });
    const next = vehicle.process();
    next.begin(DIGEST, "1.3.0", REQUEST);
    expect(next.current()?.hasConsent).toBeUndefined();
  });

  it("has somebody answer for its version, and asks again after a restart and for the next update", async () => {
    const vehicle = new UpdateVehicle();
    const updater = vehicle.process();
    updater.confirmHealth();
    expect(updater.isHealthConfirmed()).toBe(false);
    updater.begin(DIGEST, "1.3.0", REQUEST);
    expect(updater.isHealthConfirmed()).toBe(false);
    updater.confirmHealth();
    expect(updater.isHealthConfirmed()).toBe(true);
    expect(vehicle.process().isHealthConfirmed()).toBe(false);
    const failure = { reason: "cancelled", detail: "" } as const;
    const over = { step: "failed", starts: 0, awaits: "at-once", failure } as const;
    const other = "f".repeat(64);
    journalStore(vehicle.journal).save({ digest: other, versionFrom: "1.3.0", request: REQUEST, state: over });
    const next = vehicle.process();
    next.confirmHealth();
    next.begin(DIGEST, "1.3.0", REQUEST);
    expect(next.isHealthConfirmed()).toBe(false);
  });

  it("survives any number of ignition cycles while it waits", async () => {
    const vehicle = new UpdateVehicle();
    vehicle.isOpen = false;
    const begun = vehicle.process();
    begun.begin(DIGEST, "1.3.0", REQUEST);
    for (let cycle = 0; cycle < 20; cycle++) {
      const stop = new AbortController();
      const running = vehicle.process().run(stop.signal);
      await vehicle.clock.run(2000);
      stop.abort();
      await running;
    }
    expect(vehicle.record()?.state).toMatchObject({ step: "wait", starts: 0 });
  });

  it("asks for a fresh URL until there is a link, and goes on with it", async () => {
    const vehicle = new UpdateVehicle();
    vehicle.outcome = { kind: "denied", detail: "403" };
    let asked = 0;
    vehicle.renew = async () => {
      asked += 1;
      if (vehicle.clock.monotonicMs() < 1_800_000) return "later";
      vehicle.outcome = { kind: "complete" };
      return { kind: "url", url: "https://artifacts.example/fresh" };
    };
    const { updater, stop, running } = startUpdate(vehicle);
    await vehicle.clock.run(1_700_000);
    expect(updater.current()?.state.step).toBe("download");
    expect(vehicle.progress?.waitingFor).toContain("a fresh URL for agent.tar.gz");
    expect(asked).toBeLessThan(50);
    await vehicle.clock.run(200_000);
    expect(updater.current()?.state.step).not.toBe("download");
    stop.abort();
    await running;
  });

  it("asks for another URL when a fresh one had time to expire, and not when it is refused at once", async () => {
    const vehicle = new UpdateVehicle();
    let isOffline = true;
    let asked = 0;
    vehicle.renew = async () => {
      asked += 1;
      isOffline = asked < 5;
      return { kind: "url", url: `https://artifacts.example/${asked}` };
    };
    const refuse = () => {
      // The network is away: what was fresh is an hour old when the server hears of it.
      if (isOffline) vehicle.clock.advance(3_600_000);
      return { kind: "denied", detail: "403" } as const;
    };
    Object.defineProperty(vehicle, "outcome", { get: refuse });
    const { updater, stop, running } = startUpdate(vehicle);
    await vehicle.clock.run(0);
    expect(asked).toBe(5);
    expect(updater.current()?.state.failure).toMatchObject({ reason: "download-failed", detail: "403" });
    stop.abort();
    await running;
  });

  it.each([
    ["f".repeat(64), `SHA-256 is ${"f".repeat(64)}`],
    [undefined, "SHA-256 is not to be had"],
  ])("installs nothing of a file that is another one when it is verified: %s", async (digest, detail) => {
    const vehicle = new UpdateVehicle();
    vehicle.digest = digest;
    await vehicle.live(true);
    expect(vehicle.record()?.state).toMatchObject({ step: "failed", failure: { reason: "tampered" } });
    expect(vehicle.record()?.state.failure?.detail).toContain(detail);
    expect(vehicle.slots.staged).toBe(false);
  });

  it.each([
    [{ kind: "tampered", detail: "SHA-256" }, "tampered"],
    [{ kind: "no-space", detail: "5 bytes" }, "no-space"],
    [{ kind: "denied", detail: "403" }, "download-failed"],
  ] as const)("ends truthfully after a download that is %o", async (outcome, reason) => {
    const vehicle = new UpdateVehicle();
    vehicle.outcome = outcome;
    await vehicle.live(true);
    expect(vehicle.record()?.state).toMatchObject({ step: "failed", failure: { reason } });
    expect(problemOf(vehicle)).toBeUndefined();
  });

  it("does not act on a state that it could not write", async () => {
    const vehicle = new UpdateVehicle();
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
