import { describe, expect, it } from "vitest";
import type { Action, Outcome } from "../../../../agent/commands/action.ts";
import { buildDiagnosis } from "../../../../agent/commands/actions/diagnose.ts";
import type {
  ActEnd,
  ActGuard,
  ActingEcu,
  EcuAct,
  EcuDirectory,
  RoutineResult,
} from "../../../../agent/diagnostics/ecu-acts.ts";
import { ClockSteps } from "../../../../agent/vehicle/time/clock-steps.ts";
import { catalogueSchema } from "../../../../config/catalogue.ts";
import { FakeSignals } from "../../../fakes/commands/vehicle-signals.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { tableOf } from "../../../fakes/telemetry/table.ts";

const STANDING = { signals: { speed: "Motion.Speed" }, maxAgeMs: 2000, all: ["speed < 0.5"] };
const RESULT: RoutineResult = { values: { lamps: { value: 6, unit: "" } }, verdict: "in_spec" };

/** Control units that note what reached them; each act asks the guard as a real one does, right before its request. */
class FakeEcus implements EcuDirectory {
  readonly acts: string[] = [];
  /** What happens between the command and the request. */
  onTurn = (): void => undefined;
  end: ActEnd<undefined> = { kind: "done", value: undefined };
  #safety: EcuAct<undefined>["safety"];

  constructor(safety: EcuAct<undefined>["safety"] = "stationary") {
    this.#safety = safety;
  }

  names(): readonly string[] {
    return ["engine", "body", "mute"];
  }

