import { AgentError, messageOf } from "../core/errors.ts";
import { INSTALL_EFFECTS, type InstallEffect } from "../ports/update.ts";
import { download } from "./download/update-download.ts";
import { parseManifest } from "./trust/manifest.ts";
import type { UpdateRecord } from "./update-record.ts";
import type { UpdateState } from "./update-state.ts";
import {
  type ArtifactParts,
  failed,
  finished,
  POLL_MS,
  partsOf,
  type UpdateProgress,
  type UpdateStepParts,
  waitUntilOpen,
} from "./update-work.ts";
import type { StepOutcome, UpdateSteps } from "./updater.ts";

/** The steps of an update, what can be seen of the one that works, and the wait before something starts anew: false when it was stopped first. */
export function createUpdateSteps(parts: UpdateStepParts): {
  readonly steps: UpdateSteps;
  readonly progress: UpdateProgress;
  readonly untilStart: (state: UpdateState, signal: AbortSignal) => Promise<boolean>;
} {
  const progress: UpdateProgress = { bytes: 0, totalBytes: 0, waitingFor: undefined };
  const untilAllowed = (signal: AbortSignal): Promise<boolean> =>
    waitUntilOpen(() => parts.checks.gate(), progress, parts.clock, signal);
  const steps: UpdateSteps = {
    download: (record, signal) => download(record, parts, progress, signal),
    verify: (record) => verify(record, parts),
    wait: async (_record, signal) => ((await untilAllowed(signal)) ? finished() : { kind: "stopped" }),
    install: async (record, signal) =>
      (await untilAllowed(signal)) ? await install(record, parts, signal) : { kind: "stopped" },
    activate: (record, signal) => activate(record, parts, untilAllowed, signal),
    "health-check": (record, signal) => checkHealth(record, parts, progress, signal),
    commit: (record) => commit(record, parts),
    rollback: (record) => rollback(record, parts),
  };
  return { steps, progress, untilStart: (state, signal) => untilStart(state, parts, untilAllowed, signal) };
}

/**
 * What goes forward waits for the gate. What goes back must not wait for ever: a version that has not proven itself may not show the
 * signals that the gate asks for. A restart of the agent alone then comes at once, one of the system within a time.
 */
async function untilStart(
  { awaits, failure }: UpdateState,
  { clock, checks }: UpdateStepParts,
  untilAllowed: (signal: AbortSignal) => Promise<boolean>,
  signal: AbortSignal,
): Promise<boolean> {
  if (failure === undefined) return await untilAllowed(signal);
  if (awaits === "restart") return !signal.aborted;
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const limit = clock.sleep(checks.rollbackWithinMs, either).then(() => over.abort());
  await untilAllowed(either);
  over.abort();
  await limit;
  return !signal.aborted;
}

/** Days may have passed since the update was asked for: all is judged again. */
async function verify(record: UpdateRecord, parts: UpdateStepParts): Promise<StepOutcome> {
  const verdict = parts.checks.verify(record.request);
  if (verdict.kind === "refused") return failed("refused", `${verdict.reason}: ${verdict.detail}`);
  for (const { fetched } of partsOf(record, parts)) {
    const found = await parts.folder.digestOf(fetched.file);
    if (found !== fetched.sha256) return failed("tampered", `${fetched.name}: SHA-256 is ${found ?? "not to be had"}`);
  }
  return finished();
}

async function install(record: UpdateRecord, parts: UpdateStepParts, signal: AbortSignal): Promise<StepOutcome> {
  const problem = await parts.hooks.before(record, signal);
  if (signal.aborted) return { kind: "stopped" };
  if (problem !== undefined) return failed("hook-failed", problem);
  try {
    for (const { fetched, installer } of partsOf(record, parts)) await installer.stage(fetched, signal);
    return finished();
  } catch (thrown) {
    return signal.aborted ? { kind: "stopped" } : failed("install-failed", expected(thrown));
  }
}

/**
 * A version that the supervisor has put back before the switch was noted must not get another trial. Hooks, unpacking and the artifact
 * before may have taken an hour, in which the vehicle has driven off: the gate is asked before each.
 */
