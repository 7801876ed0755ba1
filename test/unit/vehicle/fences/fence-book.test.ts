import { describe, expect, it } from "vitest";
import { AgentError } from "../../../../agent/core/errors.ts";
import type { VehicleEvent } from "../../../../agent/telemetry/record/encode/vehicle-event.ts";
import { KeptChanges } from "../../../../agent/vehicle/events/kept-changes.ts";
import { vehicleEvents } from "../../../../agent/vehicle/events/vehicle-events.ts";
import { FenceBook } from "../../../../agent/vehicle/fences/fence-book.ts";
import { PrivacySwitch } from "../../../../agent/vehicle/fences/privacy-switch.ts";
import type { GateState } from "../../../../agent/vehicle/safety-gate.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { fixOf } from "../../../fakes/place/position-sink.ts";
import { DurableWrites, PowerCut } from "../../../fakes/ports/durable-writes.ts";
import { FakeJournal } from "../../../fakes/ports/journal.ts";

const DEPOT = { name: "depot", fixes: 2, circle: { latitude: 48, longitude: 11, radiusMetres: 500 } };
const INSIDE = fixOf({ latitude: 48, longitude: 11, accuracyM: 5 });
const OUTSIDE = fixOf({ latitude: 48.1, longitude: 11, accuracyM: 5 });

/** Journal and outbox of a vehicle over starts of the agent. */
function vehicle() {
  const clock = new ManualClock();
  const journal = new FakeJournal({ clock });
  const writes = new DurableWrites();
  const outbox: VehicleEvent[] = [];
  let storedNumber: number | undefined;
  const open = () => {
    const durable = writes.journal(journal);
    const sink = writes.sink((event: VehicleEvent) => {
      outbox.push(event);
      storedNumber = event.number;
    });
    const events = vehicleEvents({ journal: durable, sink, storedNumber });
    events.handOver();
    return new KeptChanges({ journal: durable, space: "place", events });
  };
  const startBook = (fences = [DEPOT]) => {
    const about = () => ({ trip: 3, odometerKm: 1000.5, position: undefined });
    const kept = open();
    const book = new FenceBook({ kept, fences, about });
    const take = (fix: typeof INSIDE, times = 2): void => {
      for (let time = 0; time < times; time++) book.take({ fix, timeUs: 1_000_000 * time, atMs: 0 });
    };
    return { book, kept, take };
  };
  const refuse = (): void =>
    journal.failNext(new AgentError("journal.full", { what: "the disk is full", remedy: "make room" }));
  const status = () => journal.status();
  return { clock, journal, writes, outbox, open, startBook, refuse, status };
}

describe("FenceBook", () => {
  it("tells of entering and leaving once each, with what is known then", () => {
    const { startBook, outbox } = vehicle();
    const { take, book } = startBook();
    expect(book.sides()).toEqual(new Map([["depot", undefined]]));
    take(OUTSIDE);
    take(INSIDE, 5);
    take(OUTSIDE, 5);
    expect(book.sides()).toEqual(new Map([["depot", "outside"]]));
    expect(outbox).toMatchObject([
      { kind: "fence", number: 1, name: "depot", transition: "enter", trip: 3, odometerKm: 1000.5, timeUs: 1_000_000 },
      { kind: "fence", number: 2, name: "depot", transition: "leave" },
    ]);
  });

  it("tells nothing at a restart in the same place, and what happened meanwhile after it", () => {
    const { startBook, outbox } = vehicle();
    startBook().take(INSIDE);
    startBook().take(INSIDE);
    expect(outbox).toEqual([]);
    startBook().take(OUTSIDE);
    expect(outbox).toMatchObject([{ transition: "leave" }]);
  });

  it("begins anew with a fence that was drawn anew", () => {
    const { startBook, outbox } = vehicle();
    startBook().take(INSIDE);
    const moved = { ...DEPOT, circle: { ...DEPOT.circle, latitude: 48.1 } };
    startBook([moved]).take(INSIDE);
    expect(outbox).toEqual([]);
  });

  it("tells each crossing exactly once, whichever write a power cut undoes", () => {
    for (const isWritten of [true, false]) {
      for (let writes = 1; writes < 12; writes++) {
        const rig = vehicle();
        rig.startBook().take(OUTSIDE);
        rig.writes.cut = { writes, isWritten };
        try {
          const { take } = rig.startBook();
          for (const fix of [INSIDE, OUTSIDE, INSIDE]) take(fix);
        } catch (thrown) {
          if (!(thrown instanceof PowerCut)) throw thrown;
        }
        rig.writes.cut = undefined;
        const { take } = rig.startBook();
        take(INSIDE);
        const told = rig.outbox.map((event) => (event.kind === "fence" ? event.transition : event.kind));
        // What happened while the power was away is seen as a whole.
        expect([["enter"], ["enter", "leave", "enter"]]).toContainEqual(told);
        expect(rig.outbox.map(({ number }) => number)).toEqual(told.map((_, at) => at + 1));
      }
    }
  });
});