  find(name: string): ActingEcu | undefined {
    if (!this.names().includes(name)) return undefined;
    return {
      name,
      clearCodes:
        name === "mute" ? undefined : (group, before) => this.#act(`${name} clear ${group}`, before, undefined),
      reset: (reset) => (reset === "hard" ? this.#actOf(`${name} reset`, undefined) : undefined),
      routine: (routine) => (routine === "lamps" ? this.#actOf(`${name} lamps`, RESULT) : undefined),
      output: (output, holdMs) => (output === "horn" ? this.#actOf(`${name} horn ${holdMs}`, undefined) : undefined),
    };
  }

  #actOf<T>(what: string, value: T): EcuAct<T> {
    return {
      safety: this.#safety,
      longestMs: 1000,
      prepare: (given) =>
        "cycles" in given
          ? { kind: "unfit", problem: "cycles: 9 is not within 1 to 5" }
          : { kind: "prepared", run: (before) => this.#act(what, before, value) },
    };
  }

  async #act<T>(what: string, before: ActGuard, value: T): Promise<ActEnd<T>> {
    this.onTurn();
    const why = before();
    if (why !== undefined) return { kind: "withheld", reason: "condition", what: why };
    this.acts.push(what);
    return this.end.kind === "done" ? { kind: "done", value } : this.end;
  }
}

/** The end of an act as one line. */
function outcomeText(outcome: Outcome): string {
  return outcome.kind === "rejected" || outcome.kind === "failed"
    ? `${outcome.kind} ${outcome.code}: ${outcome.description}`
    : outcome.kind;
}

function rig(entry: Readonly<Record<string, unknown>>, ecus = new FakeEcus()) {
  const clock = new ManualClock();
  const vehicle = new FakeSignals(tableOf([{ name: "Motion", signals: [{ name: "Speed" }] }]));
  const drive = (speed: number): void => vehicle.set("Motion.Speed", speed, clock.wallUs());
  const parts = { signals: vehicle.signals, clock, steps: new ClockSteps(clock), ecus };
  const catalogue = catalogueSchema.parse({ schemaVersion: 1, actions: [{ name: "act", ...entry }] });
  const [config] = catalogue.actions;
  if (config === undefined || config.kind === "actuate" || config.kind === "sequence" || config.kind === "program")
    throw new TypeError("no entry");
  return { drive, ecus, built: buildDiagnosis(config, parts) };
}

function problemsOf({ built }: ReturnType<typeof rig>): string {
  return built.kind === "action"
    ? "none"
    : built.problems.map(({ path, problem }) => `${path.join(".")}: ${problem}`).join("\n");
}

async function outcomeOf(
  { built }: ReturnType<typeof rig>,
  given: Readonly<Record<string, unknown>> = {},
): Promise<Outcome> {
  if (built.kind !== "action") throw new TypeError("unfit");
  return await run(built.action, given);
}

async function run(action: Action, given: Readonly<Record<string, unknown>>): Promise<Outcome> {
  const prepared = action.prepare(given);
  if (prepared.kind === "rejected") return prepared;
  return prepared.unsafe() ?? (await prepared.run(new AbortController().signal, () => undefined));
}

describe("an entry of the catalogue that changes something in a control unit", () => {
  it("is of class R3, queues, and uses its control unit alone", () => {
    const { built } = rig({ kind: "routine", ecu: "body", routine: "lamps", condition: STANDING });
    expect(built).toMatchObject({ kind: "action", action: { commandClass: "R3", queues: true, uses: ["ecu:body"] } });
  });

  it.each([
    [
      { kind: "routine", ecu: "boot", routine: "lamps", condition: STANDING },
      /^ecu: there is no control unit boot; known: engine, body, mute$/,
    ],
    [{ kind: "routine", ecu: "body", routine: "x", condition: STANDING }, /^routine: body has no such routine in/],
    [
      { kind: "routine", ecu: "body", routine: "lamps" },
      /^condition: is needed, as the class of body's routine is stationary$/,
    ],
    [{ kind: "reset-ecu", ecu: "body", reset: "soft", condition: STANDING }, /^reset: body has no such reset/],
    [{ kind: "control-output", ecu: "body", output: "x", condition: STANDING }, /^output: body has no such output/],
    [
      { kind: "clear-codes", ecus: ["engine", "mute"], condition: STANDING },
      /^ecus.1: mute has no service that clears codes$/,
    ],
    [
      { kind: "clear-codes", ecus: ["engine"], condition: { ...STANDING, all: ["sped < 1.0"] } },
      /^condition.all.0: .*sped/,
    ],
  ])("says what is wrong with %j", (entry, problem) => {
    expect(problemsOf(rig(entry))).toMatch(problem);
  });

  it("needs no condition where it moves nothing", () => {
    expect(problemsOf(rig({ kind: "routine", ecu: "body", routine: "lamps" }, new FakeEcus("inert")))).toBe("none");
  });
});

describe("clearing codes", () => {
  const entry = { kind: "clear-codes", ecus: ["engine", "body"], condition: STANDING };

  it("clears those that are asked for, all of the entry otherwise, and no other", async () => {
    const cleared = rig(entry);
    cleared.drive(0);
    expect(await outcomeOf(cleared, { ecus: ["body"] })).toMatchObject({
      kind: "done",
      result: { body: '{"status":"cleared"}' },
    });
    expect(await outcomeOf(cleared)).toMatchObject({ kind: "done" });
    expect(cleared.ecus.acts).toEqual(["body clear 16777215", "engine clear 16777215", "body clear 16777215"]);
    expect(outcomeText(await outcomeOf(cleared, { ecus: ["mute"] }))).toBe(
      "rejected ARGUMENT_OUT_OF_RANGE: mute: this action clears engine, body",
    );
  });

  it("sends nothing while the vehicle moves, or its speed is not known", async () => {
    const moving = rig(entry);
    expect(outcomeText(await outcomeOf(moving))).toMatch(
      /^rejected VEHICLE_STATE_UNKNOWN: Motion.Speed was never received/,
    );
    moving.drive(42);
    expect(outcomeText(await outcomeOf(moving))).toBe(
      "rejected PRECONDITION_FAILED: speed < 0.5 is not true: speed = 42",
    );
    expect(moving.ecus.acts).toEqual([]);
  });

  it("sends nothing when the vehicle begins to move while it waits for its turn on the bus", async () => {
    const starts = rig(entry);
    starts.drive(0);
    starts.ecus.onTurn = () => starts.drive(42);
    expect(outcomeText(await outcomeOf(starts))).toMatch(/^rejected PRECONDITION_FAILED: speed < 0.5 is not true/);
    expect(starts.ecus.acts).toEqual([]);
  });

  it("says what it has done when the vehicle begins to move between two control units", async () => {
    const starts = rig(entry);
    starts.drive(0);
    starts.ecus.onTurn = () => {
      if (starts.ecus.acts.length === 1) starts.drive(42);
    };
    const outcome = await outcomeOf(starts);
    expect(outcome).toMatchObject({ kind: "failed", result: { engine: '{"status":"cleared"}' } });
    expect(JSON.stringify(outcome)).toMatch(/"body":"\{\\"problem\\":\\"speed < 0.5 is not true/);
  });

  it("is a failure of which nobody knows whether it cleared when no answer comes, and one that did not when it says no", async () => {
    const silent = rig(entry);
    silent.drive(0);
    silent.ecus.end = { kind: "failed", what: "engine did not answer" };
    expect(outcomeText(await outcomeOf(silent))).toBe("failed NO_RESPONSE: engine did not answer");
    silent.ecus.end = { kind: "refused", what: "conditionsNotCorrect (0x22)" };
    expect(outcomeText(await outcomeOf(silent))).toBe("failed WRITE_FAILED: conditionsNotCorrect (0x22)");
  });
});

describe("a routine", () => {
  const entry = { kind: "routine", ecu: "body", routine: "lamps", condition: STANDING };

  it("gives its values and its verdict", async () => {
    const lamps = rig(entry);
    lamps.drive(0);
    expect(await outcomeOf(lamps)).toEqual({
      kind: "done",
      result: { result: '{"lamps":{"value":6,"unit":""}}', verdict: "in_spec" },
    });
  });

  it("is refused with its arguments, before anything is looked at", async () => {
    expect(outcomeText(await outcomeOf(rig(entry), { cycles: 9 }))).toBe(
      "rejected ARGUMENT_OUT_OF_RANGE: cycles: 9 is not within 1 to 5",
    );
  });

  it("of class service-only is never done from afar", async () => {
    const service = rig(entry, new FakeEcus("service-only"));
    service.drive(0);
    expect(outcomeText(await outcomeOf(service))).toMatch(/^rejected SERVICE_ONLY/);
    expect(service.ecus.acts).toEqual([]);
  });
});
