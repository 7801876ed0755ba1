import { z } from "zod";
import type {
  ClearCodesConfig,
  ConditionConfig,
  ControlOutputConfig,
  ResetEcuConfig,
  RoutineConfig,
} from "../../../config/catalogue.ts";
import type { EntryProblem } from "../../core/entry-problem.ts";
import type { ActEnd, ActGuard, ActingEcu, EcuAct, EcuDirectory, RoutineResult } from "../../diagnostics/ecu-acts.ts";
import { buildSafetyGate, type SafetyGate, type SafetyGateParts } from "../../vehicle/safety-gate.ts";
import type { Action, Outcome, PartialResult, Prepared } from "../action.ts";
import { type Answer, type CommandRejection, rejected } from "../answer.ts";
import type { BuiltAction } from "./actuate.ts";
import { invalidArguments } from "./prepare.ts";

/** For turns on the bus, and for one control unit to clear its codes, ms. */
const BUS_MARGIN_MS = 30_000;
const CLEAR_MS = 60_000;

/** An entry of the catalogue that changes something in a control unit. */
export type DiagnosisConfig = ClearCodesConfig | ResetEcuConfig | RoutineConfig | ControlOutputConfig;

export type DiagnoseParts = SafetyGateParts & {
  /** Undefined where the configuration has no diagnostics. */
  readonly ecus: EcuDirectory | undefined;
};

/**
 * An entry of the catalogue as an action of class R3 on control units: its condition is asked when the command comes, and again right
 * before the request that changes something. A command that comes while another uses the control unit waits for its turn.
 */
export function buildDiagnosis(config: DiagnosisConfig, parts: DiagnoseParts): BuiltAction {
  const gate = config.condition === undefined ? undefined : buildSafetyGate(config.condition, parts);
  if (gate?.kind === "unfit") {
    return unfit(gate.problems.map(({ path, problem }) => ({ path: ["condition", ...path], problem })));
  }
  return config.kind === "clear-codes" ? clearing(config, parts, gate?.gate) : acting(config, parts, gate?.gate);
}

function unfit(problems: readonly EntryProblem[]): BuiltAction {
  return { kind: "unfit", problems };
}

function action(built: Action): BuiltAction {
  return { kind: "action", action: built };
}

/** What all of them have in common. */
function common({ name, summary }: DiagnosisConfig, ecus: readonly string[]) {
  const uses = ecus.map((ecu) => `ecu:${ecu}`);
  return { name, summary, commandClass: "R3", keyRole: "commands", endsInRestart: false, uses, queues: true } as const;
}

function clearing(config: ClearCodesConfig, { ecus }: DiagnoseParts, gate: SafetyGate | undefined): BuiltAction {
  const found = config.ecus.map((name) => ecus?.find(name));
  const problems = found.flatMap((ecu, index) => {
    const problem = ecu === undefined ? unknownEcu(config.ecus[index], ecus) : clearProblem(ecu);
    return problem === undefined ? [] : [{ path: ["ecus", index], problem }];
  });
  if (problems.length > 0) return unfit(problems);
  const known = new Map(found.flatMap((ecu) => (ecu === undefined ? [] : [[ecu.name, ecu]])));
  return action({
    ...common(config, config.ecus),
    timeoutMs: BUS_MARGIN_MS + config.ecus.length * CLEAR_MS,
    prepare: (given) => {
      const parsed = clearArguments.safeParse(given);
      if (!parsed.success) return invalidArguments(parsed.error);
      const wanted = parsed.data.ecus ?? config.ecus;
      const missing = wanted.find((name) => !known.has(name));
      if (missing !== undefined) {
        return rejected("ARGUMENT_OUT_OF_RANGE", `${missing}: this action clears ${config.ecus.join(", ")}`);
      }
      const chosen = wanted.flatMap((name) => known.get(name) ?? []);
      return guarded(gate, (guard, signal, tell) =>
        clearAll({ ecus: chosen, group: config.group, guard, tell }, signal),
      );
    },
  });
}

const clearArguments = z.strictObject({ ecus: z.array(z.string()).min(1).max(64).optional() });

function clearProblem({ name, clearCodes }: ActingEcu): string | undefined {
  return clearCodes === undefined ? `${name} has no service that clears codes` : undefined;
}

function unknownEcu(name: string | undefined, ecus: EcuDirectory | undefined): string {
  if (ecus === undefined) return "the configuration has no diagnostics";
  const known = ecus.names();
  return `there is no control unit ${name}${known.length === 0 ? "" : `; known: ${known.join(", ")}`}`;
}

type ClearParts = {
  readonly ecus: readonly ActingEcu[];
  readonly group: number;
  readonly guard: ActGuard;
  readonly tell: (part: PartialResult) => void;
};

