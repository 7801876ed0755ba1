import { describe, expect, it } from "vitest";
import { locate } from "../../../../agent/commands/actions/locate.ts";
import { locateByFix } from "../../../../agent/commands/actions/locate-by-fix.ts";
import { notSupported } from "../../../../agent/commands/actions/not-supported.ts";
import { lastSignals, readSignals } from "../../../../agent/commands/actions/read-signals.ts";
import { reboot } from "../../../../agent/commands/actions/reboot.ts";
import { replaceKeys } from "../../../../agent/commands/actions/replace-keys.ts";
import { AgentError } from "../../../../agent/core/errors.ts";
import { CommandBench, plain, textOf } from "../../../fakes/commands/command-bench.ts";
import { signingKey } from "../../../fakes/commands/signing-key.ts";
import { FakeSignals } from "../../../fakes/commands/vehicle-signals.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { fixOf } from "../../../fakes/place/position-sink.ts";
import { tableOf } from "../../../fakes/telemetry/table.ts";

const LOCK = { "doors.lock": { commandClass: "R3" } } as const;

describe("keys.replace", () => {
  const root = signingKey("root", "es256", "keys");
  const pinned = signingKey("pinned");
  const added = signingKey("added");
  const bench = (): CommandBench =>
    new CommandBench({
      key: pinned,
      pinned: [root.pinned, pinned.pinned],
      actions: LOCK,
      builtIn: (keys) => [replaceKeys(keys)],
    });
  const setOf = (version: number, revoked: readonly string[], keys = [added.pinned]) => ({ version, keys, revoked });

  it("brings a key in by the role for it, and takes pinned ones away for good", async () => {
    const on = bench();
    const lock = (by: typeof added) => on.outcome(on.signed("doors.lock", {}, by), { id: `e-${on.nextCounter}` });
    expect(await lock(added)).toBe("REJECTED KEY_UNKNOWN");
    expect(await on.outcome(on.signed("keys.replace", { arguments: setOf(1, []) }, root), { id: "1" })).toBe(
      "SUCCEEDED",
    );
    expect(await lock(added)).toBe("SUCCEEDED");
    expect(await on.outcome(on.signed("keys.replace", { arguments: setOf(2, ["pinned"]) }, root), { id: "2" })).toBe(
      "SUCCEEDED",
    );
    expect(await lock(pinned)).toBe("REJECTED KEY_REVOKED");
    expect(await on.outcome(on.signed("keys.replace", { arguments: setOf(3, [], []) }, root), { id: "3" })).toBe(
      "SUCCEEDED",
    );
    expect(await lock(pinned)).toBe("REJECTED KEY_REVOKED");
    expect(await lock(added)).toBe("REJECTED KEY_UNKNOWN");
  });

  it("takes no older set, none by a key for commands, and lets no key for keys sign a command", async () => {
    const on = bench();
    expect(await on.outcome(on.signed("keys.replace", { arguments: setOf(5, []) }, root), { id: "1" })).toBe(
      "SUCCEEDED",
    );
    expect(await on.outcome(on.signed("keys.replace", { arguments: setOf(5, []) }, root), { id: "2" })).toBe(
      "REJECTED ARGUMENT_OUT_OF_RANGE",
    );
    expect(await on.outcome(on.signed("keys.replace", { arguments: setOf(6, []) }, pinned), { id: "3" })).toBe(
      "REJECTED ACCESS_DENIED",
    );
    expect(await on.outcome(on.signed("doors.lock", {}, root), { id: "4" })).toBe("REJECTED ACCESS_DENIED");
    expect(on.acts).toEqual([]);
  });

  it("lets no stored key take the place of a pinned one", async () => {
    const on = bench();
    const other = signingKey("pinned");
    expect(
      await on.outcome(on.signed("keys.replace", { arguments: setOf(1, [], [other.pinned]) }, root), { id: "1" }),
    ).toBe("SUCCEEDED");
    expect(await on.outcome(on.signed("doors.lock", {}, other), { id: "2" })).toBe("REJECTED SIGNATURE_INVALID");
    expect(await on.outcome(on.signed("doors.lock"), { id: "3" })).toBe("SUCCEEDED");
  });
});

describe("system.reboot", () => {
  it("holds its answer over the restart", async () => {
    let restarts = 0;
    const on = new CommandBench({
      builtIn: () => [
        reboot(async () => {
          restarts += 1;
        }),
      ],
    });
    expect(await on.outcome(on.signed("system.reboot", { id: "r" }))).toBe("none");
    expect([restarts, on.ledger.find("r")?.state]).toEqual([1, "started"]);
    const later = new CommandBench({ clock: on.clock, journal: on.journal, bootId: "boot-2" });
    later.ledger.recover("boot-2");
    expect(later.ledger.find("r")?.answer).toEqual({ status: "SUCCEEDED", result: { bootId: "boot-2" } });
  });

  it("fails when the system refuses", async () => {
    const refuse = () =>
      Promise.reject(new AgentError("system.restart-refused", { what: "no leave", remedy: "give it" }));
    const on = new CommandBench({ builtIn: () => [reboot(refuse)] });
    expect(await on.outcome(on.signed("system.reboot"))).toBe("FAILED INTERNAL_ERROR");
  });
});

