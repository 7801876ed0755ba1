import { describe, expect, it } from "vitest";
import { type SeenCode, UDS_STATUS } from "../../../../agent/diagnostics/codes/trouble-code.ts";
import { CodeVehicle, told } from "../../../fakes/diagnostics/code-vehicle.ts";

const ENGINE = { bus: "can0", ecu: "engine", protocol: "obd" } as const;
const GEARBOX = { bus: "can0", ecu: "gearbox", protocol: "obd" } as const;
const BODY = { bus: "can1", ecu: "body", protocol: "uds" } as const;
const TRUCK = { bus: "can2", ecu: "sa_0", protocol: "j1939" } as const;
const P0301: SeenCode = { code: "P0301", raw: 0x0301 };
const P0420: SeenCode = { code: "P0420", raw: 0x0420 };
const SPN: SeenCode = { code: "SPN 100 FMI 1", raw: 0x0501_0064, occurrences: 5 };

function status(code: SeenCode, bits: number): SeenCode {
  return { ...code, status: bits };
}

describe("a code of OBD-II", () => {
  it("appears, is confirmed, heals and comes back, an event each", () => {
    const vehicle = new CodeVehicle();
    expect(told(vehicle.read(ENGINE, "pending", [P0301]))).toEqual([[1, "appeared", "P0301"]]);
    expect(vehicle.read(ENGINE, "pending", [P0301])).toEqual([]);
    expect(told(vehicle.read(ENGINE, "confirmed", [P0301]))).toEqual([[2, "confirmed", "P0301"]]);
    expect(vehicle.read(ENGINE, "pending", [])).toEqual([]);
    expect(told(vehicle.read(ENGINE, "confirmed", []))).toEqual([[3, "healed", "P0301"]]);
    expect(vehicle.read(ENGINE, "confirmed", [])).toEqual([]);
    const [back] = vehicle.read(ENGINE, "confirmed", [P0301]);
    expect(back).toMatchObject({ number: 4, event: "returned", code: { isConfirmed: true, occurrences: 2 } });
  });

  it("tells since when, how often, and how far the vehicle had gone", () => {
    const vehicle = new CodeVehicle();
    const firstUs = vehicle.clock.wallUs();
    vehicle.odometerKm = 1000.5;
    vehicle.read(ENGINE, "confirmed", [P0301]);
    vehicle.odometerKm = 1010;
    vehicle.clock.advance(60_000);
    const lastSeenUs = vehicle.clock.wallUs();
    vehicle.read(ENGINE, "confirmed", [P0301]);
    vehicle.clock.advance(60_000);
    const [healed] = vehicle.read(ENGINE, "confirmed", []);
    expect(healed).toMatchObject({ event: "healed", timeUs: vehicle.clock.wallUs() });
    expect(healed?.code).toMatchObject({ firstSeenUs: firstUs, sinceUs: firstUs, lastSeenUs, odometerKm: 1000.5 });
    vehicle.clock.advance(60_000);
    const sinceUs = vehicle.clock.wallUs();
    const [back] = vehicle.read(ENGINE, "confirmed", [P0301]);
    expect(back?.code).toMatchObject({ firstSeenUs: firstUs, sinceUs, occurrences: 2, odometerKm: 1010 });
  });

  it("was seen last by the clock of now, also where that was ahead before", () => {
    const vehicle = new CodeVehicle();
    vehicle.read(ENGINE, "confirmed", [P0301]);
    vehicle.clock.stepWall(-3_600_000_000);
    vehicle.read(ENGINE, "confirmed", [P0301]);
    expect(vehicle.tracker.active()).toMatchObject([{ lastSeenUs: vehicle.clock.wallUs() }]);
  });

  it("moves from pending to confirmed within one poll without healing", () => {
    const vehicle = new CodeVehicle();
    const timeUs = vehicle.clock.wallUs();
    vehicle.read(ENGINE, "pending", [P0301]);
    const events = vehicle.readAll([
      { origin: ENGINE, list: "pending", codes: [], timeUs },
      { origin: ENGINE, list: "confirmed", codes: [P0301], timeUs },
    ]);
    expect(told(events)).toEqual([[2, "confirmed", "P0301"]]);
  });

  it("is of its control unit: the same one of another heals nothing", () => {
    const vehicle = new CodeVehicle();
    vehicle.read(ENGINE, "confirmed", [P0301]);
    expect(told(vehicle.read(GEARBOX, "confirmed", [P0301]))).toEqual([[2, "appeared", "P0301"]]);
    expect(vehicle.read(GEARBOX, "pending", [])).toEqual([]);
    expect(vehicle.tracker.active().map(({ ecu }) => ecu)).toEqual(["engine", "gearbox"]);
  });

  it("that is only permanent is not active, and that it is so is told", () => {
    const vehicle = new CodeVehicle();
    expect(vehicle.read(ENGINE, "permanent", [P0301])).toEqual([]);
    expect(vehicle.tracker.list()).toEqual([]);
    const timeUs = vehicle.clock.wallUs();
    const [first] = vehicle.readAll([
      { origin: ENGINE, list: "permanent", codes: [P0301], timeUs },
      { origin: ENGINE, list: "confirmed", codes: [P0301], timeUs },
    ]);
    expect(first).toMatchObject({ event: "appeared", code: { isPermanent: true } });
    vehicle.read(ENGINE, "confirmed", []);
    expect(vehicle.tracker.list()).toMatchObject([{ isActive: false, isPermanent: true }]);
    vehicle.clock.advance(60_000);
    expect(vehicle.read(ENGINE, "permanent", [])).toMatchObject([{ event: "changed", code: { isPermanent: false } }]);
  });

  it("is told as cleared with the others that are gone with it, and alone as healed", () => {
    const vehicle = new CodeVehicle();
    const lamps = { malfunction: "on" } as const;
    vehicle.read(ENGINE, "confirmed", [P0301, P0420], { lamps });
    vehicle.read(GEARBOX, "confirmed", [P0420]);
    const [cleared, ...others] = vehicle.read(ENGINE, "confirmed", [], { lamps: { malfunction: "off" } });
    expect(cleared).toMatchObject({
      event: "cleared",
      code: { ecu: "engine", code: "", lamps: { malfunction: "off" } },
      cleared: { codes: ["P0301", "P0420"], dropped: 0 },
    });
    expect([cleared?.cleared?.by, others]).toEqual([undefined, []]);
    expect(told(vehicle.read(GEARBOX, "confirmed", []))).toEqual([[5, "healed", "P0420"]]);
    expect(told(vehicle.read(ENGINE, "confirmed", [P0301]))).toEqual([[6, "returned", "P0301"]]);
  });

  it("says who cleared it, where that was seen, and only of what was there by then", () => {
    const vehicle = new CodeVehicle();
    vehicle.read(ENGINE, "confirmed", [P0301]);
    vehicle.read(GEARBOX, "confirmed", [P0301]);
    vehicle.clock.advance(1000);
    vehicle.tracker.noteClear({ bus: "can0", ecu: "engine" }, "another tester");
    vehicle.clock.advance(1000);
    const [cleared] = vehicle.read(ENGINE, "confirmed", []);
    expect(cleared).toMatchObject({ event: "cleared", cleared: { codes: ["P0301"], by: "another tester" } });
    expect(told(vehicle.read(GEARBOX, "confirmed", []))).toEqual([[4, "healed", "P0301"]]);
    vehicle.read(ENGINE, "confirmed", [P0301]);
    vehicle.clock.advance(1000);
    expect(told(vehicle.read(ENGINE, "confirmed", []))).toEqual([[6, "healed", "P0301"]]);
  });
});

