import { describe, expect, it } from "vitest";
import type { Action, Outcome } from "../../../../agent/commands/action.ts";
import { buildProgramAction } from "../../../../agent/commands/actions/program-action.ts";
import { buildSequence } from "../../../../agent/commands/actions/sequence.ts";
import { plainText } from "../../../../agent/core/plain-text.ts";
import type { ProgramAnswer, ProgramCommand, ProgramReply } from "../../../../agent/ports/program-commands.ts";
import { ClockSteps } from "../../../../agent/vehicle/time/clock-steps.ts";
import { catalogueSchema } from "../../../../config/catalogue.ts";
import { FakeSignals } from "../../../fakes/commands/vehicle-signals.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { tableOf } from "../../../fakes/telemetry/table.ts";

const ENTRY = {
  name: "cabin.precondition",
  kind: "program",
  program: "hvac",
  command: "precondition",
  arguments: {
    celsius: { type: "number", minimum: 16, maximum: 28 },
    minutes: { type: "integer", minimum: 1, maximum: 60, required: false },
    zone: { type: "text", oneOf: ["front", "rear"], required: false },
    note: { type: "text", maxLength: 5, required: false },
    seats: { type: "boolean", required: false },
  },
  results: { cabin: { type: "number", minimum: -60, maximum: 90 }, note: { type: "text", required: false } },
  condition: { signals: { speed: "Motion.Speed" }, all: ["speed < 1.0"] },
};

/** A program that answers as the test says, or not before it is aborted. */
class Program {
  readonly got: ProgramCommand[] = [];
  absent: string | undefined;
  reply: ProgramReply | undefined;

  problem(program: string, name: string): string | undefined {
    return program === "hvac" && name === "precondition" ? undefined : `not for ${program}`;
  }

  isAwaited(program: string, name: string): boolean {
    return this.absent !== undefined && program === "hvac" && name === "precondition";
  }

  absence(): string | undefined {
    return this.absent;
  }

  async ask(command: ProgramCommand, signal: AbortSignal): Promise<ProgramReply> {
    this.got.push(command);
    if (this.reply !== undefined) return this.reply;
    return await new Promise((resolve) => signal.addEventListener("abort", () => resolve({ kind: "late" })));
  }

  /** As the desk gives an answer. */
  answers(answer: Partial<ProgramAnswer>): void {
    this.reply = { kind: "answered", answer: { status: "succeeded", reason: "", results: {}, ...answer } };
  }
}

function rig(change: object = {}, programs: Program | undefined = new Program()) {
  const clock = new ManualClock();
  const vehicle = new FakeSignals(tableOf([{ name: "Motion", signals: [{ name: "Speed" }] }]));
  const drive = (speed: number): void => vehicle.set("Motion.Speed", speed, clock.wallUs());
  drive(0);
  const [config] = catalogueSchema.parse({ schemaVersion: 1, actions: [{ ...ENTRY, ...change }] }).actions;
  if (config?.kind !== "program") throw new TypeError("no entry");
  const parts = { signals: vehicle.signals, clock, steps: new ClockSteps(clock), programs };
  return { clock, drive, built: buildProgramAction(config, parts) };
}

function readyRig(change: object = {}) {
  const program = new Program();
  const { clock, drive, built } = rig(change, program);
  if (built.kind === "unfit") throw new TypeError("unfit");
  return { program, clock, drive, action: built.action };
}

async function run(action: Action, given: object, signal = new AbortController().signal): Promise<Outcome> {
  const prepared = action.prepare({ ...given }, "c-1");
  if (prepared.kind === "rejected") return prepared;
  return prepared.unsafe() ?? (await prepared.run(signal, () => undefined));
}

