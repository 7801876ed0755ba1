import type { InstallEffect } from "../ports/update.ts";
import type { UpdateRecord } from "./update-record.ts";
import type { GivenUpFor, UpdateFailure, UpdateStep } from "./update-state.ts";

/** Steps that do something. */
export type WorkStep = Exclude<UpdateStep, "done" | "failed">;

/** Why the update is given up. */
export type Failed<R extends UpdateFailure> = { readonly kind: "failed"; readonly reason: R; readonly detail: string };

/** How a step's work ended. A step gives an update up only for what the table of states lists for it. */
export type StepOutcome<S extends WorkStep = WorkStep> =
  /** It is done. `effect`: what must start anew before the next step can work. */
  | { readonly kind: "finished"; readonly effect: InstallEffect }
  /** It cannot work before the system has been started anew. */
  | { readonly kind: "postponed" }
  | Failed<GivenUpFor<S>>
  /** It failed, and is tried again: nothing else can be done. */
  | { readonly kind: "unfinished"; readonly detail: string }
  /** It was told to, and goes on with the next start. */
  | { readonly kind: "stopped" };

/** What each step does. May be repeated after a crash at any moment; never rejects but for a bug. */
export type UpdateSteps = {
  readonly [S in WorkStep]: (record: UpdateRecord, signal: AbortSignal) => Promise<StepOutcome<S>>;
};

/** The step is done, and nothing must start anew for the next one. */
export const FINISHED = { kind: "finished", effect: "at-once" } as const;
/** The step goes on with the next start. */
export const STOPPED = { kind: "stopped" } as const;

/** The update is given up. */
export function failed<R extends UpdateFailure>(reason: R, detail: string): Failed<R> {
  return { kind: "failed", reason, detail };
}