describe("a code of UDS", () => {
  it("goes by its status byte", () => {
    const vehicle = new CodeVehicle();
    expect(vehicle.read(BODY, "by-status", [status(P0301, UDS_STATUS.notCompletedThisCycle)])).toEqual([]);
    const [first] = vehicle.read(BODY, "by-status", [status(P0301, UDS_STATUS.pending)]);
    expect(first).toMatchObject({ event: "appeared", code: { status: 4, isPending: true, isConfirmed: false } });
    const [second] = vehicle.read(BODY, "by-status", [status(P0301, UDS_STATUS.pending | UDS_STATUS.confirmed)]);
    expect(second).toMatchObject({ event: "confirmed", code: { status: 12, isConfirmed: true } });
    vehicle.clock.advance(60_000);
    const lit = UDS_STATUS.confirmed | UDS_STATUS.warningIndicator;
    expect(vehicle.read(BODY, "by-status", [status(P0301, lit)])).toMatchObject([
      { event: "changed", code: { status: lit } },
    ]);
    const [healed] = vehicle.read(BODY, "by-status", [status(P0301, UDS_STATUS.notCompletedThisCycle)]);
    expect(healed).toMatchObject({ event: "healed", code: { status: 0x40, isActive: false } });
  });

  it("has the freeze data that were read with it, until it comes back with others", () => {
    const vehicle = new CodeVehicle();
    const freeze = [{ name: "speed", value: 50, unit: "km/h" }];
    expect(vehicle.tracker.wantsFreeze(BODY, ["P0301"])).toEqual(["P0301"]);
    const bits = UDS_STATUS.confirmed;
    expect(vehicle.read(BODY, "by-status", [{ ...status(P0301, bits), freeze }])).toMatchObject([{ code: { freeze } }]);
    expect(vehicle.tracker.wantsFreeze(BODY, ["P0301", "P0420"])).toEqual(["P0420"]);
    expect(vehicle.read(BODY, "by-status", [status(P0301, bits)])).toEqual([]);
    expect(vehicle.read(BODY, "by-status", [])).toMatchObject([{ event: "healed", code: { freeze } }]);
    expect(vehicle.tracker.wantsFreeze(BODY, ["P0301"])).toEqual(["P0301"]);
    expect(vehicle.read(BODY, "by-status", [status(P0301, bits)])).toMatchObject([{ code: { freeze: [] } }]);
  });

  it("tells freeze data that come later, once", () => {
    const vehicle = new CodeVehicle();
    const freeze = [{ name: "speed", value: 50 }];
    const bits = UDS_STATUS.confirmed;
    vehicle.read(BODY, "by-status", [status(P0301, bits)]);
    const late = { ...status(P0301, bits), freeze };
    expect(vehicle.read(BODY, "by-status", [late])).toEqual([]);
    vehicle.clock.advance(60_000);
    expect(vehicle.read(BODY, "by-status", [late])).toMatchObject([{ event: "changed", code: { freeze } }]);
    vehicle.clock.advance(60_000);
    expect(vehicle.read(BODY, "by-status", [late])).toEqual([]);
  });

  it("keeps no more freeze data than it has room for", () => {
    const vehicle = new CodeVehicle();
    const freeze = Array.from({ length: 100 }, (_, at) => ({
      name: `v${at}`,
      value: "f".repeat(at === 70 ? 9000 : 1),
    }));
    const [event] = vehicle.read(BODY, "by-status", [{ ...status(P0301, 8), freeze }]);
    expect([event?.code.freeze, event?.code.freezeDropped]).toEqual([freeze.slice(0, 64), 36]);
    const long = [
      { name: "a", value: "f".repeat(1999) },
      { name: "b", value: 1 },
    ];
    const [, other] = vehicle.read(BODY, "by-status", [{ ...status(P0420, 8), freeze: long }]);
    expect([other?.code.freeze.length, other?.code.freezeDropped]).toEqual([1, 1]);
  });
});