async function activate(
  record: UpdateRecord,
  parts: UpdateStepParts,
  untilAllowed: (signal: AbortSignal) => Promise<boolean>,
  signal: AbortSignal,
): Promise<StepOutcome> {
  const all = partsOf(record, parts);
  try {
    const rolledBack = await supervisorRolledBack(all);
    if (rolledBack !== undefined) return rolledBack;
    const effects: InstallEffect[] = [];
    for (const { fetched, installer } of all) {
      if (!(await untilAllowed(signal))) return { kind: "stopped" };
      effects.push(await installer.activate(fetched));
    }
    return { kind: "finished", effect: strongest(effects) };
  } catch (thrown) {
    return failed("install-failed", expected(thrown));
  }
}

async function checkHealth(
  record: UpdateRecord,
  parts: UpdateStepParts,
  progress: UpdateProgress,
  signal: AbortSignal,
): Promise<StepOutcome> {
  const { clock, checks } = parts;
  const early = await trialOutcome(partsOf(record, parts)).catch((thrown: unknown) =>
    failed("install-failed", expected(thrown)),
  );
  if (early !== undefined) return early;
  const endMs = clock.monotonicMs() + checks.healthTimeoutMs;
  try {
    while (!signal.aborted) {
      const health = checks.health();
      if (health.kind === "healthy") return await afterwards(record, parts, signal);
      if (clock.monotonicMs() >= endMs) return failed("unhealthy", health.missing);
      progress.waitingFor = health.missing;
      await clock.sleep(POLL_MS, signal);
    }
    return { kind: "stopped" };
  } finally {
    progress.waitingFor = undefined;
  }
}

/** What stands against a proof; undefined when every part runs. */
async function trialOutcome(all: readonly ArtifactParts[]): Promise<StepOutcome | undefined> {
  const rolledBack = await supervisorRolledBack(all);
  if (rolledBack !== undefined) return rolledBack;
  for (const { artifact, fetched, installer } of all) {
    const { kind } = await installer.trial(fetched);
    if (kind === "none") return failed("unhealthy", `${artifact.name} is not what runs`);
    if (kind === "pending") return { kind: "postponed" };
  }
  return undefined;
}

async function afterwards(record: UpdateRecord, parts: UpdateStepParts, signal: AbortSignal): Promise<StepOutcome> {
  const problem = await parts.hooks.after(record, signal);
  if (signal.aborted) return { kind: "stopped" };
  return problem === undefined ? finished() : failed("hook-failed", problem);
}

/** The trial ends before the rollback index rises: until both are done no other update is taken, so nothing older can slip in between. */
async function commit(record: UpdateRecord, parts: UpdateStepParts): Promise<StepOutcome> {
  const all = partsOf(record, parts);
  try {
    const rolledBack = await supervisorRolledBack(all);
    if (rolledBack !== undefined) return rolledBack;
    for (const { fetched, installer } of all) await installer.commit(fetched);
    const { component, sequenceNumber } = parseManifest(record.request.manifest);
    await parts.rollbackIndexes.advance({ component, sequenceNumber, digest: record.digest });
    await parts.folder.clear();
    return finished();
  } catch (thrown) {
    return failed("install-failed", expected(thrown));
  }
}

async function supervisorRolledBack(all: readonly ArtifactParts[]): Promise<StepOutcome | undefined> {
  for (const { fetched, installer } of all) {
    const trial = await installer.trial(fetched);
    if (trial.kind === "rolled-back") return failed("supervisor-rolled-back", trial.detail);
  }
  return undefined;
}

async function rollback(record: UpdateRecord, parts: UpdateStepParts): Promise<StepOutcome> {
  try {
    const effects: InstallEffect[] = [];
    for (const { fetched, installer } of partsOf(record, parts).toReversed())
      effects.push(await installer.rollback(fetched));
    await parts.folder.clear();
    return { kind: "finished", effect: strongest(effects) };
  } catch (thrown) {
    return failed("install-failed", expected(thrown));
  }
}

function strongest(effects: readonly InstallEffect[]): InstallEffect {
  return INSTALL_EFFECTS.findLast((effect) => effects.includes(effect)) ?? "at-once";
}

/** What disks and archives do wrong is an outcome; anything without a code of the system or of ours is a bug. */
function expected(thrown: unknown): string {
  const isOfSystem = thrown instanceof Error && "code" in thrown && typeof thrown.code === "string";
  if (thrown instanceof AgentError || isOfSystem) return messageOf(thrown);
  throw thrown;
}
