import { describe, expect, it } from "vitest";
import { AgentError } from "../../../../agent/core/errors.ts";
import { BookRig } from "../../../fakes/vehicle/book-rig.ts";

const full = () => new AgentError("journal.full", { what: "full", remedy: "make room" });

describe("StateBook", () => {
  it("knows the state again after a restart, and goes on with the trip", () => {
    const rig = new BookRig();
    const book = rig.open();
    book.enter("driving", "ignition on", true);
    const { state, trip } = book;
    rig.clock.advance(5000);
    const again = rig.open();
    expect(again.state).toEqual(state);
    expect(again.trip).toEqual(trip);
    expect(rig.outbox).toHaveLength(2);
  });

  it("ends a trip whose end nobody saw at the time it was last known to go on", () => {
    const rig = new BookRig();
    rig.measured.odometerKm = 10;
    const book = rig.open();
    book.enter("driving", "ignition on", true);
    rig.clock.advance(40_000);
    rig.measured.odometerKm = 11;
    book.see();
    const knownUs = rig.clock.wallUs();
    rig.clock.advance(600_000);
    rig.measured.odometerKm = 12;
    rig.open().enter("parked", "ignition off", false);
    expect(rig.outbox.at(-1)).toMatchObject({
      phase: "end",
      isInterrupted: true,
      timeUs: knownUs,
      lastedMs: 40_000,
      odometerKm: 11,
      beganOdometerKm: 10,
    });
  });

  it("ends a trip that the machine was suspended in before it went to sleep", () => {
    const rig = new BookRig();
    rig.measured.odometerKm = 10;
    const book = rig.open();
    book.enter("driving", "ignition on", true);
    rig.clock.advance(45_000);
    rig.measured.odometerKm = 11;
    book.note();
    const knownUs = rig.clock.wallUs();
    rig.clock.suspend(8 * 3_600_000);
    rig.clock.advance(2000);
    rig.measured.odometerKm = 12;
    book.note();
    book.enter("parked", "ignition off", true);
    expect(rig.outbox.at(-1)).toMatchObject({
      phase: "end",
      isInterrupted: true,
      timeUs: knownUs,
      lastedMs: 45_000,
      odometerKm: 11,
    });
  });

  it("has a suspend in a trip that was seen to go on after it", () => {
    const rig = new BookRig();
    const book = rig.open();
    book.enter("driving", "ignition on", true);
    rig.clock.suspend(10_000);
    book.see();
    rig.clock.advance(5000);
    book.enter("parked", "ignition off", true);
    expect(rig.outbox.at(-1)).toMatchObject({ phase: "end", isInterrupted: false, lastedMs: 15_000 });
  });

  it("notes a trip as going on twice a minute, and no more often", () => {
    const rig = new BookRig();
    const book = rig.open();
    book.enter("driving", "ignition on", true);
    const { writes } = rig.journal;
    for (let second = 0; second < 600; second++) {
      rig.clock.advance(1000);
      book.see();
      book.retry();
    }
    expect(rig.journal.writes - writes).toBe(20);
  });

  it("writes nothing while the vehicle is parked", () => {
    const rig = new BookRig();
    const book = rig.open();
    const { writes } = rig.journal;
    rig.clock.advance(100_000);
    book.note();
    book.retry();
    expect(rig.journal.writes).toBe(writes);
  });

  it("goes on when the journal refuses, and writes what waits as soon as it takes it", () => {
    const rig = new BookRig();
    const book = rig.open();
    rig.journal.failNext(full());
    book.enter("driving", "ignition on", true);
    expect(book.trip?.number).toBe(1);
    expect(rig.outbox).toEqual([]);
    expect(book.unkept).toEqual({ waiting: 2, dropped: 0 });
    rig.clock.advance(10_000);
    book.retry();
    expect(rig.outbox.map(({ number, kind }) => [number, kind])).toEqual([
      [1, "state"],
      [2, "trip"],
    ]);
    expect(book.unkept).toEqual({ waiting: 0, dropped: 0 });
    expect(rig.log.of("vehicle.not-kept")).toHaveLength(1);
  });

  it("gives up the oldest of what waits for too long, and counts it", () => {
    const rig = new BookRig();
    const book = rig.open();
    for (let trip = 0; trip < 40; trip++) {
      for (const state of ["driving", "parked"] as const) {
        rig.journal.failNext(full());
        book.enter(state, "test", true);
      }
    }
    expect(book.unkept).toEqual({ waiting: 100, dropped: 60 });
  });

  it("gives no trip the number of another when the journal was lost", () => {
    const rig = new BookRig();
    const book = rig.open();
    book.enter("driving", "ignition on", true);
    book.enter("parked", "ignition off", true);
    rig.journal.lose("damaged");
    const again = rig.open();
    again.enter("driving", "ignition on", true);
    expect(again.trip?.number).toBe(2);
    expect(rig.outbox.at(-1)).toMatchObject({ number: 6, trip: 2 });
  });

  it("tells as a repeat what waited when the outbox was lost", () => {
    const rig = new BookRig();
    const book = rig.open();
    book.enter("driving", "ignition on", true);
    rig.writes.isStoring = false;
    book.enter("parked", "ignition off", true);
    rig.loseOutbox();
    rig.writes.isStoring = true;
    rig.open();
    expect(rig.outbox.slice(2).map(({ number, isRepeated }) => [number, isRepeated])).toEqual([
      [3, true],
      [4, true],
    ]);
  });
});
