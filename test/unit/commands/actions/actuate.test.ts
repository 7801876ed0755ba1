import { describe, expect, it } from "vitest";
import type { Action, Outcome } from "../../../../agent/commands/action.ts";
import { type BuiltAction, buildActuation } from "../../../../agent/commands/actions/actuate.ts";
import { buildSequence } from "../../../../agent/commands/actions/sequence.ts";
import { AgentError } from "../../../../agent/core/errors.ts";
import type { BusState } from "../../../../agent/ports/can-bus.ts";
import type { CanFrame } from "../../../../agent/ports/frame.ts";
import { createSignalTable } from "../../../../agent/signals/build-table.ts";
import { parseDbc } from "../../../../agent/signals/dbc/parse.ts";
import { findMessage } from "../../../../agent/signals/message-name.ts";
import { ClockSteps } from "../../../../agent/vehicle/time/clock-steps.ts";
import { type ActuateConfig, catalogueSchema } from "../../../../config/catalogue.ts";
import { FakeSignals } from "../../../fakes/commands/vehicle-signals.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";

const DBC = `VERSION ""
BU_: Vector__XXX
BO_ 1536 DoorCommand: 4 Vector__XXX
 SG_ Lock : 0|2@1+ (1,0) [0|2] "" Vector__XXX
 SG_ Level : 8|8@1+ (1,0) [0|100] "" Vector__XXX
 SG_ Alive : 16|4@1+ (1,0) [0|14] "" Vector__XXX
 SG_ Check : 24|8@1+ (1,0) [0|255] "" Vector__XXX
BO_ 256 DoorStatus: 1 Vector__XXX
 SG_ Locked : 0|1@1+ (1,0) [0|1] "" Vector__XXX
BO_ 257 Motion: 1 Vector__XXX
 SG_ Speed : 0|8@1+ (1,0) [0|255] "" Vector__XXX
BO_ 272 Twin: 1 Vector__XXX
 SG_ On : 0|1@1+ (1,0) [0|1] "" Vector__XXX
BO_ 273 Twin: 1 Vector__XXX
 SG_ On : 0|1@1+ (1,0) [0|1] "" Vector__XXX
BO_ 2364540158 Wide: 20 Vector__XXX
 SG_ A : 0|8@1+ (1,0) [0|0] "" Vector__XXX
BO_ 274 Odd: 13 Vector__XXX
 SG_ A : 0|8@1+ (1,0) [0|0] "" Vector__XXX
BO_ 275 Shared: 2 Vector__XXX
 SG_ Mode : 0|8@1+ (1,0) [0|0] "" Vector__XXX
 SG_ Level : 4|8@1+ (1,0) [0|0] "" Vector__XXX
BO_ 276 Paged: 2 Vector__XXX
 SG_ Page M : 0|8@1+ (1,0) [0|0] "" Vector__XXX
 SG_ A m0 : 8|8@1+ (1,0) [0|0] "" Vector__XXX
SG_MUL_VAL_ 276 A Page 0-0, 2-2;
BO_ 277 Torn: 2 Vector__XXX
 SG_ A : 0|8@1+ (1,0) [0|0] "" Vector__XXX
 SG_ B : 8|8@1+ (1,0 [0|0] "" Vector__XXX
BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","reserved","J1939PG";
BA_DEF_DEF_ "VFrameFormat" "StandardCAN";
BA_ "VFrameFormat" BO_ 2364540158 3;
`;
const { database } = parseDbc(DBC);
const SOURCES = [{ bus: "can0", database, file: "doors.dbc" }];

const LOCK = {
  name: "doors.lock",
  kind: "actuate",
  bus: "can0",
  message: "DoorCommand",
  signals: {
    Lock: 1,
    Level: { argument: "level", minimum: 0, maximum: 50 },
    Alive: { counter: true },
    Check: { checksum: "xor8" },
  },
  repeat: { count: 3, everyMs: 20 },
  condition: { signals: { speed: "Motion.Speed" }, all: ["speed < 1.0"] },
  confirm: { signal: "DoorStatus.Locked", equals: 1, withinMs: 500 },
};

function configOf(change: object = {}): ActuateConfig {
  const [action] = catalogueSchema.parse({ schemaVersion: 1, actions: [{ ...LOCK, ...change }] }).actions;
  if (action?.kind !== "actuate") throw new Error("not an actuation");
  return action;
}

