import { join } from "node:path";
import protobuf from "protobufjs/light.js";
import "protobufjs/ext/descriptor.js";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import type { ProgramCommand, ProgramCommands } from "../../agent/ports/program-commands.ts";
import type { ProgramFrame } from "../../agent/ports/program-socket.ts";
import { CommandDesk } from "../../agent/programs/command-desk.ts";
import { ProgramForms } from "../../agent/programs/program-form.ts";
import { ProgramIntake } from "../../agent/programs/program-intake.ts";
import { Appender } from "../../agent/telemetry/appender.ts";
import { programsConfig } from "../../config/programs.ts";
import { readDescriptor } from "../../config/proto/descriptor.ts";
import { openOutbox } from "../../drivers/sqlite/outbox/outbox.ts";
import { ManualClock } from "../fakes/core/clock.ts";
import { temporaryFolder } from "../fakes/core/folder.ts";
import { MemoryLog } from "../fakes/core/log.ts";
import { programCommand } from "../fakes/programs/program-command.ts";
import { encoderOf } from "../fakes/telemetry/samples.ts";
import { tableOf } from "../fakes/telemetry/table.ts";

const STATUSES = { succeeded: 1, failed: 2, rejected: 3 } as const;
type Answer = {
  readonly id: string;
  readonly status: keyof typeof STATUSES;
  readonly reason?: string;
  readonly celsius?: number;
};

/** How a program of this form speaks. */
type Form = {
  readonly name: (program: string, answers: readonly string[]) => ProgramFrame;
  readonly answer: (answer: Answer) => ProgramFrame;
  /** What the agent wrote, in the words of a line. */
  readonly read: (written: ProgramFrame) => unknown;
};

const LINES: Form = {
  name: (program, answers) => JSON.stringify({ program, answers }),
  answer: ({ celsius, ...answer }) =>
    JSON.stringify({ answer: { ...answer, ...(celsius !== undefined && { results: { celsius } }) } }),
  read: (written) => {
    const read: unknown = typeof written === "string" ? JSON.parse(written) : undefined;
    return read;
  },
};

const root = protobuf.Root.fromDescriptor(readDescriptor("program"));
const fromProgram = root.lookupType("causeway.program.v1.FromProgram");
const toProgram = root.lookupType("causeway.program.v1.ToProgram");
const encode = (message: object) => fromProgram.encode(fromProgram.fromObject(message)).finish();
const scalars = z
  .array(z.object({ name: z.string(), number: z.number() }))
  .default([])
  .transform((list) => Object.fromEntries(list.map(({ name, number }) => [name, number])));
const wire = z.object({
  command: z
    .object({
      id: z.string(),
      name: z.string(),
      arguments: scalars,
      deadlineMs: z.number(),
      ledgerId: z.string().optional(),
    })
    .optional(),
  answered: z
    .object({ id: z.string() })
    .transform(({ id }) => id)
    .optional(),
  error: z.object({ code: z.string(), remedy: z.string() }).optional(),
  named: z.object({}).optional(),
});
const MESSAGES: Form = {
  name: (program, answers) => encode({ name: { program, answers } }),
  answer: ({ id, status, reason, celsius }) => {
    const results = celsius === undefined ? [] : [{ name: "celsius", number: celsius }];
    return encode({ answer: { id, status: STATUSES[status], ...(reason !== undefined && { reason }), results } });
  },
  read: (written) =>
    typeof written === "string" ? undefined : wire.parse(toProgram.toObject(toProgram.decodeDelimited(written))),
};

const told = z.object({
  command: z
    .object({
      id: z.string(),
      name: z.string(),
      arguments: z.unknown(),
      deadlineMs: z.number(),
      ledgerId: z.string().optional(),
    })
    .optional(),
  answered: z.string().optional(),
  error: z.object({ code: z.string(), remedy: z.string() }).optional(),
});