describe("buildProgramAction", () => {
  it("hands over what the catalogue allows, once, and gives the results as texts and truth values", async () => {
    const { program, action } = readyRig({ results: { ...ENTRY.results, on: { type: "boolean" } } });
    program.answers({ results: { cabin: 19.5, on: true, note: "a\nb" } });
    expect(await run(action, { celsius: 21, zone: "rear", seats: false })).toEqual({
      kind: "done",
      result: { cabin: "19.5", on: true, note: plainText("a\nb", 10) },
    });
    expect(program.got).toMatchObject([
      {
        program: "hvac",
        name: "precondition",
        arguments: { celsius: 21, zone: "rear", seats: false },
        deadlineMs: 10_000,
        ledgerId: "c-1",
      },
    ]);
    expect(action).toMatchObject({ commandClass: "R3", timeoutMs: 11_000, uses: ["program:hvac/precondition"] });
  });

  it.each([
    [{}, "ARGUMENT_TYPE_MISMATCH", "celsius"],
    [{ celsius: "21" }, "ARGUMENT_TYPE_MISMATCH", "celsius"],
    [{ celsius: 28.5 }, "ARGUMENT_OUT_OF_RANGE", "celsius"],
    [{ celsius: 21, minutes: 1.5 }, "ARGUMENT_TYPE_MISMATCH", "minutes"],
    [{ celsius: 21, zone: "roof" }, "ARGUMENT_OUT_OF_RANGE", "zone"],
    [{ celsius: 21, note: "too long" }, "ARGUMENT_OUT_OF_RANGE", "note"],
    [{ celsius: 21, more: 1 }, "ARGUMENT_TYPE_MISMATCH", "more"],
    [{ celsius: 21, seats: null }, "ARGUMENT_TYPE_MISMATCH", "seats"],
  ])("gives a program nothing else: %j", async (given, code, name) => {
    const { program, action } = readyRig();
    const outcome = await run(action, given);
    expect(outcome).toMatchObject({ kind: "rejected", code });
    expect(outcome.kind === "rejected" ? outcome.description : "").toContain(name);
    expect(program.got).toEqual([]);
  });

  it("is rejected before anything is sent where the condition does not hold or the program is not there", async () => {
    const { program, drive, action } = readyRig();
    drive(2);
    expect(await run(action, { celsius: 21 })).toMatchObject({ kind: "rejected", code: "PRECONDITION_FAILED" });
    drive(0);
    program.absent = "hvac is not connected";
    expect(await run(action, { celsius: 21 })).toEqual({
      kind: "rejected",
      code: "UNAVAILABLE",
      description: "hvac is not connected",
    });
    expect(program.got).toEqual([]);
  });

  it("is awaited as its program is, and by a sequence with it", () => {
    const { program, clock, action } = readyRig();
    const steps = [{ pauseMs: 1 }, { action: action.name, arguments: { celsius: 21 } }];
    const entry = { name: "cabin.depart", kind: "sequence", steps };
    const [config] = catalogueSchema.parse({ schemaVersion: 1, actions: [entry] }).actions;
    if (config?.kind !== "sequence") throw new TypeError("no sequence");
    const built = buildSequence(config, new Map([[action.name, action]]), clock);
    const awaited = () => [action.awaits?.(), built.kind === "action" && built.action.awaits?.()];
    expect(awaited()).toEqual([false, false]);
    program.absent = "hvac is not connected";
    expect(awaited()).toEqual([true, true]);
  });

  it("looks at the condition again right before the program gets it", async () => {
    const { program, drive, action } = readyRig();
    const prepared = action.prepare({ celsius: 21 });
    if (prepared.kind === "rejected") throw new TypeError("rejected");
    expect(prepared.unsafe()).toBeUndefined();
    drive(2);
    const outcome = await prepared.run(new AbortController().signal, () => undefined);
    expect(outcome).toMatchObject({ kind: "rejected", code: "PRECONDITION_FAILED" });
    expect(program.got).toEqual([]);
  });

  it.each([
    [{ status: "rejected", reason: "a window is open" }, "rejected", "PROGRAM_REFUSED", "hvac: a window is open"],
    [{ status: "failed", reason: "compressor" }, "failed", "PROGRAM_FAILED", "hvac: compressor"],
    [{ status: "failed" }, "failed", "PROGRAM_FAILED", "hvac: it gave no reason"],
  ] as const)("tells what the program says: %j", async (answer, kind, code, description) => {
    const { program, action } = readyRig();
    program.answers(answer);
    expect(await run(action, { celsius: 21 })).toMatchObject({ kind, code, description });
  });

  it.each([
    [{ kind: "absent", what: "hvac does not read what it is sent" }, "rejected", "UNAVAILABLE"],
    [{ kind: "gone" }, "failed", "PROGRAM_GONE"],
    [{ kind: "ended" }, "failed", "INTERRUPTED"],
    [{ kind: "unfit", what: "results.cabin" }, "failed", "PROGRAM_ANSWER_INVALID"],
  ] as const)("has failed where it may have been done, and says why: %j", async (reply, kind, code) => {
    const { program, action } = readyRig();
    program.reply = reply;
    expect(await run(action, { celsius: 21 })).toMatchObject({ kind, code });
  });

  it("waits as long as the catalogue says, and ends with the agent", async () => {
    const { clock, drive, action } = readyRig({ timeoutMs: 5000 });
    const late = run(action, { celsius: 21 });
    let isOver = false;
    void late.then(() => {
      isOver = true;
    });
    await clock.run(4999);
    expect(isOver).toBe(false);
    await clock.run(1);
    expect(await late).toMatchObject({
      code: "NO_RESPONSE",
      description: "hvac did not answer within 5000 ms; it may have been done, and is not done again",
    });
    drive(0);
    const ending = new AbortController();
    const interrupted = run(action, { celsius: 21 }, ending.signal);
    ending.abort();
    expect(await interrupted).toMatchObject({ kind: "failed", code: "INTERRUPTED" });
    expect(await run(action, { celsius: 21 }, ending.signal)).toMatchObject({ kind: "rejected", code: "INTERRUPTED" });
  });

  it("knows which answers fit the catalogue", async () => {
    const { program, action } = readyRig();
    program.answers({ results: { cabin: 1 } });
    await run(action, { celsius: 21 });
    const problem = (answer: Partial<ProgramAnswer>) =>
      program.got[0]?.problemWith({ status: "succeeded", reason: "", results: {}, ...answer });
    expect(problem({ results: { cabin: 1 } })).toBeUndefined();
    expect(problem({})).toContain("results.cabin");
    expect(problem({ results: { cabin: 100 } })).toContain("results.cabin");
    expect(problem({ results: { cabin: 1, note: "" } })).toContain("results.note");
    expect(problem({ results: { cabin: 1, vin: "W" } })).toContain("vin");
    // Of what failed it may know a part, or nothing.
    expect(problem({ status: "failed" })).toBeUndefined();
    expect(problem({ status: "failed", results: { vin: "W" } })).toContain("vin");
  });

  it("names what an entry has that cannot be", () => {
    const problemsOf = ({ built }: ReturnType<typeof rig>) => (built.kind === "unfit" ? built.problems : "none");
    expect(problemsOf(rig({ program: "other" }))).toEqual([{ path: ["program"], problem: "not for other" }]);
    const away = { ...ENTRY.condition, signals: { speed: "Motion.Gone" } };
    expect(problemsOf(rig({ condition: away }))).toMatchObject([{ path: ["condition", "signals", "speed"] }]);
    const parse = (change: object) =>
      catalogueSchema.safeParse({ schemaVersion: 1, actions: [{ ...ENTRY, condition: undefined, ...change }] });
    expect(parse({ class: "R2" }).success).toBe(true);
    expect(parse({}).error?.issues[0]).toMatchObject({
      path: ["actions", 0, "condition"],
      message: "class R3 needs a condition",
    });
    const many = Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`a${n}`, { type: "boolean" }]));
    expect(parse({ class: "R0", arguments: many }).success).toBe(false);
  });

  it("cannot be where the configuration has no programs", () => {
    const { clock } = rig();
    const [config] = catalogueSchema.parse({ schemaVersion: 1, actions: [ENTRY] }).actions;
    if (config?.kind !== "program") throw new TypeError("no entry");
    const signals = new FakeSignals(tableOf([])).signals;
    const built = buildProgramAction(config, { signals, clock, steps: new ClockSteps(clock), programs: undefined });
    expect(built).toEqual({
      kind: "unfit",
      problems: [{ path: ["program"], problem: "the configuration has no section programs" }],
    });
  });
});
