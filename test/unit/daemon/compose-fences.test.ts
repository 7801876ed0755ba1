import { describe, expect, it } from "vitest";
import { AgentError } from "../../../agent/core/errors.ts";
import { composeFences } from "../../../agent/daemon/compose-fences.ts";
import { servedOn } from "../../../agent/local-api/verb.ts";
import type { Journal } from "../../../agent/ports/journal.ts";
import { LatestSignals } from "../../../agent/signals/latest-signals.ts";
import { KnownPosition } from "../../../agent/telemetry/known-position.ts";
import type { VehicleEvent } from "../../../agent/telemetry/record/encode/vehicle-event.ts";
import { VehicleFacts } from "../../../agent/telemetry/vehicle-facts.ts";
import { PrivacyRules } from "../../../agent/vehicle/place/privacy-rules.ts";
import type { TimedFix } from "../../../agent/vehicle/place/whereabouts.ts";
import { ClockSteps } from "../../../agent/vehicle/time/clock-steps.ts";
import { placeConfig } from "../../../config/place.ts";
import { noJournal } from "../../../drivers/sqlite/journal/no-journal.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { loadedBy } from "../../fakes/core/loaded-files.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { fixOf } from "../../fakes/place/position-sink.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

const HOME = { latitude: 48, longitude: 11, radiusMetres: 300 };

/** `journalOf`: in place of one that is sound. */
async function rig(given: object, journalOf = (clock: ManualClock): Journal => new FakeJournal({ clock })) {
  const clock = new ManualClock();
  const log = new MemoryLog();
  const rules = new PrivacyRules();
  const facts = new VehicleFacts();
  const told: VehicleEvent[] = [];
  const metres: number[] = [];
  const takers = new Set<(timed: TimedFix) => void>();
  const whereabouts = {
    onFix: (take: (timed: TimedFix) => void) => {
      takers.add(take);
      return () => takers.delete(take);
    },
  };
  const signals = new LatestSignals(tableOf([]), { latestOf: () => undefined });
  const position = new KnownPosition();
  const sink = {
    handOver: (events: readonly VehicleEvent[]) => void told.push(...events),
    hasRoom: () => true,
    isStored: () => true,
  };
  const lines = composeFences(
    {
      settings: placeConfig.parse({ sources: [{ kind: "gpsd" }], ...given }),
      power: undefined,
      loaded: { locate: () => "agent.yaml:1" },
      line: {
        vehicle: { signals, steps: new ClockSteps(clock), clock, facts },
        position,
        outbox: { kept: () => [] },
        records: { vehicle: sink },
      },
      place: { whereabouts, rules, signals: { takeOdometer: (one) => void metres.push(one) } },
      vehicle: undefined,
      journal: journalOf(clock),
    },
    { clock, log, random: () => 0 },
  );
  await lines.service.start();
  const go = (latitude: number): void => {
    clock.advance(1000);
    const timed = {
      fix: fixOf({ latitude, longitude: 11, accuracyM: 5 }),
      timeUs: clock.wallUs(),
      atMs: clock.boottimeMs(),
    };
    for (const take of takers) take(timed);
  };
  return { lines, go, rules, facts, told, metres, clock };
}

describe("composeFences", () => {
  it("keeps positions in the vehicle until it is known to be outside of each private zone", async () => {
    const { go, rules } = await rig({ privacy: { zones: [{ circle: HOME }] } });
    expect(rules.isShared()).toBe(false);
    go(48.1);
    expect(rules.isShared()).toBe(true);
    go(48);
    expect(rules.isShared()).toBe(false);
  });

  it("tells of fences and the way, and lets campaigns ask for the side", async () => {
    const { go, facts, told, metres, lines } = await rig({
      fences: [{ name: "depot", circle: HOME, fixes: 1 }],
      odometer: true,
    });
    expect(facts.fences()).toEqual(new Map([["depot", undefined]]));
    for (const latitude of [48.1, 48.0995, 48.099]) go(latitude);
    expect(facts.fences()).toEqual(new Map([["depot", "outside"]]));
    go(48);
    expect(told).toMatchObject([{ kind: "fence", name: "depot", transition: "enter", trip: 0, number: 1 }]);
    expect(told[0]).not.toHaveProperty("position.latitude");
    expect(metres.map(Math.round)).toEqual([56, 111]);
    expect(lines.status()).toMatchObject({ fences: [{ name: "depot", side: "inside" }], isPrivate: false });
    expect(lines.status().odometerMetres).toBeCloseTo(111, 0);
  });
});

describe("a journal that does not have what was asked for", () => {
  const noFault = new AgentError("journal.unavailable", { what: "cannot be read", remedy: "mend it" });
  const given = { odometer: true, fences: [{ name: "depot", circle: HOME, fixes: 1 }] };
  /** Answers at first, and not any more when the fences are read. */
  const unreadable = (clock: ManualClock): Journal => {
    const journal = new FakeJournal({ clock });
    journal.get = (space, key) => {
      if (space === "place" && key === "fence:depot") throw noFault;
      return undefined;
    };
    return journal;
  };
  const lost = (clock: ManualClock): Journal => {
    const journal = new FakeJournal({ clock });
    journal.lose("damaged");
    return journal;
  };

  it.each([
    ["is not there", () => noJournal(noFault)],
    ["cannot be read", unreadable],
    ["was lost", lost],
  ])("keeps positions in the vehicle until a person says no: it %s", async (_, journalOf) => {
    const { lines, go, rules, facts } = await rig({ ...given, privacy: { zones: [{ circle: HOME }] } }, journalOf);
    go(48.1);
    expect([rules.isShared(), lines.status().isPrivate]).toEqual([false, true]);
    const verb = "place.private";
    await servedOn("admin", lines.verbs)[verb]?.({ verb, isPrivate: false }, new AbortController().signal);
    expect([rules.isShared(), lines.status().isPrivate]).toEqual([true, false]);
    expect(facts.fences()).toEqual(new Map([["depot", "outside"]]));
  });

  it("gets later what it has refused", async () => {
    const journals: FakeJournal[] = [];
    const { go, told, lines, clock } = await rig(given, (made) => {
      journals.push(new FakeJournal({ clock: made }));
      return journals[0];
    });
    go(48.1);
    journals[0].failNext(noFault);
    go(48);
    expect([told, lines.status().unkept]).toEqual([[], { waiting: 1, dropped: 0 }]);
    clock.advance(10_000);
    expect(told).toMatchObject([{ kind: "fence", transition: "enter" }]);
    expect(lines.status().unkept).toEqual({ waiting: 0, dropped: 0 });
  });
});

describe("an agent without the section place", () => {
  it("loads nothing of fences", () => {
    const loaded = [...loadedBy("agent/cli/verbs/run.ts")];
    expect(loaded.filter((path) => path.startsWith("agent/vehicle/fences/"))).toEqual([]);
    expect(loadedBy("agent/daemon/compose-fences.ts").has("agent/vehicle/fences/fence-book.ts")).toBe(true);
  });
});