/** A vehicle that stands, with a door that says it is locked `answersAfterMs` after the frame with this number. */
class Vehicle {
  readonly clock = new ManualClock();
  readonly frames: CanFrame[] = [];
  readonly told = new FakeSignals(createSignalTable(SOURCES));
  state: BusState = "up";
  fault: AgentError | undefined;
  speed = 0;
  onFrame: (count: number) => void = () => undefined;

  readonly parts = {
    signals: this.told.signals,
    clock: this.clock,
    steps: new ClockSteps(this.clock),
    busOf: (name: string) =>
      name === "can0"
        ? { send: (frame: CanFrame) => this.#take(frame), state: () => ({ state: this.state, detail: "as set" }) }
        : undefined,
    messageOf: (bus: string, name: string) => findMessage(SOURCES, bus, name),
  };

  constructor() {
    this.move(0);
  }

  move(speed: number): void {
    this.told.set("Motion.Speed", speed, this.clock.wallUs());
  }

  lock(isLocked: boolean): void {
    this.told.set("DoorStatus.Locked", isLocked ? 1 : 0, this.clock.wallUs());
  }

  action(change: object = {}): Action {
    const built = buildActuation(configOf(change), this.parts);
    if (built.kind === "unfit") throw new Error(told(built));
    return built.action;
  }

  /** Runs it for as long as it takes, the vehicle going on meanwhile. */
  async run(action: Action, given: Readonly<Record<string, unknown>> = { level: 10 }): Promise<Outcome> {
    const prepared = action.prepare(given);
    if (prepared.kind === "rejected") return prepared;
    const unsafe = prepared.unsafe();
    if (unsafe !== undefined) return unsafe;
    const outcome = prepared.run(new AbortController().signal, () => undefined);
    await this.clock.run(10_000);
    return await outcome;
  }

  get hex(): readonly string[] {
    return this.frames.map(({ data }) => Buffer.from(data).toString("hex"));
  }

  async #take(frame: CanFrame): Promise<void> {
    if (this.fault !== undefined) throw this.fault;
    this.frames.push(frame);
    this.move(this.speed);
    this.onFrame(this.frames.length);
  }
}

function told({ problems }: Extract<BuiltAction, { kind: "unfit" }>): string {
  return problems.map(({ path, problem }) => `${path.join(".")}: ${problem}`).join("\n");
}

function outcomeText(outcome: Outcome): string {
  return "code" in outcome ? `${outcome.kind} ${outcome.code}: ${outcome.description}` : outcome.kind;
}