describe("a code of J1939 that is broadcast", () => {
  it("must be there, and away, for some time", () => {
    const vehicle = new CodeVehicle();
    const sightUs = vehicle.clock.wallUs();
    expect(vehicle.read(TRUCK, "active", [SPN])).toEqual([]);
    vehicle.clock.advance(1000);
    expect(vehicle.read(TRUCK, "active", [SPN])).toEqual([]);
    vehicle.clock.advance(1000);
    const [first] = vehicle.read(TRUCK, "active", [SPN]);
    expect(first).toMatchObject({
      event: "appeared",
      code: { sinceUs: sightUs, ecuOccurrences: 5, isConfirmed: true },
    });
    vehicle.clock.advance(1000);
    expect(vehicle.read(TRUCK, "active", [])).toEqual([]);
    vehicle.clock.advance(9000);
    expect(vehicle.read(TRUCK, "active", [SPN])).toEqual([]);
    vehicle.clock.advance(1000);
    expect(vehicle.read(TRUCK, "active", [])).toEqual([]);
    vehicle.clock.advance(10_000);
    expect(told(vehicle.read(TRUCK, "active", []))).toEqual([[2, "healed", "SPN 100 FMI 1"]]);
  });

  it("does not heal while nothing is received", () => {
    const vehicle = new CodeVehicle({ appearSeconds: 0 });
    vehicle.read(TRUCK, "active", [SPN]);
    vehicle.clock.advance(86_400_000);
    expect(vehicle.tracker.active()).toHaveLength(1);
    expect(vehicle.read(TRUCK, "active", [])).toEqual([]);
  });

  it("that was there too short a time is not remembered", () => {
    const vehicle = new CodeVehicle();
    vehicle.read(TRUCK, "active", [SPN]);
    vehicle.clock.advance(1999);
    vehicle.read(TRUCK, "active", []);
    vehicle.clock.advance(1);
    expect(vehicle.read(TRUCK, "active", [SPN])).toEqual([]);
    expect(vehicle.tracker.list()).toEqual([]);
    expect(vehicle.journal.list("trouble-codes")).toEqual([]);
  });

  it("tells another count once a minute at most", () => {
    const vehicle = new CodeVehicle({ appearSeconds: 0 });
    vehicle.read(TRUCK, "active", [SPN]);
    const counts: (number | undefined)[] = [];
    for (let second = 1; second <= 130; second++) {
      vehicle.clock.advance(1000);
      const events = vehicle.read(TRUCK, "active", [{ ...SPN, occurrences: 5 + second }]);
      counts.push(...events.map(({ code }) => code.ecuOccurrences));
    }
    expect(counts).toEqual([65, 125]);
  });

  it("heals alone when several go, since sensors share their supply, but is cleared when DM11 was seen", () => {
    const vehicle = new CodeVehicle({ appearSeconds: 0 });
    const other = { code: "SPN 110 FMI 3", raw: 0 };
    vehicle.read(TRUCK, "active", [SPN, other]);
    vehicle.read(TRUCK, "active", []);
    vehicle.clock.advance(10_000);
    expect(vehicle.read(TRUCK, "active", []).map(({ event }) => event)).toEqual(["healed", "healed"]);
    vehicle.read(TRUCK, "active", [SPN, other]);
    vehicle.clock.advance(1000);
    vehicle.tracker.noteClear({ bus: "can2" }, "another tester");
    vehicle.read(TRUCK, "active", []);
    vehicle.clock.advance(10_000);
    expect(vehicle.read(TRUCK, "active", [])).toMatchObject([
      { event: "cleared", cleared: { codes: [SPN.code, other.code] } },
    ]);
  });
});