/** One after the other; one that does not clear leaves the others to be cleared. It has failed where one did not. */
async function clearAll({ ecus, group, guard, tell }: ClearParts, signal: AbortSignal): Promise<Outcome> {
  const result: Record<string, string> = {};
  const ends: ActEnd<undefined>[] = [];
  for (const [index, ecu] of ecus.entries()) {
    const end = (await ecu.clearCodes?.(group, guard, signal)) ?? { kind: "refused", what: "has no such service" };
    ends.push(end);
    const value = JSON.stringify(end.kind === "done" ? { status: "cleared" } : { problem: end.what });
    result[ecu.name] = value;
    tell({ name: ecu.name, value, index, total: ecus.length });
    // Nothing else will be let out now either.
    if (end.kind === "withheld") break;
  }
  const failed = ends.find(({ kind }) => kind !== "done");
  if (failed === undefined) return { kind: "done", result };
  const isNothingDone = ends.every(({ kind }) => kind === "withheld" || kind === "refused");
  return isNothingDone ? outcomeOf(failed, () => result) : failedAfter(failed, result);
}

function failedAfter(end: ActEnd<undefined>, result: Answer["result"]): Outcome {
  const description = end.kind === "done" ? "" : end.what;
  return { kind: "failed", code: "NO_RESPONSE", description, result };
}

function acting(
  config: ResetEcuConfig | RoutineConfig | ControlOutputConfig,
  { ecus }: DiagnoseParts,
  gate: SafetyGate | undefined,
): BuiltAction {
  const ecu = ecus?.find(config.ecu);
  if (ecu === undefined) return unfit([{ path: ["ecu"], problem: unknownEcu(config.ecu, ecus) }]);
  switch (config.kind) {
    case "reset-ecu":
      return actionOf(config, gate, { act: ecu.reset(config.reset), key: "reset", resultOf: () => ({}) });
    case "routine":
      return actionOf(config, gate, { act: ecu.routine(config.routine), key: "routine", resultOf: routineResult });
    case "control-output": {
      const act = ecu.output(config.output, config.holdMs);
      return actionOf(config, gate, { act, key: "output", resultOf: () => ({}) });
    }
  }
}

function routineResult({ values, verdict }: RoutineResult): Answer["result"] {
  const result = JSON.stringify(values);
  return verdict === undefined ? { result } : { result, verdict };
}

type ActParts<T> = {
  readonly act: EcuAct<T> | undefined;
  /** The setting that names it. */
  readonly key: string;
  readonly resultOf: (value: T) => Answer["result"];
};

function actionOf<T>(
  config: (ResetEcuConfig | RoutineConfig | ControlOutputConfig) & { readonly condition?: ConditionConfig | undefined },
  gate: SafetyGate | undefined,
  { act, key, resultOf }: ActParts<T>,
): BuiltAction {
  if (act === undefined) {
    return unfit([{ path: [key], problem: `${config.ecu} has no such ${key} in diagnostics.catalogueFile` }]);
  }
  if (gate === undefined && act.safety !== "inert") {
    return unfit([
      { path: ["condition"], problem: `is needed, as the class of ${config.ecu}'s ${key} is ${act.safety}` },
    ]);
  }
  return action({
    ...common(config, [config.ecu]),
    timeoutMs: BUS_MARGIN_MS + act.longestMs,
    prepare: (given) => {
      if (act.safety === "service-only") {
        return rejected("SERVICE_ONLY", `${config.name} is for someone at the vehicle alone (class service-only)`);
      }
      const prepared = act.prepare(given);
      if (prepared.kind === "unfit") return rejected("ARGUMENT_OUT_OF_RANGE", prepared.problem);
      return guarded(gate, async (guard, signal) => outcomeOf(await prepared.run(guard, signal), resultOf));
    },
  });
}

/** An act behind its condition, which is looked at when the command comes and again by the guard. */
function guarded(
  gate: SafetyGate | undefined,
  run: (guard: ActGuard, signal: AbortSignal, tell: (part: PartialResult) => void) => Promise<Outcome>,
): Prepared {
  return {
    kind: "prepared",
    unsafe: () => standsAgainst(gate),
    run: async (signal, tell) => {
      let last: CommandRejection | undefined;
      const guard = (): string | undefined => {
        last = standsAgainst(gate);
        return last?.description;
      };
      const outcome = await run(guard, signal, tell);
      // Withheld for the condition of this action: whoever asked is told so as if it had been refused at once.
      return outcome.kind === "rejected" && last !== undefined ? last : outcome;
    },
  };
}

function standsAgainst(gate: SafetyGate | undefined): CommandRejection | undefined {
  const state = gate?.look();
  if (state === undefined || state.kind === "open") return undefined;
  return rejected(state.why === "unknown" ? "VEHICLE_STATE_UNKNOWN" : "PRECONDITION_FAILED", state.what);
}

function outcomeOf<T>(end: ActEnd<T>, resultOf: (value: T) => Answer["result"]): Outcome {
  switch (end.kind) {
    case "done":
      return { kind: "done", result: resultOf(end.value) };
    case "withheld":
      return rejected(end.reason === "condition" ? "PRECONDITION_FAILED" : "UNAVAILABLE", end.what);
    case "refused":
      return { kind: "failed", code: "WRITE_FAILED", description: end.what };
    case "failed":
      return { kind: "failed", code: "NO_RESPONSE", description: end.what };
  }
}
