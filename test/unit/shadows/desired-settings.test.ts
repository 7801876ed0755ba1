import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { canonicalJson } from "../../../agent/core/canonical-json.ts";
import { DesiredSettings } from "../../../agent/shadows/desired-settings.ts";
import { SettingsMemory } from "../../../agent/shadows/settings-memory.ts";
import { differenceOf } from "../../bench/cloud/shadow-document.ts";
import type { ShadowFate } from "../../fakes/cloud/model-shadow.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { ConfigVehicle } from "../../fakes/updates/config-vehicle.ts";
import { SettingsVehicle, setName } from "../../fakes/updates/settings-vehicle.ts";

type Tree = Parameters<typeof canonicalJson>[0] & object;

const digestOf = (settings: Tree): string => createHash("sha256").update(canonicalJson(settings)).digest("hex");
/** Settings of more than ten are invalid, those of less than zero never prove themselves. */
const batch = (batchMs: number) => ({ collect: { batchMs } });
const batchOf = (settings: unknown): number => {
  const found = /"batchMs":(-?\d+)/.exec(JSON.stringify(settings));
  return Number(found?.[1] ?? 0);
};

async function vehicle(settleMs = 0): Promise<ConfigVehicle> {
  const rig = new ConfigVehicle(settleMs);
  rig.vehicle.problem = (settings) => (batchOf(settings) > 10 ? "collect.batchMs: too much" : undefined);
  rig.vehicle.isHealthy = (settings) => batchOf(settings) >= 0;
  await rig.clock.run(1);
  return rig;
}

const told = z.object({ state: z.string(), reason: z.string().optional() });
const verdictIn = (rig: ConfigVehicle) => rig.model.reported().settings;

