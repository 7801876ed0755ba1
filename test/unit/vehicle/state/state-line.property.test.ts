import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { VehicleEvent } from "../../../../agent/telemetry/record/encode/vehicle-event.ts";
import type { IgnitionReading } from "../../../../agent/vehicle/state/ignition.ts";
import { VehicleStateLine } from "../../../../agent/vehicle/state/state-line.ts";
import { PowerCut } from "../../../fakes/ports/durable-writes.ts";
import { BookRig } from "../../../fakes/vehicle/book-rig.ts";
import { MODEL_TIMES, StateModel } from "../../../fakes/vehicle/state-model.ts";

const SEED = 1701;
const LOOK_MS = 250;

const step = fc.record({
  kind: fc.constantFrom<IgnitionReading["kind"]>("on", "off", "unknown"),
  looks: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 20, max: 150 })),
  end: fc.integer({ min: 0, max: 11 }).map((roll) => (["restart", "stop", "reboot"] as const)[roll]),
  cut: fc.option(fc.record({ writes: fc.integer({ min: 1, max: 6 }), isWritten: fc.boolean() }), { freq: 4 }),
});
type Step = { readonly kind: IgnitionReading["kind"]; readonly looks: number; readonly end: string | undefined };

/** An agent that can be killed between any two looks, or in one. */
class Vehicle {
  readonly rig = new BookRig();
  kind: IgnitionReading["kind"] = "unknown";
  line: VehicleStateLine | undefined;
  #tick = (): void => undefined;

  async start(): Promise<void> {
    const { clock } = this.rig;
    this.#tick = () => undefined;
    this.line = undefined;
    const { asleepAfterMs, ...debounce } = MODEL_TIMES;
    const line = new VehicleStateLine({
      sources: [{ name: "test", look: () => ({ kind: this.kind, why: "test" }) }],
      settings: { debounce, asleepAfterMs },
      book: this.rig.open(),
      clock: {
        wallUs: () => clock.wallUs(),
        monotonicMs: () => clock.monotonicMs(),
        boottimeMs: () => clock.boottimeMs(),
        quality: () => clock.quality(),
        sleep: (ms, signal) => clock.sleep(ms, signal),
        every: (_ms, tick) => {
          this.#tick = tick;
          return () => undefined;
        },
      },
      log: this.rig.log,
    });
    await line.start();
    this.line = line;
  }

  look(): void {
    this.rig.clock.advance(LOOK_MS);
    this.#tick();
  }
}

function shown(event: VehicleEvent): string {
  if (event.kind === "state") return `${event.before} > ${event.state}`;
  if (event.kind !== "trip") return event.kind;
  return `${event.phase} ${event.trip}${event.isInterrupted ? " interrupted" : ""}`;
}

async function run(steps: readonly Step[]): Promise<void> {
  const vehicle = new Vehicle();
  const { rig } = vehicle;
  const model = new StateModel(rig.clock.boottimeMs());
  await vehicle.start();
  model.look(rig.clock.boottimeMs(), "unknown");
  for (const { kind, looks, end } of steps) {
    vehicle.kind = kind;
    for (let look = 0; look < looks; look++) {
      vehicle.look();
      model.look(rig.clock.boottimeMs(), kind);
    }
    expect(vehicle.line?.now().state).toBe(model.state);
    expect(vehicle.line?.trip()?.number).toBe(model.trip);
    if (end === undefined) continue;
    if (end === "stop") await vehicle.line?.stop();
    if (end === "reboot") {
      rig.boot += 1;
      model.reboot(rig.clock.boottimeMs());
    } else model.restart();
    await vehicle.start();
    model.look(rig.clock.boottimeMs(), kind);
  }
  expect(rig.outbox.map(shown)).toEqual(model.events);
  expect(rig.outbox.map(({ number }) => number)).toEqual(model.events.map((_event, at) => at + 1));
  for (const event of rig.outbox) {
    if (event.kind === "trip") expect(event.timeUs).toBeGreaterThanOrEqual(event.beganUs);
  }
}

/** What must hold of the events however often the power went. */
function judge(outbox: readonly VehicleEvent[]): void {
  expect(outbox.map(({ number }) => number)).toEqual(outbox.map((_event, at) => at + 1));
  let state = "parked";
  let open: number | undefined;
  let trips = 0;
  // Before the outbox has had an event, it may as well have lost it.
  const repeated = outbox.filter(({ isRepeated }) => isRepeated);
  expect(repeated).toEqual(outbox.slice(0, repeated.length));
  for (const event of outbox) {
    if (event.kind === "state") {
      expect(event.before).toBe(state);
      state = event.state;
    } else if (event.kind !== "trip") {
      throw new Error(`nobody tells of ${event.kind} here`);
    } else if (event.phase === "begin") {
      expect([open, event.trip]).toEqual([undefined, trips + 1]);
      trips = event.trip;
      open = event.trip;
    } else {
      expect(event.trip).toBe(open);
      open = undefined;
    }
  }
}

describe("states and trips", () => {
  it(`are those of a slow and obvious model, over restarts and boots, seed ${SEED}`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), (steps) => run(steps)),
      { seed: SEED, numRuns: 300 },
    );
  });

  it(`are each told exactly once when the power goes in any write, seed ${SEED}`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const vehicle = new Vehicle();
        const { rig } = vehicle;
        await vehicle.start();
        for (const { kind, looks, cut } of steps) {
          vehicle.kind = kind;
          rig.writes.cut = cut === null ? undefined : { ...cut };
          try {
            for (let look = 0; look < looks; look++) vehicle.look();
          } catch (thrown) {
            if (!(thrown instanceof PowerCut)) throw thrown;
            if (looks % 2 === 0) rig.boot += 1;
            await vehicle.start();
          }
        }
        rig.writes.cut = undefined;
        await vehicle.start();
        vehicle.kind = "off";
        for (let look = 0; look < 40; look++) vehicle.look();
        judge(rig.outbox);
        const told = rig.outbox.filter((event) => event.kind === "state");
        expect(told.at(-1)?.state ?? "parked").toBe(vehicle.line?.now().state);
        expect(rig.outbox.filter((event) => event.kind === "trip").length % 2).toBe(0);
      }),
      { seed: SEED, numRuns: 400 },
    );
  });
});
