import { z } from "zod";
import type { Action, Outcome } from "../action.ts";
import { type CommandRejection, rejected } from "../answer.ts";
import type { StateTemplates } from "../state-templates.ts";
import { alwaysSafe, invalidArguments } from "./prepare.ts";
import { lastSignals, type ReadSignalsParts } from "./read-signals.ts";

const CHANGE = {
  commandClass: "R1",
  keyRole: "commands",
  endsInRestart: false,
  uses: ["state templates"],
  timeoutMs: 1000,
} as const;

const id = z.string().min(1).max(256);
const template = z.union([id, z.array(id).min(1).max(100)]);
const namedArguments = z.strictObject({ template });
/** As many as a request in protobuf can give. */
const MAX_SECONDS = 4_294_967_295;
const activateArguments = z.union([
  z.strictObject({ template, seconds: z.int().min(1).max(MAX_SECONDS).optional() }),
  z.strictObject({
    template,
    minutes: z
      .int()
      .min(1)
      .max(Math.floor(MAX_SECONDS / 60)),
  }),
]);

/** `state.activate` {template, seconds or minutes}: a snapshot of a state template, or of several, and then what changes; without a time until it is deactivated. */
export function activateState(states: StateTemplates): Action {
  return {
    ...CHANGE,
    name: "state.activate",
    summary: "send a state template: a snapshot now, then its changes, until deactivated or for some time",
    prepare: (given) => {
      const parsed = activateArguments.safeParse(given);
      if (!parsed.success) return invalidArguments(parsed.error);
      const templates = listOf(parsed.data.template);
      const seconds = "minutes" in parsed.data ? parsed.data.minutes * 60 : parsed.data.seconds;
      return (
        unknownTemplate(states, templates) ??
        alwaysSafe(async () => {
          const code = states.activate(templates, seconds) ? "STATE_TEMPLATE_ALREADY_ACTIVATED" : undefined;
          return doneWith(code, "it was active, and begins again with the end that was asked for now");
        })
      );
    },
  };
}

/** `state.deactivate` {template}: a state template, or several, is sent no more. */
export function deactivateState(states: StateTemplates): Action {
  return {
    ...CHANGE,
    name: "state.deactivate",
    summary: "send a state template no more",
    prepare: (given) => {
      const parsed = namedArguments.safeParse(given);
      if (!parsed.success) return invalidArguments(parsed.error);
      const templates = listOf(parsed.data.template);
      return (
        unknownTemplate(states, templates) ??
        alwaysSafe(async () => {
          const code = states.deactivate(templates) ? "STATE_TEMPLATE_ALREADY_DEACTIVATED" : undefined;
          return doneWith(code, "it was not active");
        })
      );
    },
  };
}

/**
 * `state.fetch` {template}: the last known values of the signals of a state template, or of several, active or not. Those of templates that
 * are not of the catalogue go out in their own way.
 */
export function fetchState(states: StateTemplates, parts: ReadSignalsParts): Action {
  const last = lastSignals(parts);
  return {
    ...last,
    name: "state.fetch",
    summary: "last known values of the signals of a state template",
    prepare: (given) => {
      const parsed = namedArguments.safeParse(given);
      if (!parsed.success) return invalidArguments(parsed.error);
      const templates = listOf(parsed.data.template);
      const signals = new Set(templates.flatMap((one) => states.signalsOf(one) ?? []));
      const unknown = unknownTemplate(states, templates);
      if (unknown !== undefined) return unknown;
      const own = signals.size === 0 ? alwaysSafe(nothingElse) : last.prepare({ signals: [...signals] });
      if (own.kind !== "prepared") return own;
      return alwaysSafe((signal, tell) => {
        states.fetchOthers(templates);
        return own.run(signal, tell);
      });
    },
  };
}

async function nothingElse(): Promise<Outcome> {
  return { kind: "done", result: {} };
}

function listOf(given: z.infer<typeof template>): readonly string[] {
  return typeof given === "string" ? [given] : [...new Set(given)];
}

function unknownTemplate(states: StateTemplates, templates: readonly string[]): CommandRejection | undefined {
  const unknown = templates.find((one) => states.signalsOf(one) === undefined);
  return unknown === undefined
    ? undefined
    : rejected("STATE_TEMPLATE_OUT_OF_SYNC", `there is no state template ${unknown}`);
}

function doneWith(
  code: "STATE_TEMPLATE_ALREADY_ACTIVATED" | "STATE_TEMPLATE_ALREADY_DEACTIVATED" | undefined,
  description: string,
): Outcome {
  return code === undefined
    ? { kind: "done", result: {} }
    : { kind: "done", result: {}, reason: { code, description } };
}
