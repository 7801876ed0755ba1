import { describe, expect, it } from "vitest";
import type { SeenCode } from "../../../../agent/diagnostics/codes/trouble-code.ts";
import { CodeVehicle, journalFull, told } from "../../../fakes/diagnostics/code-vehicle.ts";

const ENGINE = { bus: "can0", ecu: "engine", protocol: "obd" } as const;
const GEARBOX = { bus: "can0", ecu: "gearbox", protocol: "obd" } as const;
const TRUCK = { bus: "can2", ecu: "sa_0", protocol: "j1939" } as const;
const P0301: SeenCode = { code: "P0301", raw: 0x0301 };
const P0420: SeenCode = { code: "P0420", raw: 0x0420 };
const SPN: SeenCode = { code: "SPN 100 FMI 1", raw: 0x0501_0064, occurrences: 5 };

describe("what was told", () => {
  it("is not told again after a restart, and goes on where it was", () => {
    const vehicle = new CodeVehicle();
    vehicle.read(ENGINE, "confirmed", [P0301]);
    vehicle.read(ENGINE, "pending", [P0301]);
    vehicle.read(GEARBOX, "confirmed", [P0420]);
    vehicle.read(GEARBOX, "confirmed", []);
    const before = vehicle.tracker.list();
    vehicle.restart();
    expect(vehicle.tracker.list()).toEqual(before);
    expect(vehicle.read(ENGINE, "confirmed", [P0301])).toEqual([]);
    expect(vehicle.read(ENGINE, "pending", [])).toEqual([]);
    expect(told(vehicle.read(ENGINE, "confirmed", []))).toEqual([[4, "healed", "P0301"]]);
    expect(told(vehicle.read(GEARBOX, "confirmed", [P0420]))).toEqual([[5, "returned", "P0420"]]);
    expect(vehicle.outbox.some(({ isRepeated }) => isRepeated)).toBe(false);
  });

  it("writes nothing while nothing changes", () => {
    const vehicle = new CodeVehicle({ appearSeconds: 0 });
    vehicle.read(TRUCK, "active", [SPN]);
    const { writes } = vehicle.journal;
    for (let second = 0; second < 100; second++) {
      vehicle.clock.advance(1000);
      vehicle.read(TRUCK, "active", [SPN]);
    }
    expect(vehicle.journal.writes).toBe(writes);
    expect(vehicle.journal.list("trouble-code-event")).toEqual([]);
  });

  it("waits for an outbox that has no room, and is told as a repeat only where the outbox was lost", () => {
    const vehicle = new CodeVehicle();
    vehicle.read(GEARBOX, "confirmed", [P0420]);
    vehicle.isStoring = false;
    vehicle.read(ENGINE, "confirmed", [P0301]);
    expect(vehicle.journal.list("trouble-code-event")).toHaveLength(1);
    vehicle.isStoring = true;
    vehicle.restart();
    expect(vehicle.outbox.map(({ number, isRepeated }) => [number, isRepeated])).toEqual([
      [1, false],
      [2, false],
    ]);
    vehicle.isStoring = false;
    vehicle.read(ENGINE, "confirmed", []);
    vehicle.loseOutbox();
    vehicle.isStoring = true;
    vehicle.restart();
    expect(vehicle.outbox.at(-1)).toMatchObject({ number: 3, isRepeated: true, event: "healed" });
  });

  it("gives no number twice when the journal was lost", () => {
    const vehicle = new CodeVehicle();
    vehicle.read(ENGINE, "confirmed", [P0301]);
    vehicle.journal.lose("damaged");
    vehicle.restart();
    expect(told(vehicle.read(ENGINE, "confirmed", [P0301]))).toEqual([[2, "appeared", "P0301"]]);
  });

  it("is told when the journal takes it again", () => {
    const vehicle = new CodeVehicle();
    vehicle.journal.failNext(journalFull());
    expect(vehicle.read(ENGINE, "confirmed", [P0301])).toEqual([]);
    expect(vehicle.tracker.active()).toEqual([]);
    expect(vehicle.log.of("codes.not-kept")).toHaveLength(1);
    vehicle.clock.advance(5000);
    const [event] = vehicle.read(ENGINE, "confirmed", [P0301]);
    expect(event).toMatchObject({
      number: 1,
      event: "appeared",
      code: { sinceUs: vehicle.clock.wallUs() - 5_000_000 },
    });
    expect(vehicle.tracker.counters()).toEqual({ events: 1, forgotten: 0, refused: 0, delayed: 1 });
  });

  it("reaches those who watch", () => {
    const vehicle = new CodeVehicle();
    const seen: number[] = [];
    const end = vehicle.tracker.watch(({ number }) => seen.push(number));
    vehicle.read(ENGINE, "confirmed", [P0301]);
    end();
    vehicle.read(ENGINE, "confirmed", []);
    expect(seen).toEqual([1]);
  });
});