describe("actions that read", () => {
  const table = tableOf([
    {
      name: "Place",
      signals: [
        { name: "Latitude", kind: "double", unit: "deg" },
        { name: "Longitude", kind: "double", unit: "deg" },
      ],
    },
    { name: "Motion", signals: [{ name: "Speed", factor: 0.5, unit: "km/h" }] },
  ]);

  function reading() {
    const clock = new ManualClock();
    const vehicle = new FakeSignals(table);
    const { signals } = vehicle;
    const settings = { latitude: "Place.Latitude", longitude: "Place.Longitude", maxAgeMs: 1000 };
    const on = new CommandBench({
      clock,
      builtIn: () => [
        lastSignals({ signals, clock }),
        readSignals({ signals, clock }),
        locate(settings, signals, clock),
        notSupported("dtc.read", "R0", ""),
      ],
    });
    return { clock, vehicle, on };
  }

  it("give last known values with their ages, and null for what was never seen", async () => {
    const { clock, vehicle, on } = reading();
    vehicle.set("Motion.Speed", 25, clock.wallUs());
    clock.advance(70);
    expect(
      (await on.send(plain("signals.last", { arguments: { signals: ["Motion.Speed", "can0/Place.Latitude"] } })))
        ?.result,
    ).toEqual({
      "Motion.Speed": '{"value":12.5,"unit":"km/h","ageMs":70}',
      "can0/Place.Latitude": "null",
    });
  });

  it("wait for values that arrive after the command", async () => {
    const { clock, vehicle, on } = reading();
    vehicle.set("Motion.Speed", 25, clock.wallUs());
    const answer = on.send(plain("signals.read", { arguments: { signals: ["Motion.Speed"], withinMs: 500 } }));
    await clock.run(200);
    expect(vehicle.held).toContain("signals.read: Motion.Speed");
    vehicle.set("Motion.Speed", 26, clock.wallUs());
    await clock.run(50);
    expect((await answer)?.result).toEqual({ "Motion.Speed": '{"value":13,"unit":"km/h","ageMs":10}' });
    const late = on.send(plain("signals.read", { arguments: { signals: ["Motion.Speed"], withinMs: 500 } }), {
      id: "2",
    });
    await clock.run(600);
    expect(textOf(await late)).toBe("FAILED NO_RESPONSE");
    expect([...vehicle.held].filter((held) => held.startsWith("signals.read"))).toEqual([]);
  });

  it("tell a position that is fresh, and nothing else for one", async () => {
    const { clock, vehicle, on } = reading();
    expect([...vehicle.held]).toEqual(["vehicle.locate: Place.Latitude", "vehicle.locate: Place.Longitude"]);
    expect(await on.outcome(plain("vehicle.locate"), { id: "1" })).toBe("REJECTED UNAVAILABLE");
    vehicle.set("Place.Latitude", 50.5, clock.wallUs());
    vehicle.set("Place.Longitude", 8.25, clock.wallUs());
    clock.advance(1000);
    expect((await on.send(plain("vehicle.locate"), { id: "2" }))?.result).toEqual({
      latitude: "50.5",
      longitude: "8.25",
      ageMs: "1000",
    });
    clock.advance(1);
    expect(await on.outcome(plain("vehicle.locate"), { id: "3" })).toBe("REJECTED UNAVAILABLE");
  });

  it("tell the newest fix as far as it may be told, and why there is none", async () => {
    const clock = new ManualClock();
    const timed = { fix: fixOf({ accuracyM: 3.14 }), timeUs: clock.wallUs(), atMs: clock.boottimeMs() };
    const known: { newest?: typeof timed; told?: typeof timed } = {};
    const whereabouts = { newest: () => known.newest, told: () => known.told };
    const on = new CommandBench({ key: signingKey("a"), clock, builtIn: () => [locateByFix(whereabouts, clock)] });
    expect((await on.send(plain("vehicle.locate"), { id: "1" }))?.reason?.description).toBe("there is no fix");
    known.newest = timed;
    expect((await on.send(plain("vehicle.locate"), { id: "2" }))?.reason?.description).toBe(
      "positions stay in the vehicle",
    );
    known.told = timed;
    clock.advance(1500);
    expect((await on.send(plain("vehicle.locate"), { id: "3" }))?.result).toEqual({
      latitude: "48.3687000",
      longitude: "10.8986000",
      ageMs: "1500",
      accuracyM: "3.1",
    });
  });

  it("say so where they are not supported", async () => {
    expect(await reading().on.outcome(plain("dtc.read"))).toBe("REJECTED NOT_SUPPORTED");
  });
});