describe("DesiredSettings", () => {
  it("takes what is desired over a restart, and reports it so that no delta is left", async () => {
    const rig = await vehicle();
    rig.model.update({ desired: batch(5) });
    await rig.clock.run(60_000);
    expect(rig.vehicle.inForce()).toEqual(batch(5));
    expect(rig.model.reported()).toEqual({
      ...batch(5),
      settings: { state: "in-force", digest: digestOf(batch(5)) },
    });
    expect(rig.vehicle.tried).toEqual([setName(batch(5))]);
    expect(rig.desired?.verdict().state).toBe("in-force");
    await rig.stop();
  });

  it("begins nothing for a shadow that is not there, or that desires nothing, and makes none", async () => {
    const rig = await vehicle();
    await rig.clock.run(60_000);
    expect(rig.model.document).toBeUndefined();
    expect(rig.desired?.verdict()).toMatchObject({ state: "unread" });
    rig.model.update({ reported: { theirs: 1 } });
    await rig.clock.run(60_000);
    expect(rig.model.reported()).toMatchObject({ theirs: 1, settings: { state: "none" } });
    expect(rig.vehicle.tried).toEqual([]);
    await rig.stop();
  });

  it("refuses what does not fit as a whole, with the reason, and looks at it again after a start", async () => {
    const rig = await vehicle();
    rig.model.update({ desired: batch(11) });
    await rig.clock.run(60_000);
    expect(verdictIn(rig)).toEqual({
      state: "refused",
      digest: digestOf(batch(11)),
      reason: "collect.batchMs: too much",
    });
    expect(rig.vehicle.tried).toEqual([]);
    rig.vehicle.problem = () => undefined;
    rig.kill();
    await rig.clock.run(60_000);
    expect(verdictIn(rig)).toMatchObject({ state: "in-force" });
    await rig.stop();
  });

  it("goes back from what does not stand its health check, says why, and does not try it again", async () => {
    const rig = await vehicle();
    rig.model.update({ desired: batch(5) });
    await rig.clock.run(60_000);
    rig.model.update({ desired: batch(-1) });
    await rig.clock.run(60_000);
    expect(rig.model.reported()).toEqual({
      ...batch(5),
      settings: { state: "taken-back", digest: digestOf(batch(-1)), reason: "PUBACK" },
    });
    rig.kill();
    rig.reconnect();
    await rig.clock.run(3_600_000);
    expect(rig.vehicle.tried).toEqual([setName(batch(5)), setName(batch(-1))]);
    rig.model.update({ desired: batch(5) });
    await rig.clock.run(60_000);
    expect(verdictIn(rig)).toMatchObject({ state: "in-force" });
    expect(rig.vehicle.tried).toHaveLength(2);
    await rig.stop();
  });

  it("leaves what a job has set later until something else is desired", async () => {
    const rig = await vehicle();
    rig.model.update({ desired: batch(5) });
    await rig.clock.run(60_000);
    rig.runJob(batch(7));
    await rig.clock.run(3_600_000);
    expect(rig.vehicle.inForce()).toEqual(batch(7));
    expect(rig.model.reported()).toEqual({
      ...batch(7),
      settings: { state: "replaced", digest: digestOf(batch(5)), reason: "a job has set others since" },
    });
    // Nothing desired takes away what the shadow has set, and this is of the job.
    rig.model.update({ desired: null });
    await rig.clock.run(60_000);
    expect(rig.vehicle.inForce()).toEqual(batch(7));
    rig.model.update({ desired: batch(6) });
    await rig.clock.run(60_000);
    expect(rig.vehicle.inForce()).toEqual(batch(6));
    await rig.stop();
  });

  it("gives the vehicle its own settings back when nothing is desired any more, but not when the shadow is deleted", async () => {
    const rig = await vehicle();
    rig.model.update({ desired: batch(5) });
    await rig.clock.run(60_000);
    rig.model.delete();
    await rig.clock.run(3_600_000);
    expect(rig.vehicle.inForce()).toEqual(batch(5));
    expect(rig.model.document).toBeUndefined();
    rig.model.update({ desired: { log: { level: "warn" } } });
    await rig.clock.run(60_000);
    expect(rig.vehicle.inForce()).toEqual({ log: { level: "warn" } });
    rig.model.update({ desired: null });
    await rig.clock.run(60_000);
    expect(rig.vehicle.inForce()).toEqual({});
    expect(rig.model.reported()).toEqual({ settings: { state: "none", digest: digestOf({}) } });
    await rig.stop();
  });

  it("tries only the newest where others change it all the time, each try so long after a start", async () => {
    const rig = await vehicle(300_000);
    for (let turn = 0; turn < 360; turn++) {
      rig.model.update({ desired: batch(1 + (turn % 9)) });
      await rig.clock.run(10_000);
    }
    expect(rig.vehicle.tried.length).toBeLessThanOrEqual(13);
    await rig.clock.run(600_000);
    expect(rig.vehicle.inForce()).toEqual(batch(9));
    await rig.stop();
  });

  it("says what it is that keeps settings out which were in force", async () => {
    const rig = await vehicle();
    rig.model.update({ desired: batch(5) });
    await rig.clock.run(60_000);
    rig.dropped = "collect: not in ota.jobs.settings";
    rig.vehicle.current = "none";
    rig.kill();
    await rig.clock.run(60_000);
    expect(verdictIn(rig)).toMatchObject({ state: "replaced", reason: "collect: not in ota.jobs.settings" });
    // As the configuration is told, a line for each mistake.
    rig.dropped = "settings.yaml:3:5 collect.rules: odd\n".repeat(500);
    rig.kill();
    await rig.clock.run(60_000);
    const { reason } = told.parse(verdictIn(rig));
    expect(reason).toMatch(/^settings\.yaml:3:5 collect\.rules: odd settings/);
    expect(reason).toHaveLength(500);
    await rig.stop();
  });

  it("misses no change that comes as it settles down to wait", async () => {
    const clock = new ManualClock();
    const slot = new SettingsVehicle(clock);
    let looks = 0;
    const desired = new DesiredSettings({
      trials: slot.trials(() => undefined),
      slot: slot.slot(),
      memory: new SettingsMemory(slot.journal),
      settleMs: 0,
      clock,
      log: new MemoryLog(),
      onChange: () => {
        looks += 1;
        if (looks === 1) desired.take(batch(5));
      },
      dropped: undefined,
    });
    const stop = new AbortController();
    const running = desired.run(stop.signal);
    await clock.run(10);
    expect(slot.tried).toEqual([setName(batch(5))]);
    stop.abort();
    await running;
  });

  it("costs no process where the settings in force cannot be read, and says so", async () => {
    const rig = await vehicle();
    rig.model.update({ desired: batch(5) });
    await rig.clock.run(60_000);
    const { starts } = rig;
    rig.vehicle.faults.set("running", "EIO");
    await rig.clock.run(60_000);
    expect(rig.desired?.verdict()).toMatchObject({ state: "unread", reason: "EIO: running" });
    rig.vehicle.faults.clear();
    await rig.clock.run(60_000);
    expect(verdictIn(rig)).toMatchObject({ state: "in-force" });
    expect(rig.starts).toBe(starts);
    await rig.stop();
  });

  it("tries again what failed for a disk, and costs no process by a bug that a document brings out", async () => {
    const rig = await vehicle();
    rig.vehicle.problem = () => {
      throw Object.assign(new Error("no space"), { code: "ENOSPC" });
    };
    rig.model.update({ desired: batch(5) });
    await rig.clock.run(30_000);
    expect(rig.desired?.verdict()).toMatchObject({ state: "trying", reason: "another try: no space" });
    rig.vehicle.problem = () => {
      throw new TypeError("odd");
    };
    await rig.clock.run(120_000);
    expect(verdictIn(rig)).toMatchObject({ state: "refused", reason: "internal: odd" });
    expect(rig.starts).toBe(0);
    await rig.stop();
  });

  it.each([
    ["that are healthy", 5, "in-force"],
    ["that never prove themselves", -1, "taken-back"],
  ] as const)("ends truthfully with settings %s, whenever the power is cut", async (_name, batchMs, state) => {
    const whole = await vehicle();
    whole.model.update({ desired: batch(batchMs) });
    await whole.clock.run(60_000);
    expect(whole.vehicle.steps).toBeGreaterThan(4);
    await whole.stop();
    for (let at = 1; at <= whole.vehicle.steps; at++) {
      const rig = await vehicle();
      rig.vehicle.cutAt = at;
      rig.model.update({ desired: batch(batchMs) });
      await rig.clock.run(120_000);
      expect([at, verdictIn(rig)]).toMatchObject([at, { state }]);
      expect([at, rig.vehicle.tried.length, rig.vehicle.trial]).toEqual([at, 1, undefined]);
      await rig.stop();
    }
  });

  const fate = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom<ShadowFate[]>("pass", "ignored", "unanswered", "twice", "late") },
    { weight: 1, arbitrary: fc.constantFrom(409, 413, 429, 500).map((code) => ({ code })) },
  );
  const settings = fc.oneof(
    fc.integer({ min: -2, max: 12 }).map(batch),
    fc.record({ log: fc.record({ level: fc.constantFrom("warn", "info") }) }),
  );
  const step = fc.oneof(
    fc.tuple(settings, fc.boolean()).map(
      ([desired, heard]) =>
        (rig: ConfigVehicle) =>
          rig.model.update({ desired: { collect: null, log: null, ...desired } }, heard),
    ),
    fc.boolean().map((heard) => (rig: ConfigVehicle) => rig.model.update({ desired: null }, heard)),
    fc.boolean().map((heard) => (rig: ConfigVehicle) => rig.model.update({ reported: batch(3), desired: {} }, heard)),
    fc.boolean().map((heard) => (rig: ConfigVehicle) => rig.model.delete(heard)),
    fate.map((one) => (rig: ConfigVehicle) => void rig.model.fates.push(one)),
    fc.constant((rig: ConfigVehicle) => rig.model.release()),
    fc.constant((rig: ConfigVehicle) => rig.kill()),
    fc.constant((rig: ConfigVehicle) => rig.reconnect()),
    fc.integer({ min: 1, max: 6 }).map((steps) => (rig: ConfigVehicle) => {
      rig.vehicle.cutAt = rig.vehicle.steps + steps;
    }),
    fc.integer({ min: 0, max: 9 }).map((batchMs) => (rig: ConfigVehicle) => rig.runJob(batch(batchMs))),
    fc.constantFrom(10, 7000, 61_000).map((ms) => (rig: ConfigVehicle) => rig.clock.run(ms)),
    // Weeks without a link, in which the shadow goes on.
    fc.constant(async (rig: ConfigVehicle) => {
      rig.broker.disconnect();
      await rig.clock.run(600_000);
    }),
  );

  const states = new Map<string, number>();

  /** What a slow look at the shadow and the vehicle says of them, whatever has happened before. */
  function expectTruth(rig: ConfigVehicle): void {
    const desired = rig.model.document?.state.desired ?? {};
    const { settings: verdict, ...mirror } = rig.model.reported();
    expect(verdict).toMatchObject({ digest: digestOf(desired) });
    expect(mirror).toEqual(rig.vehicle.inForce());
    const { state } = told.parse(verdict);
    states.set(state, (states.get(state) ?? 0) + 1);
    if (batchOf(desired) > 10) expect(state).toBe("refused");
    else if (batchOf(desired) < 0) expect(state).toBe("taken-back");
    else expect(["in-force", "none", "replaced"]).toContain(state);
    const delta = differenceOf(desired, rig.model.document?.state.reported ?? {});
    if (delta !== undefined) expect(["refused", "taken-back", "replaced"]).toContain(state);
  }

  it("converges whatever is lost, late, repeated, undone or cut, and is silent then (seed 20261130)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), settings, fc.boolean(), async (steps, last, isLast) => {
        const rig = await vehicle(10_000);
        for (const take of steps) {
          await take(rig);
          await rig.clock.run(0);
        }
        rig.model.fates.length = 0;
        rig.model.release();
        rig.vehicle.cutAt = Number.POSITIVE_INFINITY;
        rig.reconnect();
        await rig.clock.run(900_000);
        if (isLast || rig.model.document === undefined) {
          rig.model.update({ desired: { collect: null, log: null, ...last } });
          await rig.clock.run(900_000);
        }
        expectTruth(rig);
        const before = [rig.model.requests.length, rig.vehicle.tried.length, rig.starts];
        await rig.clock.run(3_600_000);
        expect([rig.model.requests.length, rig.vehicle.tried.length, rig.starts]).toEqual(before);
        await rig.stop();
      }),
      { seed: 20_261_130, numRuns: 100 },
    );
    // It has seen each end.
    expect([...states.keys()].toSorted()).toEqual(["in-force", "none", "refused", "replaced", "taken-back"]);
  });
});
