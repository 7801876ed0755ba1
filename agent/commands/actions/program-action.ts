import { z } from "zod";
import type { ProgramActionConfig } from "../../../config/catalogue.ts";
import type { ProgramValues } from "../../../config/program-values.ts";
import { issueText } from "../../core/issue-text.ts";
import { plainText } from "../../core/plain-text.ts";
import type { ProgramAnswer, ProgramCommands, ProgramReply, ProgramScalar } from "../../ports/program-commands.ts";
import { buildSafetyGate, type SafetyGate, type SafetyGateParts } from "../../vehicle/safety-gate.ts";
import type { Outcome } from "../action.ts";
import { type Answer, type CommandRejection, rejected } from "../answer.ts";
import type { BuiltAction } from "./actuate.ts";
import { invalidArguments } from "./prepare.ts";

/** For what comes before and after the program, ms. */
const MARGIN_MS = 1000;

export type ProgramActionParts = SafetyGateParts & {
  /** Undefined where the configuration has no programs. */
  readonly programs: ProgramCommands | undefined;
};

type Scalars = Readonly<Record<string, ProgramScalar | undefined>>;
type ValuesSchema = z.ZodType<Scalars>;

/** What an entry of the catalogue is done with. */
type ProgramAct = {
  readonly config: ProgramActionConfig;
  readonly programs: ProgramCommands;
  readonly gate: SafetyGate | undefined;
  readonly problemWith: (answer: ProgramAnswer) => string | undefined;
  readonly clock: SafetyGateParts["clock"];
};

/** An entry of the catalogue as an action that another program does: handed over once, right after the condition held. */
export function buildProgramAction(config: ProgramActionConfig, parts: ProgramActionParts): BuiltAction {
  const { programs, clock } = parts;
  if (programs === undefined) return unfit("program", "the configuration has no section programs");
  const problem = programs.problem(config.program, config.command);
  if (problem !== undefined) return unfit("program", problem);
  const gate = config.condition === undefined ? undefined : buildSafetyGate(config.condition, parts);
  if (gate?.kind === "unfit") {
    return {
      kind: "unfit",
      problems: gate.problems.map(({ path, problem }) => ({ path: ["condition", ...path], problem })),
    };
  }
  const given = schemaOf(config.arguments, true);
  const act = { config, programs, gate: gate?.gate, problemWith: answerCheck(config), clock };
  return {
    kind: "action",
    action: {
      name: config.name,
      summary: config.summary,
      commandClass: config.class,
      keyRole: "commands",
      endsInRestart: false,
      uses: [`program:${config.program}/${config.command}`],
      awaits: () => programs.isAwaited(config.program, config.command),
      timeoutMs: config.timeoutMs + MARGIN_MS,
      prepare: (values, ledgerId) => {
        const read = given.safeParse(values);
        if (!read.success) return unfitArguments(read.error);
        return {
          kind: "prepared",
          unsafe: () => unsafeNow(act),
          run: (signal) => ask(act, { values: read.data, ledgerId }, signal),
        };
      },
    },
  };
}

function unfit(setting: string, problem: string): BuiltAction {
  return { kind: "unfit", problems: [{ path: [setting], problem }] };
}

function unsafeNow({ gate, programs, config }: ProgramAct): CommandRejection | undefined {
  const shut = gate?.check();
  if (shut !== undefined) return rejected("PRECONDITION_FAILED", shut);
  const absence = programs.absence(config.program, config.command);
  return absence === undefined ? undefined : rejected("UNAVAILABLE", absence);
}

async function ask(
  act: ProgramAct,
  { values, ledgerId }: { readonly values: Scalars; readonly ledgerId: string | undefined },
  signal: AbortSignal,
): Promise<Outcome> {
  const { config, programs, problemWith, clock } = act;
  if (signal.aborted) return rejected("INTERRUPTED", "the agent is ending, or its time is over");
  const stop = unsafeNow(act);
  if (stop !== undefined) return stop;
  const { program, command: name, timeoutMs: deadlineMs } = config;
  const [late, ended] = [new AbortController(), new AbortController()];
  void clock.sleep(deadlineMs, ended.signal).then(() => late.abort());
  const command = { program, name, ledgerId, arguments: present(values), deadlineMs, problemWith };
  const reply = await programs.ask(command, AbortSignal.any([signal, late.signal]));
  ended.abort();
  return outcomeOf(config, reply, signal);
}