describe("a journal that refuses", () => {
  it("gets side and event of a crossing with the next that it takes, and none is told twice", () => {
    const { startBook, outbox, refuse } = vehicle();
    const { book, take, kept } = startBook();
    take(OUTSIDE);
    refuse();
    expect(() => take(INSIDE)).toThrow("the disk is full");
    expect([book.sides().get("depot"), outbox, kept.unkept]).toEqual(["inside", [], { waiting: 1, dropped: 0 }]);
    kept.retry();
    kept.retry();
    expect(outbox).toMatchObject([{ kind: "fence", number: 1, transition: "enter" }]);
    expect(kept.unkept).toEqual({ waiting: 0, dropped: 0 });
    startBook().take(INSIDE);
    expect(outbox).toHaveLength(1);
  });

  it("keeps the newest waiting, and counts the others", () => {
    const { startBook, outbox, refuse } = vehicle();
    const { take, kept } = startBook();
    take(OUTSIDE);
    for (let crossing = 0; crossing < 103; crossing++) {
      refuse();
      expect(() => take(crossing % 2 === 0 ? INSIDE : OUTSIDE)).toThrow("the disk is full");
    }
    expect(kept.unkept).toEqual({ waiting: 100, dropped: 3 });
    kept.retry();
    expect(outbox).toHaveLength(100);
    expect(outbox.at(-1)).toMatchObject({ number: 100, transition: "enter" });
  });

  it("gets what was asked of the switch later", () => {
    const { open, outbox, clock, refuse, status } = vehicle();
    const start = (kept = open()) =>
      new PrivacySwitch({ kept, status, condition: undefined, wallUs: () => clock.wallUs() });
    const kept = open();
    const first = start(kept);
    refuse();
    expect(() => first.ask(true)).toThrow("the disk is full");
    expect([first.isPrivate(), start().isPrivate()]).toEqual([true, false]);
    kept.retry();
    expect(start().isPrivate()).toBe(true);
    expect(outbox).toMatchObject([{ kind: "privacy", isPrivate: true, by: "technician" }]);
  });
});

describe("PrivacySwitch", () => {
  it("is asked for after a loss of the journal until a person says no, over restarts and an acknowledgement", () => {
    const { open, clock, journal, status } = vehicle();
    const start = () => {
      const made = new PrivacySwitch({ kept: open(), status, condition: undefined, wallUs: () => clock.wallUs() });
      made.noticeLoss();
      return made;
    };
    const first = start();
    expect(first.isPrivate()).toBe(false);
    journal.declareLost("put back by somebody");
    first.noticeLoss();
    expect(first.isPrivate()).toBe(true);
    first.ask(false);
    expect(start().isPrivate()).toBe(false);
    clock.advance(1000);
    journal.lose("damaged");
    expect(start().isPrivate()).toBe(true);
    journal.acknowledgeLoss();
    const last = start();
    expect(last.isPrivate()).toBe(true);
    last.ask(false);
    expect(start().isPrivate()).toBe(false);
  });

  it("keeps what was asked for over restarts, and tells each change with who made it", () => {
    const { open, outbox, clock, status } = vehicle();
    let state: GateState = { kind: "open" };
    const start = () =>
      new PrivacySwitch({ kept: open(), status, condition: { look: () => state }, wallUs: () => clock.wallUs() });
    const first = start();
    expect(first.isPrivate()).toBe(false);
    first.look();
    first.look();
    state = { kind: "shut", why: "unknown", what: "silent" };
    first.look();
    expect(first.isPrivate()).toBe(true);
    const second = start();
    expect(second.isPrivate()).toBe(true);
    second.ask(true);
    state = { kind: "shut", why: "untrue", what: "off" };
    second.look();
    expect(second.isPrivate()).toBe(true);
    second.ask(false);
    expect(second.isPrivate()).toBe(false);
    expect(outbox).toMatchObject([
      { kind: "privacy", number: 1, isPrivate: true, by: "signal" },
      { kind: "privacy", number: 2, isPrivate: false, by: "technician" },
    ]);
  });
});
