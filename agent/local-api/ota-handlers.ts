import type { Clock } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { parseManifest } from "../updates/trust/manifest.ts";
import { ROOT_COMPONENT, type RollbackIndexes } from "../updates/trust/rollback-indexes.ts";
import type { UpdateProgress } from "../updates/update-progress.ts";
import type { UpdateRecord } from "../updates/update-record.ts";
import { isCancellable, isOver } from "../updates/update-state.ts";
import type { UpdateOrder, UpdateVerifier } from "../updates/update-verifier.ts";
import type { Updater } from "../updates/updater.ts";
import {
  type OtaStatus,
  otaAcknowledge,
  otaCheck,
  otaCommit,
  otaConsent,
  otaInstall,
  otaResume,
  otaRollback,
  otaShow,
  otaWatch,
  type ShownUpdate,
} from "./ota-schema.ts";
import type { Status } from "./status-schema.ts";
import type { ServedVerb } from "./verb.ts";

/** How often `ota.watch` looks, ms. */
const WATCH_INTERVAL_MS = 250;
/** The answer where there is nothing to decide about. */
const NOTHING = { schemaVersion: 1, kind: "nothing" } as const;

export type OtaParts = {
  readonly verifier: UpdateVerifier;
  readonly updater: Updater;
  readonly rollbackIndexes: RollbackIndexes;
  readonly progress: UpdateProgress;
  /** "packaged", or the SHA-256 of the release that runs; undefined where no supervisor started this process. */
  readonly running: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
};

/** The verbs of updates. What changes something is logged before it acts. */
export function otaHandlers(parts: OtaParts): readonly ServedVerb[] {
  return [
    otaShow.answeredBy(() => otaStatus(parts)),
    otaWatch.answeredBy((_request, signal) => watch(parts, signal)),
    otaCheck.answeredBy(({ order }) => ({ schemaVersion: 1, ...parts.verifier.verify(order) })),
    ...orderHandlers(parts),
    ...decisionHandlers(parts),
  ];
}

/** What begins an update. */
function orderHandlers({ verifier, updater, log }: OtaParts): readonly ServedVerb[] {
  return [
    otaInstall.answeredBy(async ({ order }) => {
      log.info("admin.install-requested", { artifacts: Object.keys(order.sources).length });
      return await ordered(verifier, updater, order);
    }),
    otaResume.answeredBy(async () => {
      const last = updater.current();
      log.info("admin.resume-requested", { step: last?.state.step });
      if (last?.state.step !== "failed") return NOTHING;
      return await ordered(verifier, updater, { ...last.request, roots: [] });
    }),
  ];
}

/** What a person decides about the update under way, or about a loss. */
function decisionHandlers({ verifier, updater, log }: OtaParts): readonly ServedVerb[] {
  return [
    otaAcknowledge.answeredBy(async () => {
      const loss = verifier.loss();
      log.warn("admin.loss-acknowledged", { what: loss });
      if (loss === undefined) return NOTHING;
      await verifier.acknowledge();
      return { schemaVersion: 1, kind: "acknowledged" };
    }),
    otaConsent.answeredBy(() => {
      const last = updater.current();
      log.info("admin.consent-given", { step: last?.state.step, digest: last?.digest });
      if (last === undefined || !isCancellable(last.state)) return NOTHING;
      updater.consent();
      return { schemaVersion: 1, kind: "agreed" };
    }),
    otaCommit.answeredBy(() => {
      const last = updater.current();
      log.warn("admin.commit-requested", { step: last?.state.step });
      if (last?.state.step !== "health-check") return NOTHING;
      updater.confirmHealth();
      return { schemaVersion: 1, kind: "committed" };
    }),
    otaRollback.answeredBy(() => {
      const last = updater.current();
      log.warn("admin.rollback-requested", { step: last?.state.step });
      if (last === undefined || isOver(last.state)) return NOTHING;
      updater.cancel("cancelled", "by causeway ota rollback");
      return { schemaVersion: 1, kind: "cancelled" };
    }),
  ];
}

/** What the agent's status says of updates: the one under way, or the last. */
export function updateReport({ updater, progress }: Pick<OtaParts, "updater" | "progress">): Status["update"] {
  const record = updater.current();
  if (record === undefined) return undefined;
  const { step, versionFrom, versionTo, bytes, totalBytes, waitingFor, failure } = updateStatus(record, progress);
  return {
    step,
    isOver: isOver(record.state),
    versionFrom,
    versionTo,
    ...(bytes === undefined || !totalBytes ? {} : { percent: Math.floor((100 * bytes) / totalBytes) }),
    ...(waitingFor === undefined ? {} : { waitingFor }),
    ...(failure === undefined ? {} : { failure }),
  };
}

async function ordered(verifier: UpdateVerifier, updater: Updater, order: UpdateOrder) {
  const verdict = await verifier.order(order, updater);
  if (verdict === "busy") throw busy();
  return { schemaVersion: 1, ...verdict } as const;
}

function busy(): AgentError {
  return new AgentError("update.busy", {
    what: "another update is under way",
    remedy: "see it with: causeway ota show; end it with: causeway ota rollback",
  });
}

async function* watch(parts: OtaParts, signal: AbortSignal): AsyncGenerator<OtaStatus> {
  while (!signal.aborted) {
    const status = otaStatus(parts);
    yield status;
    if (status.update === undefined || isOver(status.update)) return;
    await parts.clock.sleep(WATCH_INTERVAL_MS, signal);
  }
}

function otaStatus({ verifier, updater, rollbackIndexes, progress, running }: OtaParts): OtaStatus {
  const record = updater.current();
  return {
    schemaVersion: 1,
    root: verifier.root().document.version,
    running,
    installed: rollbackIndexes.installed().filter(({ component }) => component !== ROOT_COMPONENT),
    rollbackIndexFault: rollbackIndexes.fault(),
    update: record === undefined ? undefined : updateStatus(record, progress),
  };
}

function updateStatus({ request, versionFrom, state, digest }: UpdateRecord, progress: UpdateProgress): ShownUpdate {
  const { component, version, sequenceNumber } = parseManifest(request.manifest);
  const shown: Partial<UpdateProgress> = isOver(state) ? {} : progress;
  return {
    component,
    digest,
    sequenceNumber,
    versionFrom,
    versionTo: version,
    step: state.step,
    awaits: state.awaits,
    ...shown,
    failure: state.failure,
  };
}
