import type { InstallEffect } from "../ports/update.ts";

/**
 * Where an update is. "wait": for the gate; "activate": the new version is made the one that starts; "health-check": it runs and must
 * show that it is healthy; "done" and "failed" are the ends. In "failed" the old version runs.
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
  "rejected",
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
  /** What must come before the step can work: the end of an activation or of a rollback asks for it. The next start is then part of the plan. */
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
  /** There is a reason to give the update up. */
  | { readonly kind: "failed"; readonly reason: UpdateFailure; readonly detail: string }
  /** The process has started and found the state. */
  | { readonly kind: "started" };

/** The state of a new update. */
export const FIRST_STATE: UpdateState = { step: "download", starts: 0, awaits: "at-once" };

type Row = {
  /** What follows when the step's work is done. */
  readonly finished: UpdateStep;
  /** What follows when the update is given up in this step. */
  readonly failed: UpdateStep;
  /** What the update is given up for in this step; nothing else ends it here. */
  readonly givesUpFor: readonly UpdateFailure[];
  /** A step that is begun this often without coming to its end is given up with "start-limit". */
  readonly maxStarts?: number;
};

/** Whoever asked for the update takes it back: the cloud, a technician, or the job's own timer. */
const WITHDRAWN = ["cancelled", "timed-out"] as const;

/**
 * The whole machine: what each step (steps/) leads to, and what an update is given up for in it. What has touched the installed version
 * goes back first. What is healthy is kept: a commit that fails is tried again, unless the supervisor has put the old version back
 * before it. A rollback that fails is tried again too, for there is nothing else to do.
 *
 * The new version has three starts to become healthy, as the supervisor sees it. What unpacks and activates may be ended by the
 * vehicle's ignition, and has more of them, to end a loop all the same. A start while it is downloaded, verified or waited for is the
 * vehicle's own affair; the update has no say there.
 */
export const UPDATE_TABLE = {
  download: {
    finished: "verify",
    failed: "failed",
    givesUpFor: [...WITHDRAWN, "download-failed", "tampered", "no-space"],
  },
  verify: { finished: "wait", failed: "failed", givesUpFor: [...WITHDRAWN, "rejected", "tampered"] },
  wait: { finished: "install", failed: "failed", givesUpFor: WITHDRAWN },
  install: {
    finished: "activate",
    failed: "rollback",
    givesUpFor: [...WITHDRAWN, "hook-failed", "install-failed", "start-limit"],
    maxStarts: 10,
  },
  activate: {
    finished: "health-check",
    failed: "rollback",
    givesUpFor: [...WITHDRAWN, "supervisor-rolled-back", "install-failed", "start-limit"],
    maxStarts: 10,
  },
  "health-check": {
    finished: "commit",
    failed: "rollback",
    givesUpFor: [...WITHDRAWN, "supervisor-rolled-back", "unhealthy", "hook-failed", "install-failed", "start-limit"],
    maxStarts: 3,
  },
  commit: { finished: "done", failed: "rollback", givesUpFor: ["supervisor-rolled-back"] },
  rollback: { finished: "failed", failed: "failed", givesUpFor: [] },
  done: { finished: "done", failed: "done", givesUpFor: [] },
  failed: { finished: "failed", failed: "failed", givesUpFor: [] },
} as const satisfies Record<UpdateStep, Row>;

/** What an update can be given up for in a step. */
export type GivenUpFor<S extends UpdateStep> = (typeof UPDATE_TABLE)[S]["givesUpFor"][number];

/** The state after an event. */
export function advance(state: UpdateState, event: UpdateEvent): UpdateState {
  switch (event.kind) {
    case "finished":
      return enter(UPDATE_TABLE[state.step].finished, event.effect, state.failure);
    case "postponed":
      return { ...state, starts: 0, awaits: "reboot" };
    case "failed":
      return giveUp(state, event.reason, event.detail);
    case "started":
      return started(state);
  }
}

/** Whether it has ended. */
export function isOver({ step }: Pick<UpdateState, "step">): boolean {
  return step === "done" || step === "failed";
}

/** Whether whoever asked for it can still take it back. */
export function isCancellable({ step }: Pick<UpdateState, "step">): boolean {
  return rowOf(step).givesUpFor.includes("cancelled");
}

/** Whether another update may begin: the system runs what the last one has come to. */
export function isSettled(state: UpdateState): boolean {
  return isOver(state) && state.awaits !== "reboot";
}

function rowOf(step: UpdateStep): Row {
  return UPDATE_TABLE[step];
}

function enter(step: UpdateStep, awaits: InstallEffect, failure: UpdateState["failure"]): UpdateState {
  return { step, starts: 0, awaits, ...(failure === undefined ? {} : { failure }) };
}

/** Where the table does not list the reason, the update goes on: so the first one is the one that counts. */
function giveUp(state: UpdateState, reason: UpdateFailure, detail: string): UpdateState {
  const { failed, givesUpFor } = rowOf(state.step);
  if (!givesUpFor.includes(reason)) return state;
  return enter(failed, "at-once", { reason, detail });
}

/** A start that was asked for is part of the plan. Any other may be the fault of what the step does: it is counted. */
function started(state: UpdateState): UpdateState {
  if (isOver(state) || state.awaits !== "at-once") return { ...state, awaits: "at-once" };
  const { maxStarts } = rowOf(state.step);
  if (maxStarts === undefined) return state;
  const starts = state.starts + 1;
  if (starts < maxStarts) return { ...state, starts };
  return giveUp({ ...state, starts }, "start-limit", `${starts} starts during ${state.step}`);
}
