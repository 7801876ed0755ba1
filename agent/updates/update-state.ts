import type { InstallEffect } from "../ports/update.ts";

/**
 * Where an update is. "wait": for the gate; "activate": the new version is made the one that starts; "health-check": it runs and must show that
 * it is healthy; "done" and "failed" are the ends. In "failed" the old version runs.
 */
export const UPDATE_STEPS = [
  "download",
  "verify",
  "wait",
  "install",
  "activate",
  "health-check",
  "commit",
  "done",
  "rollback",
  "failed",
] as const;
export type UpdateStep = (typeof UPDATE_STEPS)[number];

/** Why an update did not become the new version; the words that the cloud and the CLI see. */
export const UPDATE_FAILURES = [
  "download-failed",
  "tampered",
  "refused",
  "no-space",
  "install-failed",
  "hook-failed",
  "unhealthy",
  "supervisor-rolled-back",
  "start-limit",
  "cancelled",
  "timed-out",
] as const;
export type UpdateFailure = (typeof UPDATE_FAILURES)[number];

/** What is remembered of an update; persisted whole before each step acts. */
export type UpdateState = {
  readonly step: UpdateStep;
  /** Starts of the process since the step began that nobody asked for and that may be the fault of what the step does. */
  readonly starts: number;
  /** What must come before the step can work: the end of a switch or of a rollback asks for it. The next start is then part of the plan. */
  readonly awaits: InstallEffect;
  /** Set on the way to "failed". `detail` is for people. */
  readonly failure?: { readonly reason: UpdateFailure; readonly detail: string } | undefined;
};

/** What can happen to an update. */
export type UpdateEvent =
  /** The step's work is done. `effect`: what must start anew before the next step can work. */
  | { readonly kind: "finished"; readonly effect: InstallEffect }
  /** The step cannot work before the system has been started anew. */
  | { readonly kind: "postponed" }
  | { readonly kind: "failed"; readonly reason: UpdateFailure; readonly detail: string }
  /** The process has started and found the state. */
  | { readonly kind: "started" };

/** The state of a new update. */
export const FIRST_STATE: UpdateState = { step: "download", starts: 0, awaits: "at-once" };

/**
 * A step that is begun this often without coming to its end is given up: the new version has three starts to prove itself, as the
 * supervisor sees it. What unpacks and switches may be ended by the vehicle's ignition, and has more of them, to end a loop all the
 * same. A start while it is downloaded, verified or waited for is the vehicle's own affair; it has no say there.
 */
const MAX_STARTS: Readonly<Partial<Record<UpdateStep, number>>> = { install: 10, activate: 10, "health-check": 3 };

/**
 * The whole machine: what follows a step that is finished, and one that failed. What has touched the installed version goes back
 * first; a rollback that failed is tried again, for there is nothing else to do.
 */
export const UPDATE_TABLE: Readonly<
  Record<UpdateStep, { readonly finished: UpdateStep; readonly failed: UpdateStep }>
> = {
  download: { finished: "verify", failed: "failed" },
  verify: { finished: "wait", failed: "failed" },
  wait: { finished: "install", failed: "failed" },
  install: { finished: "activate", failed: "rollback" },
  activate: { finished: "health-check", failed: "rollback" },
  "health-check": { finished: "commit", failed: "rollback" },
  // What is proven is kept, unless the supervisor has put the old version back before the trial could be ended.
  commit: { finished: "done", failed: "rollback" },
  rollback: { finished: "failed", failed: "rollback" },
  done: { finished: "done", failed: "done" },
  failed: { finished: "failed", failed: "failed" },
};

/** The state after an event. */
export function advance(state: UpdateState, event: UpdateEvent): UpdateState {
  switch (event.kind) {
    case "finished":
      return enter(state, UPDATE_TABLE[state.step].finished, event.effect, state.failure);
    case "postponed":
      return { ...state, starts: 0, awaits: "reboot" };
    case "failed":
      return fail(state, { reason: event.reason, detail: event.detail });
    case "started":
      return started(state);
  }
}

/** Whether it has ended. */
export function isOver({ step }: Pick<UpdateState, "step">): boolean {
  return step === "done" || step === "failed";
}

/** Whether it can be given up: what is proven is kept, and what goes back does so already. */
export function isCancellable({ step }: Pick<UpdateState, "step">): boolean {
  return !isOver({ step }) && step !== "commit" && step !== "rollback";
}

/** Whether another update may begin: the system runs what the last one has come to. */
export function isSettled(state: UpdateState): boolean {
  return isOver(state) && state.awaits !== "reboot";
}

function enter(
  state: UpdateState,
  step: UpdateStep,
  awaits: InstallEffect,
  failure: UpdateState["failure"],
): UpdateState {
  if (step === state.step) return { ...state, awaits };
  return { step, starts: 0, awaits, ...(failure === undefined ? {} : { failure }) };
}

/** The first reason is the one that counts: what fails on the way back is not why it went back. */
function fail(state: UpdateState, failure: NonNullable<UpdateState["failure"]>): UpdateState {
  const next = UPDATE_TABLE[state.step].failed;
  const isKept = state.step === "commit" && failure.reason !== "supervisor-rolled-back";
  if (next === state.step || isKept) return state;
  return enter(state, next, "at-once", state.failure ?? failure);
}

/** A start that was asked for is part of the plan. Any other may be the fault of what the step does: it is counted. */
function started(state: UpdateState): UpdateState {
  if (isOver(state) || state.awaits !== "at-once") return { ...state, awaits: "at-once" };
  const most = MAX_STARTS[state.step];
  if (most === undefined) return state;
  const starts = state.starts + 1;
  if (starts < most) return { ...state, starts };
  return fail({ ...state, starts }, { reason: "start-limit", detail: `${starts} starts during ${state.step}` });
}