describe("the lamps of a control unit", () => {
  const red = { stop: "on", malfunction: "off" } as const;

  it("come with the events of its codes", () => {
    const vehicle = new CodeVehicle();
    vehicle.read(TRUCK, "active", [SPN], { lamps: red });
    vehicle.clock.advance(2000);
    expect(vehicle.read(TRUCK, "active", [SPN], { lamps: red })).toMatchObject([
      { event: "appeared", code: { lamps: red } },
    ]);
    vehicle.clock.advance(100_000);
    expect(vehicle.read(TRUCK, "active", [SPN], { lamps: red })).toEqual([]);
  });

  it("are told by themselves when they have been others for a minute, over a restart too", () => {
    const vehicle = new CodeVehicle({ appearSeconds: 0 });
    vehicle.read(TRUCK, "active", [SPN], { lamps: {} });
    vehicle.read(TRUCK, "active", [SPN], { lamps: red });
    vehicle.clock.advance(59_999);
    expect(vehicle.read(TRUCK, "active", [SPN], { lamps: red })).toEqual([]);
    vehicle.clock.advance(1);
    expect(vehicle.read(TRUCK, "active", [SPN], { lamps: red })).toMatchObject([
      { number: 2, event: "lamps", code: { ecu: "sa_0", code: "", lamps: red } },
    ]);
    vehicle.restart();
    vehicle.read(TRUCK, "active", [SPN], { lamps: red });
    vehicle.clock.advance(60_000);
    expect(vehicle.read(TRUCK, "active", [SPN], { lamps: red })).toEqual([]);
    vehicle.read(TRUCK, "active", [SPN], { lamps: {} });
    vehicle.clock.advance(60_000);
    expect(told(vehicle.read(TRUCK, "active", [SPN], { lamps: {} }))).toEqual([[3, "lamps", ""]]);
    expect(vehicle.journal.list("trouble-codes").map(({ key }) => key)).toEqual([
      "code/can2/j1939/sa_0/SPN 100 FMI 1",
      "number",
    ]);
  });
});

