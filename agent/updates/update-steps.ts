import type { UpdateSteps } from "./step-outcome.ts";
import type { StepContext, UpdateStepParts } from "./step-parts.ts";
import { activate } from "./steps/activate.ts";
import { commit } from "./steps/commit.ts";
import { download } from "./steps/download.ts";
import { checkHealth } from "./steps/health-check.ts";
import { install } from "./steps/install.ts";
import { rollback } from "./steps/rollback.ts";
import { verify } from "./steps/verify.ts";
import { wait, waitUntilStartAllowed } from "./steps/wait.ts";
import type { UpdateProgress } from "./update-progress.ts";
import type { UpdateState } from "./update-state.ts";

/** The steps of an update in the table's order, what can be seen of the one that works, and the wait before something starts anew: false when it was stopped first. */
export function createUpdateSteps(parts: UpdateStepParts): {
  readonly steps: UpdateSteps;
  readonly progress: UpdateProgress;
  readonly untilStart: (state: UpdateState, signal: AbortSignal) => Promise<boolean>;
} {
  const progress: UpdateProgress = { bytes: 0, totalBytes: 0, waitingFor: undefined };
  const context: StepContext = { ...parts, progress };
  const steps: UpdateSteps = {
    download: (record, signal) => download(record, context, signal),
    verify: (record) => verify(record, context),
    wait: (record, signal) => wait(record, context, signal),
    install: (record, signal) => install(record, context, signal),
    activate: (record, signal) => activate(record, context, signal),
    "health-check": (record, signal) => checkHealth(record, context, signal),
    commit: (record) => commit(record, context),
    rollback: (record) => rollback(record, context),
  };
  return { steps, progress, untilStart: (state, signal) => waitUntilStartAllowed(state, context, signal) };
}
