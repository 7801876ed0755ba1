import { z } from "zod";
import { issueText } from "../../core/issue-text.ts";
import type { Journal } from "../../ports/journal.ts";
import type { ProgramEnd, RunProgram } from "../../ports/update.ts";
import { ExecutionMemory } from "../execution-memory.ts";
import { ended, type JobHandler, type JobOutcome } from "../job.ts";

const action = z.object({
  name: z.string().min(1).max(128),
  type: z.string(),
  input: z.object({
    handler: z.string().optional(),
    args: z.array(z.string().max(1024)).max(32).default([]),
    path: z.string().optional(),
  }),
  ignoreStepFailure: z.enum(["true", "false"]).default("false"),
  allowStdErr: z.int().min(0).optional(),
});

/** The form of AWS's managed templates and of the AWS IoT Device Client. Which user runs a step is the vehicle's matter: `runAsUser` is not obeyed. */
const stepsDocument = z.object({
  version: z.literal("1.0"),
  includeStdOut: z.boolean().default(false),
  steps: z.array(z.object({ action })).min(1).max(32),
  finalStep: z.object({ action }).optional(),
});

/** The step that was begun last. */
const begun = z.object({ step: z.string() });

/** A program that jobs may run: the vehicle's own list. `arguments` are regular expressions, one for each argument in order. */
export type ListedHandler = {
  readonly name: string;
  readonly program: string;
  readonly arguments: readonly string[];
  readonly timeoutSeconds: number;
};

export type StepsJobParts = {
  readonly handlers: readonly ListedHandler[];
  readonly run: RunProgram;
  readonly journal: Pick<Journal, "get" | "put">;
};

type ProgramStep = {
  readonly name: string;
  readonly handler: ListedHandler;
  readonly args: readonly string[];
  readonly mayFail: boolean;
  readonly allowedErrorLines: number | undefined;
};

/**
 * The handler of documents with `steps`. All steps are checked against the vehicle's list before the first one runs. A step is in the
 * journal before it runs: after a restart in between nobody knows whether it has acted, so that it is not run again and the job fails.
 */
export function stepsJob(parts: StepsJobParts): JobHandler {
  const memory = new ExecutionMemory(parts.journal, "steps", begun);
  return async (document, job, signal) => {
    const plan = checkedSteps(document, parts.handlers);
    if (plan.kind === "rejected") return ended("REJECTED", plan.reason);
    const earlier = memory.of(job);
    if (earlier !== undefined) return failed(earlier.step, "indeterminate: the agent ended while it ran");
    const either = AbortSignal.any([signal, job.withdrawn]);
    let output = "";
    for (const step of plan.steps) {
      job.report({ phase: "steps", step: step.name });
      memory.remember(job, { step: step.name });
      const end = await parts.run(step.handler.program, step.args, step.handler.timeoutSeconds * 1000, either);
      if (signal.aborted) return "stopped";
      const problem = problemOf(end, step);
      if (end.kind === "exited") output = end.stdout;
      if (problem !== undefined && !step.mayFail) return failed(step.name, problem, end);
    }
    return { status: "SUCCEEDED", details: plan.showsOutput ? { stdout: output } : {} };
  };
}

/** Why a document with steps would not be taken; undefined for one that would. */
export function problemOfSteps(document: unknown, handlers: readonly ListedHandler[]): string | undefined {
  const plan = checkedSteps(document, handlers);
  return plan.kind === "rejected" ? plan.reason : undefined;
}

type CheckedSteps =
  | { readonly kind: "plan"; readonly steps: readonly ProgramStep[]; readonly showsOutput: boolean }
  | { readonly kind: "rejected"; readonly reason: string };

function checkedSteps(document: unknown, handlers: readonly ListedHandler[]): CheckedSteps {
  const parsed = stepsDocument.safeParse(document);
  if (!parsed.success) return { kind: "rejected", reason: `malformed: ${issueText(parsed.error)}` };
  const { steps, finalStep, includeStdOut } = parsed.data;
  const planned: ProgramStep[] = [];
  for (const given of [...steps, ...(finalStep === undefined ? [] : [finalStep])]) {
    const step = stepOf(given.action, handlers);
    if (typeof step === "string") return { kind: "rejected", reason: `unsafe: step ${given.action.name}: ${step}` };
    planned.push(step);
  }
  return { kind: "plan", steps: planned, showsOutput: includeStdOut };
}

/** The step as it may be run, or why not. */
function stepOf(given: z.infer<typeof action>, handlers: readonly ListedHandler[]): ProgramStep | string {
  const { name, type, input, ignoreStepFailure, allowStdErr } = given;
  if (type !== "runHandler") return `${type} is not taken, only handlers of the vehicle's list`;
  if (input.path !== undefined && !["", "default"].includes(input.path)) return "a job may name no path";
  const handler = handlers.find((listed) => listed.name === input.handler);
  if (handler === undefined) return `handler ${input.handler} is not on the vehicle's list`;
  if (input.args.length !== handler.arguments.length) {
    return `${handler.name} takes ${handler.arguments.length} arguments, not ${input.args.length}`;
  }
  const wrong = input.args.findIndex((arg, at) => !new RegExp(`^(?:${handler.arguments[at]})$`, "u").test(arg));
  if (wrong >= 0) return `argument ${wrong + 1} of ${handler.name} is not what the list allows`;
  return { name, handler, args: input.args, mayFail: ignoreStepFailure === "true", allowedErrorLines: allowStdErr };
}

function problemOf(end: ProgramEnd, { allowedErrorLines }: ProgramStep): string | undefined {
  switch (end.kind) {
    case "exited":
      if (end.code !== 0) return `ended with ${end.code}`;
      return allowedErrorLines !== undefined && end.errorLines > allowedErrorLines
        ? `${end.errorLines} lines on stderr, at most ${allowedErrorLines}`
        : undefined;
    case "timed-out":
      return "took too long";
    case "not-run":
      return end.detail;
    case "stopped":
      return "stopped";
  }
}

function failed(step: string, problem: string, end?: ProgramEnd): JobOutcome {
  const stderr = end?.kind === "exited" ? end.stderr : "";
  return { status: "FAILED", details: { reason: `step ${step}: ${problem}`, stderr } };
}
