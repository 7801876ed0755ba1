import { describe, expect, it } from "vitest";
import { AgentError } from "../../../agent/core/errors.ts";
import { composeRecordSinks } from "../../../agent/daemon/compose-record-sinks.ts";
import { composeVehicleState, type VehicleStateComposeParts } from "../../../agent/daemon/compose-vehicle-state.ts";
import { servedOn } from "../../../agent/local-api/verb.ts";
import { Appender } from "../../../agent/telemetry/appender.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { VehicleFacts } from "../../../agent/telemetry/vehicle-facts.ts";
import { ClockSteps } from "../../../agent/vehicle/time/clock-steps.ts";
import { type PowerStateConfig, powerState } from "../../../config/power-state.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { noJournal } from "../../../drivers/sqlite/journal/no-journal.ts";
import { FakeSignals } from "../../fakes/commands/vehicle-signals.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";
import { FakeOutbox } from "../../fakes/ports/outbox.ts";
import { encoderOf } from "../../fakes/telemetry/samples.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

const table = tableOf([
  {
    name: "Body",
    signals: [
      { name: "Terminal15", bits: 8 },
      { name: "Charge", unit: "%", bits: 8 },
      { name: "Distance", unit: "km", bits: 32 },
    ],
  },
]);
const trip = { odometer: "Body.Distance", energy: "Body.Charge" };
const reader = createRecordReader(readDescriptor());

function bySignal(all: string): PowerStateConfig {
  const condition = { signals: { kl15: "Body.Terminal15" }, maxAgeMs: 2000, all: [all] };
  return powerState.parse({ ignition: [{ from: "signals", condition }], asleepAfterSeconds: 60 });
}

/** An agent whose outbox and journal stay over restarts. `settle` moves time, with a fresh value each 100 ms where there is one. */
function rig(settings: PowerStateConfig) {
  const clock = new ManualClock();
  const log = new MemoryLog();
  const outbox = new FakeOutbox({ clock });
  const journal = new FakeJournal({ clock });
  const fake = new FakeSignals(table);
  const facts = new VehicleFacts();
  const start = (kept: VehicleStateComposeParts["journal"] = journal, bootId = "boot 1") => {
    const appender = new Appender({ outbox, clock, log, holdBytes: 1_000_000, wake: () => undefined });
    const records = composeRecordSinks({ encoder: encoderOf(table), appender, outbox, auditBytes: 0 });
    const vehicle = { signals: fake.signals, steps: new ClockSteps(clock), clock, facts };
    const line = { buses: [], vehicle, outbox, records };
    const loaded = { locate: (path: readonly unknown[]) => path.join(".") };
    const position = () => ({ latitude: 48, longitude: 11, timeUs: clock.wallUs() });
    return composeVehicleState({ settings, trip, loaded, line, journal: kept, position }, { clock, log, bootId });
  };
  const bodies = () =>
    outbox.read("event", 0, outbox.lastRow(), 1000, 1e9).map(({ payload }) => reader.decode(payload).body);
  const settle = (ms: number, value: number | undefined): void => {
    for (let passed = 0; passed < ms; passed += 100) {
      if (value !== undefined) fake.set("Body.Terminal15", value, clock.wallUs());
      clock.advance(100);
    }
  };
  return { clock, log, fake, facts, start, bodies, settle };
}