describe("an actuation", () => {
  it("sends its frames with counter and checksum, and succeeds when the vehicle confirms it", async () => {
    const vehicle = new Vehicle();
    vehicle.onFrame = (count) => {
      if (count === 3) void vehicle.clock.sleep(100).then(() => vehicle.lock(true));
    };
    expect(await vehicle.run(vehicle.action())).toEqual({ kind: "done", result: { "DoorStatus.Locked": "1" } });
    expect(vehicle.frames.map(({ id, flags }) => [id, flags])).toEqual([
      [0x600, 0],
      [0x600, 0],
      [0x600, 0],
    ]);
    expect(vehicle.hex).toEqual(["010a000b", "010a010a", "010a0209"]);
  });

  it("has the signals of its condition and its confirmation decoded from the start", () => {
    const vehicle = new Vehicle();
    vehicle.action();
    expect([...vehicle.told.held].toSorted()).toEqual(["confirmation: DoorStatus.Locked", "safety gate: Motion.Speed"]);
  });

  it("counts on over its runs and wraps where the DBC file says", async () => {
    const vehicle = new Vehicle();
    const action = vehicle.action({ repeat: { count: 16, everyMs: 5 } });
    await vehicle.run(action);
    expect(vehicle.frames.map(({ data }) => data[2])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0]);
  });

  it("is not confirmed by what the vehicle had said before the last frame", async () => {
    const vehicle = new Vehicle();
    vehicle.lock(true);
    vehicle.onFrame = () => vehicle.lock(true);
    expect(outcomeText(await vehicle.run(vehicle.action()))).toBe(
      "failed NO_RESPONSE: DoorStatus.Locked did not come within 500 ms of the last frame; it was 1 before",
    );
  });

  it("is not confirmed by what looks newer since the clock was set back", async () => {
    const vehicle = new Vehicle();
    vehicle.lock(true);
    vehicle.onFrame = (count) => {
      if (count === 3) vehicle.clock.stepWall(-3_600_000_000);
    };
    expect(outcomeText(await vehicle.run(vehicle.action()))).toMatch(/it was 1 before$/);
  });

  it("fails when the vehicle says something else", async () => {
    const vehicle = new Vehicle();
    vehicle.onFrame = (count) => {
      if (count === 3) void vehicle.clock.sleep(100).then(() => vehicle.lock(false));
    };
    expect(await vehicle.run(vehicle.action())).toEqual({
      kind: "failed",
      code: "NO_RESPONSE",
      description: "DoorStatus.Locked is 0, not 1, 500 ms after the last frame",
    });
  });

  it("sends and asks the one that an id picks of several messages of a name", async () => {
    const vehicle = new Vehicle();
    vehicle.onFrame = () =>
      void vehicle.clock.sleep(50).then(() => vehicle.told.set("Twin@0x111.On", 1, vehicle.clock.wallUs()));
    const pick = { message: "Twin@0x110", signals: { On: 1 }, confirm: { signal: "can0/Twin@0x111.On", equals: 1 } };
    expect((await vehicle.run(vehicle.action(pick), {})).kind).toBe("done");
    expect(vehicle.frames.map(({ id }) => id)).toEqual([0x110, 0x110, 0x110]);
  });

  it("sends nothing in an unsafe state", async () => {
    const vehicle = new Vehicle();
    vehicle.move(5);
    expect(await vehicle.run(vehicle.action())).toMatchObject({ kind: "rejected", code: "PRECONDITION_FAILED" });
    expect(vehicle.frames).toEqual([]);
  });

  it("looks again right before the first frame", async () => {
    const vehicle = new Vehicle();
    const prepared = vehicle.action().prepare({ level: 1 });
    if (prepared.kind === "rejected") throw new Error(prepared.description);
    expect(prepared.unsafe()).toBeUndefined();
    vehicle.move(5);
    expect(await prepared.run(new AbortController().signal, () => undefined)).toMatchObject({
      kind: "rejected",
      code: "PRECONDITION_FAILED",
    });
    expect(vehicle.frames).toEqual([]);
  });

  it("stops when the condition breaks between two frames, and when its signals stop coming", async () => {
    const moving = new Vehicle();
    moving.onFrame = (count) => {
      if (count === 2) moving.move(5);
    };
    expect(outcomeText(await moving.run(moving.action()))).toMatch(
      /^failed PRECONDITION_FAILED: after 2 frames: speed < 1.0/,
    );
    expect(moving.frames).toHaveLength(2);

    const silent = new Vehicle();
    const action = silent.action({ repeat: { count: 1000, everyMs: 20 } });
    silent.move = () => undefined;
    expect(outcomeText(await silent.run(action))).toMatch(
      /^failed PRECONDITION_FAILED: .*Motion.Speed is 20\d\d ms old/,
    );
    expect(silent.frames).toHaveLength(101);
  });

  it("sends nothing on a bus that is off, and says so; one that goes off on the way is a failure", async () => {
    const off = new Vehicle();
    off.state = "bus-off";
    expect(await off.run(off.action())).toEqual({
      kind: "rejected",
      code: "UNAVAILABLE",
      description: "bus can0 is bus-off: as set",
    });
    const failing = new Vehicle();
    failing.fault = new AgentError("bus.transmit-failed", { what: "the queue stayed full", remedy: "none" });
    expect(await failing.run(failing.action())).toEqual({
      kind: "failed",
      code: "WRITE_FAILED",
      description: "the queue stayed full; the bus is up: as set",
    });
  });

  it("ends when it is aborted, without a further frame", async () => {
    const vehicle = new Vehicle();
    const stop = new AbortController();
    vehicle.onFrame = () => stop.abort();
    const prepared = vehicle.action().prepare({ level: 1 });
    if (prepared.kind === "rejected") throw new Error(prepared.description);
    expect(await prepared.run(stop.signal, () => undefined)).toMatchObject({ kind: "failed", code: "INTERRUPTED" });
    expect(vehicle.frames).toHaveLength(1);
  });

  it.each([
    [{}, "ARGUMENT_TYPE_MISMATCH"],
    [{ level: "10" }, "ARGUMENT_TYPE_MISMATCH"],
    [{ level: 10, door: 1 }, "ARGUMENT_TYPE_MISMATCH"],
    [{ level: 51 }, "ARGUMENT_OUT_OF_RANGE"],
    [{ level: Number.NaN }, "ARGUMENT_OUT_OF_RANGE"],
    [{ level: -1 }, "ARGUMENT_OUT_OF_RANGE"],
  ])("refuses the arguments %j", async (given, code) => {
    const vehicle = new Vehicle();
    expect(await vehicle.run(vehicle.action(), given)).toMatchObject({ kind: "rejected", code });
    expect(vehicle.frames).toEqual([]);
  });

  it.each([
    [{ bus: "can9" }, "bus: there is no bus can9"],
    [{ message: "Doors" }, "message: no DBC file of can0 has Doors"],
    [{ signals: { ...LOCK.signals, Lock: 3 } }, "signals.Lock: 3 is not within 0 to 2"],
    [{ signals: { Lock: 1 } }, "signals.Level: is in the frame and has no value"],
    [
      { signals: { ...LOCK.signals, Level: { argument: "level", minimum: 0, maximum: 101 } } },
      "signals.Level: 101 is not within 0 to 100",
    ],
    [{ signals: { ...LOCK.signals, Lock: { checksum: "sum8" } } }, "signals.Lock: a checksum must be a whole byte"],
    [{ confirm: { signal: "Door.Locked", equals: 1 } }, "confirm.signal: there is no signal Door.Locked"],
    [
      { confirm: { signal: "Twin.On", equals: 1 } },
      "confirm.signal: Twin.On is 2 signals, write which: can0/Twin@0x110.On (doors.dbc:12)",
    ],
    [
      { message: "Twin", signals: { On: 1 } },
      "message: Twin is 2 messages, write which: Twin@0x110 (doors.dbc:12), Twin@0x111 (doors.dbc:14)",
    ],
    [{ message: "Wide", signals: { A: 1 } }, "message: Wide has 20 bytes, a classic frame carries 8"],
    [{ message: "Odd", signals: { A: 1 } }, "message: Odd has 13 bytes, as no CAN FD frame has"],
    [{ message: "Torn", signals: { A: 1 } }, "message: Torn is only in part known: its DBC file is damaged there"],
    [{ message: "Shared", signals: { Mode: 16, Level: 2 } }, "signals.Level: shares bits with Mode"],
    [
      { message: "Paged", signals: { Page: { argument: "page", minimum: 0, maximum: 2 }, A: 1 } },
      "signals.A: for Page 1: is not in the frame for this value of its multiplexer",
    ],
    [{ condition: { signals: { speed: "Motion.Speed" }, all: ["speed"] } }, "condition.all.0: is double, not bool"],
  ])("is not built from %j", (change, problem) => {
    expect(() => new Vehicle().action(change)).toThrow(problem);
  });
});

