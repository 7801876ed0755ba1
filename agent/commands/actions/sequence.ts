import type { SequenceConfig } from "../../../config/catalogue.ts";
import type { Clock } from "../../core/clock.ts";
import type { EntryProblem } from "../../core/entry-problem.ts";
import type { Action, Outcome, Prepared } from "../action.ts";
import { rejected } from "../answer.ts";
import type { BuiltAction } from "./actuate.ts";

type SequenceStep =
  | { readonly kind: "act"; readonly name: string; readonly prepared: Prepared; readonly timeoutMs: number }
  | { readonly kind: "pause"; readonly ms: number };

/**
 * Actions of the catalogue one after the other, as one action of class R3. Each step's own condition counts when it comes; the first
 * step that does not succeed ends the sequence.
 */
export function buildSequence(config: SequenceConfig, known: ReadonlyMap<string, Action>, clock: Clock): BuiltAction {
  const steps: SequenceStep[] = [];
  const uses = new Set<string>();
  const actions: Action[] = [];
  for (const [index, step] of config.steps.entries()) {
    if ("pauseMs" in step) {
      steps.push({ kind: "pause", ms: step.pauseMs });
      continue;
    }
    const action = known.get(step.action);
    if (action === undefined) return unfit(["steps", index, "action"], `no entry before it is named ${step.action}`);
    actions.push(action);
    for (const one of action.uses) uses.add(one);
    const prepared = action.prepare(step.arguments);
    if (prepared.kind === "rejected") return unfit(["steps", index, "arguments"], prepared.description);
    steps.push({ kind: "act", name: step.action, prepared, timeoutMs: action.timeoutMs });
  }
  const acts = steps.filter((step) => step.kind === "act");
  const prepared: Prepared = {
    kind: "prepared",
    unsafe: () => acts[0]?.prepared.unsafe(),
    run: (signal, tell) => runSteps(steps, clock, signal, tell),
  };
  return {
    kind: "action",
    action: {
      name: config.name,
      summary: config.summary,
      commandClass: "R3",
      keyRole: "commands",
      endsInRestart: false,
      uses: [...uses],
      awaits: () => actions.some((action) => action.awaits?.() === true),
      timeoutMs: steps.reduce((sum, step) => sum + (step.kind === "pause" ? step.ms : step.timeoutMs), 0),
      prepare: (given) =>
        Object.keys(given).length === 0
          ? prepared
          : rejected("ARGUMENT_TYPE_MISMATCH", "a sequence takes no arguments"),
    },
  };
}

function unfit(path: EntryProblem["path"], problem: string): BuiltAction {
  return { kind: "unfit", problems: [{ path, problem }] };
}

async function runSteps(
  steps: readonly SequenceStep[],
  clock: Clock,
  signal: AbortSignal,
  tell: Parameters<Prepared["run"]>[1],
): Promise<Outcome> {
  let done = 0;
  for (const step of steps) {
    if (step.kind === "pause") {
      await clock.sleep(step.ms, signal);
      continue;
    }
    const outcome = await step.prepared.run(signal, tell);
    if (outcome.kind === "rejected" && done === 0) return outcome;
    if (outcome.kind === "rejected" || outcome.kind === "failed") {
      return {
        kind: "failed",
        code: outcome.code,
        description: `${step.name} after ${done} steps: ${outcome.description}`,
      };
    }
    done += 1;
  }
  return { kind: "done", result: { steps: String(done) } };
}
