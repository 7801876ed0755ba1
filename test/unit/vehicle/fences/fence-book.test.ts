import { describe, expect, it } from "vitest";
import type { VehicleEvent } from "../../../../agent/telemetry/record/encode/vehicle-event.ts";
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
    return { journal: durable, events };
  };
  const startBook = (fences = [DEPOT]) => {
    const about = () => ({ trip: 3, odometerKm: 1000.5, position: undefined });
    const book = new FenceBook({ ...open(), fences, about });
    const take = (fix: typeof INSIDE, times = 2): void => {
      for (let time = 0; time < times; time++) book.take({ fix, timeUs: 1_000_000 * time, atMs: 0 });
    };
    return { book, take };
  };
  return { clock, writes, outbox, open, startBook };
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

describe("PrivacySwitch", () => {
  it("keeps what was asked for over restarts, and tells each change with who made it", () => {
    const { open, outbox, clock } = vehicle();
    let state: GateState = { kind: "open" };
    const start = () =>
      new PrivacySwitch({ ...open(), condition: { look: () => state }, wallUs: () => clock.wallUs() });
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