describe("the state of the vehicle, composed", () => {
  it("follows signals, and not their silence while the bus sleeps, and is known to campaigns", async () => {
    const { facts, start, settle } = rig(bySignal("kl15 > 0.5"));
    const made = start();
    expect(facts.now()).toEqual({ state: "parked", trip: 0, isIgnitionOn: false });
    await made.services[0]?.start();
    settle(1000, 1);
    expect(facts.now()).toEqual({ state: "driving", trip: 1, isIgnitionOn: true });
    settle(6000, 0);
    expect(facts.now()).toEqual({ state: "parked", trip: 0, isIgnitionOn: false });
    settle(70_000, undefined);
    settle(300, 0);
    settle(10_000, undefined);
    expect(facts.now()).toMatchObject({ state: "asleep-soon" });
    expect(made.states.now().why).toBe("parked for 60 s");
    await made.services[0]?.stop();
  });

  it("is records, with odometer and energy, each once over restarts", async () => {
    const { clock, fake, start, settle, bodies } = rig(bySignal("kl15 > 0.5"));
    const beganUs = clock.wallUs() + 600_000;
    const first = start();
    await first.services[0]?.start();
    fake.set("Body.Distance", 1000, 1);
    fake.set("Body.Charge", 80, 1);
    settle(60_000, 1);
    await first.services[0]?.stop();
    const again = start();
    await again.services[0]?.start();
    fake.set("Body.Distance", 1012, 1);
    settle(10_000, 1);
    settle(10_000, 0);
    await again.services[0]?.stop();
    start();
    expect(bodies()).toMatchObject([
      { kind: "vehicle-state-change", number: 1, state: "driving", before: "parked", trip: 1, odometerKm: 1000 },
      {
        kind: "trip",
        number: 2,
        trip: 1,
        phase: "begin",
        energy: { value: 80, unit: "%" },
        position: { latitude: 48 },
      },
      { kind: "vehicle-state-change", number: 3, state: "parked", before: "driving", trip: 1, isRepeated: false },
      { kind: "trip", trip: 1, phase: "end", isInterrupted: false, odometerKm: 1012, beganOdometerKm: 1000 },
    ]);
    const ends = bodies().flatMap((body) => (body.kind === "trip" && body.phase === "end" ? [body] : []));
    expect(ends).toHaveLength(1);
    expect(Math.abs((ends[0]?.beganUs ?? 0) - beganUs)).toBeLessThan(300_000);
    expect(ends[0]?.lastedMs).toBeGreaterThan(74_000);
  });

  it("ends in the next boot a trip that the power was cut of", async () => {
    const { clock, start, settle, bodies } = rig(bySignal("kl15 > 0.5"));
    await start().services[0]?.start();
    settle(100_000, 1);
    const cutUs = clock.wallUs();
    start(undefined, "boot 2");
    const [end, ...more] = bodies().slice(2);
    expect(end).toMatchObject({ kind: "vehicle-state-change", state: "parked", why: "the system was started" });
    expect(more).toMatchObject([{ kind: "trip", trip: 1, phase: "end", isInterrupted: true }]);
    const lastUs = more[0]?.kind === "trip" ? more[0].timeUs : 0;
    expect(cutUs - lastUs).toBeLessThan(31_000_000);
  });

  it("ends a trip when the machine went to sleep before its end counted, and begins another in the morning", async () => {
    const { clock, fake, start, settle, bodies } = rig(bySignal("kl15 > 0.5"));
    const made = start();
    await made.services[0]?.start();
    fake.set("Body.Distance", 1000, 1);
    settle(50_000, 1);
    settle(15_000, undefined);
    const sleptUs = clock.wallUs();
    made.noteTrip();
    clock.suspend(8 * 3_600_000);
    fake.set("Body.Distance", 1012, 1);
    settle(2000, 1);
    const told = bodies().slice(2);
    expect(told).toMatchObject([
      { kind: "vehicle-state-change", state: "parked" },
      { kind: "trip", trip: 1, phase: "end", isInterrupted: true, odometerKm: 1000, position: undefined },
      { kind: "vehicle-state-change", state: "driving" },
      { kind: "trip", trip: 2, phase: "begin", odometerKm: 1012 },
    ]);
    const end = told[1]?.kind === "trip" ? told[1] : undefined;
    expect(end?.timeUs).toBe(sleptUs);
    expect(end?.lastedMs).toBeLessThan(66_000);
    await made.services[0]?.stop();
  });

  it("holds a drive over a step of the clock, which makes signals unknown for a while", async () => {
    const { clock, start, settle } = rig(bySignal("kl15 > 0.5"));
    const made = start();
    await made.services[0]?.start();
    settle(1000, 1);
    clock.stepWall(1e15);
    const changes: string[] = [];
    made.states.onChange(({ state }) => changes.push(state));
    settle(40_000, 1);
    expect(changes).toEqual([]);
  });

  it("goes on without a journal that can be read", async () => {
    const { log, start, settle, bodies } = rig(bySignal("kl15 > 0.5"));
    const fault = new AgentError("journal.unavailable", { what: "no disk", remedy: "mend it" });
    const made = start(noJournal(fault));
    await made.services[0]?.start();
    settle(1000, 1);
    expect(made.states.now().state).toBe("driving");
    expect(log.of("vehicle.not-kept")).toHaveLength(1);
    expect(bodies()).toHaveLength(2);
  });

  it("believes a command as long as it holds, as far as it is trusted", async () => {
    const condition = { signals: { kl15: "Body.Terminal15" }, all: ["kl15 > 0.5"] };
    const ignition = [{ from: "command" }, { from: "signals", condition }];
    const { log, start, settle } = rig(powerState.parse({ ignition, debounce: { offSeconds: 1 } }));
    const made = start();
    await made.services[0]?.start();
    settle(2000, 0);
    const admin = servedOn("admin", made.verbs);
    const ask = (verb: string, request: object) => admin[verb]?.({ verb, ...request }, new AbortController().signal);
    expect(await ask("vehicle.set-state", { state: "driving", seconds: 60 })).toMatchObject({
      command: { state: "driving", leftMs: 60_000 },
    });
    settle(1000, 0);
    expect(await ask("vehicle.state", {})).toMatchObject({
      state: "driving",
      why: "ignition on: command",
      trip: { number: 1 },
      sources: [
        { source: "command", says: "on" },
        { source: "signals", says: "off", why: "kl15 > 0.5 is not true: kl15 = 0" },
      ],
    });
    settle(58_900, 0);
    expect(made.status()).toMatchObject({ state: "driving" });
    settle(1500, 0);
    expect(made.status()).toMatchObject({ state: "parked", trip: undefined, unkept: { waiting: 0, dropped: 0 } });
    expect(await ask("vehicle.trips", {})).toMatchObject({ trips: [{ trip: 1, isInterrupted: false }] });
    await ask("vehicle.set-state", { state: "driving" });
    expect(await ask("vehicle.set-state", {})).toEqual({ schemaVersion: 1, command: undefined });
    expect(log.of("admin.vehicle-state-set").map(({ facts }) => facts.state)).toEqual(["driving", "driving", "none"]);
    expect(Object.keys(servedOn("view", made.verbs))).toEqual(["vehicle.state", "vehicle.trips"]);
  });

  it("takes no command where the configuration trusts none", async () => {
    const made = rig(bySignal("kl15 > 0.5")).start();
    const set = servedOn("admin", made.verbs)["vehicle.set-state"];
    expect(() => set?.({ verb: "vehicle.set-state", state: "parked" }, new AbortController().signal)).toThrow(
      "lists no command",
    );
  });

  it("names the place of what cannot be used", () => {
    expect(() => rig(bySignal("kl15 +")).start()).toThrow(/power\.state\.ignition\.0\.condition\.all\.0/);
  });
});