describe("a sequence", () => {
  const FLASH = {
    name: "flash",
    kind: "sequence",
    steps: [
      { action: "doors.lock", arguments: { level: 1 } },
      { pauseMs: 200 },
      { action: "doors.lock", arguments: { level: 2 } },
    ],
  };

  function sequenceOn(vehicle: Vehicle, change: object = {}) {
    const [config] = catalogueSchema.parse({ schemaVersion: 1, actions: [{ ...FLASH, ...change }] }).actions;
    if (config?.kind !== "sequence") throw new Error("not a sequence");
    return buildSequence(
      config,
      new Map([["doors.lock", vehicle.action({ repeat: { count: 1, everyMs: 20 } })]]),
      vehicle.clock,
    );
  }

  it("does one step after the other", async () => {
    const vehicle = new Vehicle();
    vehicle.onFrame = () => void vehicle.clock.sleep(50).then(() => vehicle.lock(true));
    const built = sequenceOn(vehicle);
    if (built.kind === "unfit") throw new Error(told(built));
    expect(await vehicle.run(built.action, {})).toEqual({ kind: "done", result: { steps: "2" } });
    expect(vehicle.frames.map(({ data }) => data[1])).toEqual([1, 2]);
  });

  it("ends with the first step that does not succeed", async () => {
    const vehicle = new Vehicle();
    const built = sequenceOn(vehicle);
    if (built.kind === "unfit") throw new Error(told(built));
    expect(outcomeText(await vehicle.run(built.action, {}))).toMatch(/^failed NO_RESPONSE: doors.lock after 0 steps/);
    expect(vehicle.frames).toHaveLength(1);
  });

  it("is not built from steps that are not there or take other arguments", () => {
    expect(sequenceOn(new Vehicle(), { steps: [{ action: "horn" }] })).toMatchObject({
      kind: "unfit",
      problems: [{ path: ["steps", 0, "action"] }],
    });
    expect(sequenceOn(new Vehicle(), { steps: [{ action: "doors.lock", arguments: { level: 99 } }] })).toMatchObject({
      kind: "unfit",
      problems: [{ path: ["steps", 0, "arguments"] }],
    });
  });
});