function rig(form: Form) {
  const clock = new ManualClock();
  const { outbox } = openOutbox({
    file: join(temporaryFolder(), "outbox.db"),
    maxBytes: 1_000_000,
    clock,
    log: new MemoryLog(),
  });
  onTestFinished(() => outbox.close());
  const appender = new Appender({ outbox, clock, log: new MemoryLog(), holdBytes: 100_000, wake: () => undefined });
  const settings = programsConfig.parse({
    clients: [
      { name: "hvac", answers: ["precondition", "defrost"] },
      { name: "other", answers: ["precondition"] },
    ],
  });
  let ids = 0;
  const desk = new CommandDesk(settings.clients, () => `id-${++ids}`);
  const forms = new ProgramForms(() => readDescriptor("program"));
  const intake = new ProgramIntake({ settings, encoder: encoderOf(tableOf([])), appender, outbox, desk, forms, clock });
  const connect = (program = "hvac", answers: readonly string[] = ["precondition"]) => {
    const written: z.infer<typeof told>[] = [];
    const take = (frame: ProgramFrame) => written.push(told.parse(form.read(frame)));
    const session = intake.openFor()(take, (frame) => take(frame) > 0);
    session.take([form.name(program, answers)]);
    const commands = () => written.flatMap(({ command }) => command ?? []);
    const answer = (given: Answer) => {
      session.take([form.answer(given)]);
      return written.at(-1);
    };
    return { commands, answer, leave: () => session.end() };
  };
  const commands: ProgramCommands = desk;
  const ask = (change: Partial<ProgramCommand> = {}, signal = new AbortController().signal) =>
    commands.ask(programCommand(change), signal);
  return { desk, connect, ask, commands };
}

describe.each([
  ["lines", LINES],
  ["messages", MESSAGES],
])("commands to programs, over sessions that send %s", (_form, form) => {
  it("reach the program that registered the name, and no other of the same name", async () => {
    const { connect, ask, commands } = rig(form);
    const [hvac, other] = [connect(), connect("other")];
    const reply = ask({ ledgerId: "c-1" });
    expect([hvac.commands(), other.commands()]).toEqual([
      [{ id: "id-1", name: "precondition", arguments: { celsius: 21 }, deadlineMs: 5000, ledgerId: "c-1" }],
      [],
    ]);
    expect(other.answer({ id: "id-1", status: "succeeded" })).toMatchObject({ error: { code: "program.no-command" } });
    expect(hvac.answer({ id: "id-1", status: "succeeded", celsius: 19.5 })).toEqual({ answered: "id-1" });
    expect(await reply).toEqual({
      kind: "answered",
      answer: { status: "succeeded", reason: "", results: { celsius: 19.5 } },
    });
    expect(hvac.answer({ id: "id-1", status: "succeeded" })).toMatchObject({ error: { code: "program.no-command" } });
    expect([commands.absence("hvac", "precondition"), commands.absence("hvac", "defrost")]).toEqual([
      undefined,
      "hvac is connected, but does not answer defrost",
    ]);
  });

  it("say what became of them: failed, rejected, gone, late, unfit, ended, or never handed over", async () => {
    const { desk, connect, ask } = rig(form);
    expect(await ask()).toMatchObject({ kind: "absent" });
    const first = connect();
    const failed = ask();
    first.answer({ id: "id-1", status: "failed", reason: "ice" });
    const rejected = ask();
    first.answer({ id: "id-2", status: "rejected", reason: "window" });
    const unfit = ask({ problemWith: () => "too hot" });
    expect(first.answer({ id: "id-3", status: "succeeded", celsius: 90 })).toMatchObject({
      error: {
        code: "input.malformed",
        remedy: "give the results that the catalogue lists for this action; this command has failed",
      },
    });
    const abort = new AbortController();
    const late = ask({}, abort.signal);
    abort.abort();
    const gone = ask();
    first.leave();
    const second = connect();
    const ended = ask();
    desk.close();
    expect(await Promise.all([failed, rejected, unfit, late, gone, ended])).toMatchObject([
      { kind: "answered", answer: { status: "failed", reason: "ice", results: {} } },
      { kind: "answered", answer: { status: "rejected", reason: "window" } },
      { kind: "unfit", what: "too hot" },
      { kind: "late" },
      { kind: "gone" },
      { kind: "ended" },
    ]);
    expect(await ask()).toMatchObject({ kind: "absent" });
    expect([first, second].map((one) => one.commands().map(({ id }) => id))).toEqual([
      ["id-1", "id-2", "id-3", "id-4", "id-5"],
      ["id-6"],
    ]);
  });

  it("go to nobody who may not have them", async () => {
    const { connect, ask, commands } = rig(form);
    const greedy = connect("other", ["precondition", "defrost"]);
    expect([commands.absence("other", "precondition"), commands.problem("other", "defrost")]).toEqual([
      "other is not connected",
      "other may not answer defrost: add it to its answers in programs.clients",
    ]);
    expect(await ask({ program: "other" })).toMatchObject({ kind: "absent" });
    expect(greedy.commands()).toEqual([]);
  });
});