describe("the bounds", () => {
  const codes = (from: number, to: number): SeenCode[] =>
    Array.from({ length: to - from }, (_, at) => ({ code: `P${1000 + from + at}`, raw: from + at }));

  it("forget what healed longest ago for a new code, and take none where all are active", () => {
    const vehicle = new CodeVehicle({ maxCodes: 16 });
    vehicle.read(ENGINE, "confirmed", codes(0, 16));
    vehicle.clock.advance(1000);
    vehicle.read(ENGINE, "confirmed", codes(1, 16));
    expect(told(vehicle.read(GEARBOX, "confirmed", codes(20, 22)))).toEqual([[18, "appeared", "P1020"]]);
    expect(vehicle.tracker.counters()).toMatchObject({ forgotten: 1, refused: 1 });
    expect(vehicle.journal.list("trouble-codes")).toHaveLength(17);
    vehicle.restart({ maxCodes: 17 });
    expect(vehicle.tracker.active()).toHaveLength(16);
    expect(told(vehicle.read(GEARBOX, "confirmed", codes(20, 22)))).toEqual([[19, "appeared", "P1021"]]);
  });

  it("keep active codes and those that were seen last where the bound became smaller", () => {
    const vehicle = new CodeVehicle();
    vehicle.read(ENGINE, "confirmed", codes(0, 20));
    vehicle.clock.advance(1000);
    vehicle.read(ENGINE, "confirmed", codes(4, 20));
    vehicle.restart({ maxCodes: 17 });
    expect(vehicle.tracker.active()).toHaveLength(16);
    expect(vehicle.tracker.list()).toHaveLength(17);
    expect(vehicle.tracker.counters().forgotten).toBe(3);
  });

  it("tell later what is too much within an hour, as it is then", () => {
    const vehicle = new CodeVehicle({ maxEventsPerHour: 10 });
    for (let round = 0; round < 5; round++) {
      vehicle.read(ENGINE, "confirmed", [P0301]);
      vehicle.read(ENGINE, "confirmed", []);
    }
    expect(vehicle.read(ENGINE, "confirmed", [P0301])).toEqual([]);
    expect(vehicle.tracker.active()).toEqual([]);
    vehicle.clock.advance(360_000);
    expect(told(vehicle.read(ENGINE, "confirmed", [P0301]))).toEqual([[11, "returned", "P0301"]]);
  });

  it("hold a burst of all codes of a control unit in one write", () => {
    const vehicle = new CodeVehicle({ maxCodes: 1000 });
    const { writes } = vehicle.journal;
    expect(vehicle.read(ENGINE, "confirmed", codes(0, 445))).toHaveLength(445);
    // One with all of it, and one that forgets what the outbox has.
    expect(vehicle.journal.writes - writes).toBe(2);
  });
});
