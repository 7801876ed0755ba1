import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CodeList, SeenCode } from "../../../../agent/diagnostics/codes/trouble-code.ts";
import type { CodeOrigin, TroubleCodeEvent } from "../../../../agent/telemetry/record/encode/trouble-code.ts";
import { APPEAR_SECONDS, CodeModel, HEAL_SECONDS, type ModelEvent } from "../../../fakes/diagnostics/code-model.ts";
import { CodeVehicle } from "../../../fakes/diagnostics/code-vehicle.ts";
import { PowerCut } from "../../../fakes/ports/durable-writes.ts";

const SEED = 1601;
const SETTINGS = { appearSeconds: APPEAR_SECONDS, healSeconds: HEAL_SECONDS };
const UNITS: Readonly<Record<string, CodeOrigin>> = {
  obd: { bus: "can0", ecu: "engine", protocol: "obd" },
  uds: { bus: "can0", ecu: "body", protocol: "uds" },
  j1939: { bus: "can1", ecu: "sa_0", protocol: "j1939" },
};
const NAMES = ["A", "B", "C"] as const;
/** Nothing, pending, confirmed, both; and a code that was never tested. */
const STATUS = [0x00, 0x04, 0x08, 0x0c, 0x50] as const;

const codes = fc.subarray([...NAMES]);
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ unit: fc.constant("obd"), list: fc.constantFrom<CodeList>("confirmed", "pending"), codes }),
  },
  { weight: 3, arbitrary: fc.record({ unit: fc.constant("uds"), list: fc.constant<CodeList>("by-status"), codes }) },
  { weight: 8, arbitrary: fc.record({ unit: fc.constant("j1939"), list: fc.constant<CodeList>("active"), codes }) },
  { weight: 1, arbitrary: fc.record({ unit: fc.constant("j1939"), list: fc.constant<CodeList>("pending"), codes }) },
);
const move = fc.record({
  seconds: fc.integer({ min: 0, max: 6 }),
  status: fc.constantFrom(...STATUS),
  isRestart: fc.integer({ min: 0, max: 9 }).map((roll) => roll === 0),
  step,
});
type Move = { readonly seconds: number; readonly status: number; readonly isRestart: boolean; readonly step: Step };
type Step = { readonly unit: string; readonly list: CodeList; readonly codes: readonly string[] };

function seenOf({ step: { list, codes: names }, status }: Move): readonly SeenCode[] {
  return names.map((code) => ({ code, raw: 1, status: list === "by-status" ? status : undefined }));
}

/** An event as the model tells it. */
function shown({ event, code, cleared }: TroubleCodeEvent): ModelEvent {
  return { event, codes: cleared?.codes.toSorted() ?? [code.code] };
}

function byName(events: readonly ModelEvent[]): readonly ModelEvent[] {
  return events.toSorted((left, right) => (left.codes.join() < right.codes.join() ? -1 : 1));
}

/** Codes that are active, as someone knows them who has only the events. */
function activeBy(events: readonly TroubleCodeEvent[], ecu: string): readonly string[] {
  const active = new Set<string>();
  for (const { event, code, cleared } of events.filter((one) => one.code.ecu === ecu)) {
    for (const name of cleared?.codes ?? []) active.delete(name);
    if (event === "healed") active.delete(code.code);
    else if (event !== "cleared") active.add(code.code);
  }
  return [...active].toSorted();
}

describe("a tracker of codes", () => {
  it("tells exactly what a slow and obvious model tells, over restarts", () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
        const vehicle = new CodeVehicle(SETTINGS);
        const models = new Map(Object.keys(UNITS).map((unit) => [unit, new CodeModel()]));
        let second = 0;
        for (const one of moves) {
          if (one.isRestart) {
            vehicle.restart();
            for (const model of models.values()) model.restart();
          }
          vehicle.clock.advance(one.seconds * 1000);
          second += one.seconds;
          const { unit, list } = one.step;
          const seen = seenOf(one);
          const told = vehicle.read(UNITS[unit], list, seen).map(shown);
          const inModel = new Map(seen.map(({ code, status }) => [code, status]));
          const expected = models.get(unit)?.read({ list, codes: inModel, second }) ?? [];
          expect(byName(told)).toEqual(byName(expected));
        }
        for (const [unit, model] of models) {
          const active = vehicle.tracker.active().filter(({ ecu }) => ecu === UNITS[unit].ecu);
          expect(active.map(({ code }) => code).toSorted()).toEqual(model.active());
        }
      }),
      { seed: SEED, numRuns: 1500 },
    );
  });

  it("loses and repeats nothing, wherever the power is cut", () => {
    const cut = fc.option(fc.record({ writes: fc.integer({ min: 1, max: 4 }), isWritten: fc.boolean() }), {
      nil: undefined,
    });
    fc.assert(
      fc.property(fc.array(fc.record({ move, cut }), { maxLength: 60 }), (moves) => {
        const vehicle = new CodeVehicle(SETTINGS);
        for (const one of moves) {
          vehicle.cut = one.cut === undefined ? undefined : { ...one.cut };
          vehicle.clock.advance(one.move.seconds * 1000);
          const { unit, list } = one.move.step;
          untilPowered(vehicle, () => vehicle.read(UNITS[unit], list, seenOf(one.move)));
        }
        vehicle.cut = undefined;
        vehicle.restart();
        const numbers = vehicle.outbox.map(({ number }) => number);
        expect(numbers).toEqual(numbers.map((_, at) => at + 1));
        expect(vehicle.outbox.filter((event, at) => !follows(event, vehicle.outbox.slice(0, at)))).toEqual([]);
        for (const { ecu } of Object.values(UNITS)) {
          const active = vehicle.tracker.active().filter((code) => code.ecu === ecu);
          expect(activeBy(vehicle.outbox, ecu)).toEqual(active.map(({ code }) => code).toSorted());
        }
      }),
      { seed: SEED, numRuns: 1500 },
    );
  });
});

/** Does it, and where the power is cut starts anew, which may be cut too; what was read is then read no more. */
function untilPowered(vehicle: CodeVehicle, work: () => unknown): void {
  try {
    work();
  } catch (thrown) {
    if (!(thrown instanceof PowerCut)) throw thrown;
    untilPowered(vehicle, () => vehicle.restart());
  }
}

/** Whether an event of a code can come after those before it. */
function follows({ event, code, cleared }: TroubleCodeEvent, before: readonly TroubleCodeEvent[]): boolean {
  const active = activeBy(before, code.ecu);
  if (event === "cleared") return (cleared?.codes ?? []).every((name) => active.includes(name));
  const isKnown = before.some((one) => one.code.ecu === code.ecu && one.code.code === code.code);
  if (event === "appeared") return !isKnown;
  if (event === "returned") return isKnown && !active.includes(code.code);
  return active.includes(code.code);
}