/** Where `signal` has not aborted, the program was late. */
function outcomeOf(config: ProgramActionConfig, reply: ProgramReply, signal: AbortSignal): Outcome {
  const { program, timeoutMs } = config;
  switch (reply.kind) {
    case "absent":
      return rejected("UNAVAILABLE", reply.what);
    case "gone":
      return failed("PROGRAM_GONE", `${program} went away with the command; ${UNKNOWN_END}`);
    case "ended":
      return failed("INTERRUPTED", `the agent ends while ${program} has the command; ${UNKNOWN_END}`);
    case "unfit":
      return failed("PROGRAM_ANSWER_INVALID", `answer of ${program}: ${reply.what}; ${UNKNOWN_END}`);
    case "late":
      return signal.aborted
        ? failed("INTERRUPTED", `the agent ends, or whoever asked has gone, while ${program} has it; ${UNKNOWN_END}`)
        : failed("NO_RESPONSE", `${program} did not answer within ${timeoutMs} ms; ${UNKNOWN_END}`);
    case "answered":
      return outcomeOfAnswer(config, reply.answer);
  }
}

const UNKNOWN_END = "it may have been done, and is not done again";

function failed(code: "PROGRAM_GONE" | "INTERRUPTED" | "PROGRAM_ANSWER_INVALID" | "NO_RESPONSE", description: string) {
  return { kind: "failed", code, description } as const;
}

function outcomeOfAnswer({ program }: ProgramActionConfig, { status, reason, results }: ProgramAnswer): Outcome {
  const description = `${program}: ${reason === "" ? "it gave no reason" : reason}`;
  switch (status) {
    case "succeeded":
      return { kind: "done", result: resultOf(results) };
    case "rejected":
      return rejected("PROGRAM_REFUSED", description);
    case "failed":
      return { kind: "failed", code: "PROGRAM_FAILED", description, result: resultOf(results) };
  }
}

/** As AWS IoT Commands carry it: texts and truth values, no control characters. */
function resultOf(results: ProgramAnswer["results"]): Answer["result"] {
  const entries = Object.entries(results).map(
    ([name, value]) => [name, typeof value === "boolean" ? value : plainText(String(value), MAX_RESULT)] as const,
  );
  return Object.fromEntries(entries);
}

/** Longer than any text that a catalogue allows, characters. */
const MAX_RESULT = 1024;

/** Results that must be there are asked for where it succeeded; all must be known to the catalogue. */
function answerCheck({ results }: ProgramActionConfig): ProgramAct["problemWith"] {
  const whole = z.strictObject({ results: schemaOf(results, true) });
  const part = z.strictObject({ results: schemaOf(results, false) });
  return (answer) => {
    const read = (answer.status === "succeeded" ? whole : part).safeParse({ results: answer.results });
    return read.success ? undefined : issueText(read.error);
  };
}

/** `isWhole`: what must be there is asked for. */
function schemaOf(values: ProgramValues, isWhole: boolean): ValuesSchema {
  const fields = Object.entries(values).map(([name, value]) => {
    const field = fieldOf(value);
    return [name, value.required && isWhole ? field : field.optional()] as const;
  });
  return z.strictObject(Object.fromEntries(fields));
}

function fieldOf(value: ProgramValues[string]): z.ZodType<ProgramScalar> {
  switch (value.type) {
    case "number":
      return z.number().min(value.minimum).max(value.maximum);
    case "integer":
      return z.int().min(value.minimum).max(value.maximum);
    case "boolean":
      return z.boolean();
    case "text":
      return value.oneOf === undefined ? z.string().min(1).max(value.maxLength) : z.enum(value.oneOf);
  }
}

function unfitArguments(error: z.ZodError): CommandRejection {
  const kind = error.issues[0]?.code;
  const isOfRange = kind === "too_small" || kind === "too_big" || kind === "invalid_value";
  return isOfRange ? rejected("ARGUMENT_OUT_OF_RANGE", issueText(error)) : invalidArguments(error);
}

function present(given: Scalars): Readonly<Record<string, ProgramScalar>> {
  const entries = Object.entries(given).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return Object.fromEntries(entries);
}
