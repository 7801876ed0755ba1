import type { Clock } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { parseManifest } from "../updates/trust/manifest.ts";
import { ROOT_COMPONENT, type RollbackIndexes } from "../updates/trust/rollback-indexes.ts";
import type { UpdateRecord } from "../updates/update-record.ts";
import { isCancellable, isOver } from "../updates/update-state.ts";
import type { UpdateVerifier } from "../updates/update-verifier.ts";
import { updateOrder } from "../updates/update-verifier.ts";
import type { UpdateProgress } from "../updates/update-work.ts";
import type { Updater } from "../updates/updater.ts";
import type { ViewHandler } from "./signals-handlers.ts";
import type { Status } from "./status-schema.ts";

/** How often `ota.watch` looks, ms. */
const WATCH_INTERVAL_MS = 250;

/** What the verbs of updates work with. */
export type OtaParts = {
  readonly verifier: UpdateVerifier;
  readonly updater: Updater;
  readonly rollbackIndexes: RollbackIndexes;
  readonly progress: UpdateProgress;
  /** "packaged", or the SHA-256 of the release that runs; undefined where no supervisor started this process. */
  readonly running: string | undefined;
  /** The technician answers for the version on trial, and for no later one. */
  vouch(): void;
  /** Someone in the vehicle agrees to the update under way. */
  consent(): void;
  readonly clock: Clock;
  readonly log: Log;
};

/** The verbs that only look: `ota.show`, `ota.watch`, `ota.check`. */
export function otaView(parts: OtaParts): Readonly<Record<string, ViewHandler>> {
  const { verifier } = parts;
  return {
    "ota.show": () => otaStatus(parts),
    "ota.watch": (_request, signal) => watch(parts, signal),
    "ota.check": (request) => {
      const verdict = verifier.verify(updateOrder.parse(orderOf(request)));
      return { schemaVersion: 1, ...verdict };
    },
  };
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

/** The verbs that change something: `ota.install`, `ota.resume`, `ota.acknowledge`, `ota.consent`, `ota.commit`, `ota.rollback`. Each is logged before it acts. */
export function otaAdmin(parts: OtaParts): Readonly<Record<string, ViewHandler>> {
  const { verifier, updater, log } = parts;
  return {
    "ota.install": async (request) => {
      const order = updateOrder.parse(orderOf(request));
      log.info("admin.install-requested", { artifacts: Object.keys(order.sources).length });
      const verdict = await verifier.order(order, updater);
      if (verdict === "busy") throw busy();
      return { schemaVersion: 1, ...verdict };
    },
    "ota.resume": async () => {
      const last = updater.current();
      log.info("admin.resume-requested", { step: last?.state.step });
      if (last?.state.step !== "failed") return { schemaVersion: 1, kind: "nothing" };
      const verdict = await verifier.order({ ...last.request, roots: [] }, updater);
      if (verdict === "busy") throw busy();
      return { schemaVersion: 1, ...verdict };
    },
    "ota.acknowledge": async () => {
      const loss = verifier.loss();
      log.warn("admin.loss-acknowledged", { what: loss });
      if (loss === undefined) return { schemaVersion: 1, kind: "nothing" };
      await verifier.acknowledge();
      return { schemaVersion: 1, kind: "acknowledged" };
    },
    "ota.consent": () => {
      const last = updater.current();
      log.info("admin.consent-given", { step: last?.state.step, digest: last?.digest });
      if (last === undefined || !isCancellable(last.state)) return { schemaVersion: 1, kind: "nothing" };
      parts.consent();
      return { schemaVersion: 1, kind: "agreed" };
    },
    "ota.commit": () => {
      const last = updater.current();
      log.warn("admin.commit-requested", { step: last?.state.step });
      if (last?.state.step !== "prove") return { schemaVersion: 1, kind: "nothing" };
      parts.vouch();
      return { schemaVersion: 1, kind: "committed" };
    },
    "ota.rollback": () => {
      const last = updater.current();
      log.warn("admin.rollback-requested", { step: last?.state.step });
      if (last === undefined || isOver(last.state)) return { schemaVersion: 1, kind: "nothing" };
      updater.cancel("cancelled", "by causeway ota rollback");
      return { schemaVersion: 1, kind: "cancelled" };
    },
  };
}

function orderOf(request: unknown): unknown {
  return typeof request === "object" && request !== null && "order" in request ? request.order : undefined;
}

function busy(): AgentError {
  return new AgentError("update.busy", {
    what: "another update is under way",
    remedy: "see it with: causeway ota show; end it with: causeway ota rollback",
  });
}

async function* watch(parts: OtaParts, signal: AbortSignal): AsyncGenerator<unknown> {
  while (!signal.aborted) {
    const status = otaStatus(parts);
    yield status;
    if (status.update === undefined || isOver(status.update)) return;
    await parts.clock.sleep(WATCH_INTERVAL_MS, signal);
  }
}

function otaStatus({ verifier, updater, rollbackIndexes, progress, running }: OtaParts) {
  const record = updater.current();
  return {
    schemaVersion: 1,
    root: verifier.root().document.version,
    running,
    installed: rollbackIndexes.installed().filter(({ line: component }) => component !== ROOT_COMPONENT),
    floorFault: rollbackIndexes.fault(),
    update: record === undefined ? undefined : updateStatus(record, progress),
  };
}

function updateStatus({ request, versionFrom, state, digest }: UpdateRecord, progress: UpdateProgress) {
  const { line: component, version, counter } = parseManifest(request.manifest);
  const shown: Partial<UpdateProgress> = isOver(state) ? {} : progress;
  return {
    line: component,
    digest,
    counter,
    versionFrom,
    versionTo: version,
    step: state.step,
    awaits: state.awaits,
    ...shown,
    failure: state.failure,
  };
}
