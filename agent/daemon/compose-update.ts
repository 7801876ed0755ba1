import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { AgentConfig } from "../../config/schema.ts";
import { RaucService } from "../../drivers/dbus/rauc-service.ts";
import { createDownloader } from "../../drivers/os/download/download.ts";
import { restartSystem } from "../../drivers/os/restart.ts";
import { Route } from "../../drivers/os/route.ts";
import { runProgram } from "../../drivers/os/run-program.ts";
import { createFileSet } from "../../drivers/os/versions/file-set.ts";
import { createSlots } from "../../drivers/os/versions/slots.ts";
import { createDownloadFolder, createRollbackIndexFile } from "../../drivers/os/versions/update-files.ts";
import { RequestClient } from "../cloud/request-client.ts";
import { AgentError } from "../core/errors.ts";
import type { Service } from "../core/lifecycle.ts";
import { AwsJobs } from "../jobs/aws-jobs.ts";
import { renewSource } from "../jobs/handlers/ota-job.ts";
import { type JobsParts, jobReport } from "../local-api/jobs-handlers.ts";
import { type OtaParts, updateReport } from "../local-api/ota-handlers.ts";
import type { DownloadFolder, Installer } from "../ports/update.ts";
import { missingProof } from "../telemetry/health.ts";
import { FileStreams } from "../updates/download/file-streams.ts";
import { createInstallGate, installCondition } from "../updates/install-gate.ts";
import { createProgramInstaller } from "../updates/installers/program-installer.ts";
import { createRaucInstaller } from "../updates/installers/rauc-installer.ts";
import { createHooks } from "../updates/program-hooks.ts";
import { ARTIFACT_KINDS, type ArtifactKind } from "../updates/trust/manifest.ts";
import { createRollbackIndexes, type RollbackIndexes } from "../updates/trust/rollback-indexes.ts";
import { openSealedRollbackIndexes } from "../updates/trust/sealed-rollback-indexes.ts";
import { UpdateApproval } from "../updates/update-approval.ts";
import { UpdateReporter } from "../updates/update-reporter.ts";
import { createUpdateSteps } from "../updates/update-steps.ts";
import { UpdateVerifier, type UpdateVerifierParts } from "../updates/update-verifier.ts";
import type { GateVerdict, HealthVerdict } from "../updates/update-work.ts";
import { Updater } from "../updates/updater.ts";
import { composeJobs } from "./compose-jobs.ts";
import { monotonicCounter } from "./compose-keys.ts";
import { composeProxy } from "./compose-proxy.ts";
import { layerFolder, problemOfSet } from "./layered-config.ts";
import { loadTrustRoot } from "./named-files.ts";
import { loopService } from "./services.ts";
import type { StatusParts } from "./status-report.ts";
import type { UpdateParts } from "./update-parts.ts";

/** Between two connections of a download; full jitter. */
const RECONNECT = { minMs: 1000, maxMs: 300_000 } as const;
const HOUR_MS = 3_600_000;
/** Requests to the jobs service that wait at a time, and the longest answer: a job document of 32 KiB and what is around it. */
const REQUEST_CLIENT_LIMITS = { timeoutMs: 10_000, maxPending: 8, maxAnswerBytes: 131_072 } as const;

/** Updates, wired: the services that take them from the cloud and carry them out, and what the local sockets ask. */
export type Updates = {
  readonly services: readonly Service[];
  readonly verbs: OtaParts;
  readonly jobVerbs: JobsParts | undefined;
  /** For the agent's status. */
  readonly report: StatusParts["updates"];
};

/** The part of the composition root that wires updates. Throws `config.invalid`. */
export async function composeUpdate(parts: UpdateParts): Promise<Updates> {
  const { config, otaConfig, journal, clock, log, environment } = parts;
  const pinned = await loadTrustRoot(otaConfig.rootFile, parts.loaded.locate(["ota", "rootFile"]));
  const running = environment.CAUSEWAY_RELEASE;
  const folder = createDownloadFolder(join(config.stateDir, "updates"));
  const installers = installersOf(parts, folder);
  const rollbackIndexes = await rollbackIndexesOf(parts);
  const verifier = verifierOf(parts, { pinned, rollbackIndexes, installers });
  const jobs = jobsOf(parts);
  const current = (): string | undefined => updater.current()?.digest;
  const [healthApproval, consent] = [new UpdateApproval(current), new UpdateApproval(current)];
  const health = healthOf(parts);
  const { steps, progress, untilStart } = createUpdateSteps({
    downloader: await downloaderOf(parts),
    folder,
    installers,
    hooks: createHooks({ before: otaConfig.hooks.before, after: otaConfig.hooks.after, run: runProgram }),
    rollbackIndexes,
    clock,
    checks: {
      verify: (request) => verifier.verify(request),
      gate: gateOf(parts, () => consent.isGranted()),
      link: linkOf(parts),
      health: () => (healthApproval.isGranted() ? { kind: "healthy" } : health()),
      renew: (record, name, signal) => renewSource(jobs, record, name, signal),
      giveUpMs: otaConfig.download.giveUpHours * HOUR_MS,
      rollbackWithinMs: otaConfig.gate.backWithinMinutes * 60_000,
      // A flush by the pipeline's timer is a part of the proof.
      healthTimeoutMs: Math.max(otaConfig.prove.withinSeconds * 1000, 2 * config.collect.batchMs),
    },
  });
  const restart = Promise.withResolvers<never>();
  const restartAgent = (): void => restart.reject(restartWanted());
  const updater = new Updater({
    store: new UpdateReporter({ journal, sink: parts.phases, progress: () => progress, clock }),
    steps,
    clock,
    log,
    restart: restartAgent,
    reboot: () => reboot(parts),
    // Where someone else starts the system anew, that one looks at the vehicle.
    untilStart: async (state, signal) =>
      (state.awaits === "reboot" && !otaConfig.reboot) || (await untilStart(state, signal)),
  });
  const ota = { verifier, updater, progress };
  const cloudJobs = composeJobs({ ...parts, jobs, ota, verdict: health, restart: restartAgent });
  const approvals = { vouch: () => healthApproval.grant(), consent: () => consent.grant() };
  return {
    services: [updateService(updater, restart.promise), ...(otaConfig.jobs.enabled ? [cloudJobs.service] : [])],
    verbs: { verifier, updater, rollbackIndexes, progress, running, approvals, clock, log },
    jobVerbs: otaConfig.jobs.enabled ? cloudJobs.verbs : undefined,
    report: { job: () => jobReport(cloudJobs.verbs), update: () => updateReport({ updater, progress }) },
  };
}

/** Whom to trust, and what this vehicle takes. */
function verifierOf(
  { config, otaConfig, version, journal, clock, log }: UpdateParts,
  {
    pinned,
    rollbackIndexes,
    installers,
  }: Pick<UpdateVerifierParts, "pinned" | "rollbackIndexes"> & { readonly installers: Installers },
): UpdateVerifier {
  const kinds = ARTIFACT_KINDS.filter((kind) => installers[kind] !== undefined);
  const handlers = otaConfig.installers.map(({ name }) => name);
  const vehicle = { hardware: otaConfig.hardware, agentVersion: version, kinds, handlers };
  const rootCopy = createRollbackIndexFile(releasesOf(config), "root.json");
  const lossOwner = config.commands === undefined ? "ota" : "commands";
  return new UpdateVerifier({ journal, lossOwner, rollbackIndexes, rootCopy, pinned, clock, log, vehicle });
}

function jobsOf({ config, otaConfig, broker, clock, log }: UpdateParts): AwsJobs {
  const requestClient = new RequestClient({ broker, clock, log, limits: REQUEST_CLIENT_LIMITS, token: randomUUID });
  const { stepTimeoutMinutes } = otaConfig.jobs;
  return new AwsJobs({ thing: config.thingName, broker, requestClient, stepTimeoutMinutes });
}

function releasesOf({ stateDir }: Pick<AgentConfig, "stateDir">): string {
  return join(stateDir, "releases");
}

async function rollbackIndexesOf({ otaConfig, config, journal, environment }: UpdateParts): Promise<RollbackIndexes> {
  const folder = releasesOf(config);
  const before = createRollbackIndexes(journal, createRollbackIndexFile(folder, "floors.json"));
  if (otaConfig.floorCounter === undefined) return before;
  const counter = monotonicCounter(config, environment, otaConfig.floorCounter.index);
  return await openSealedRollbackIndexes({
    counter,
    journal,
    copy: createRollbackIndexFile(folder, "sealed-floors.json"),
    before,
  });
}

type Installers = Partial<Record<ArtifactKind, Installer>>;

/** What this vehicle can install. Without the supervisor nobody would go back from a new version of the agent. */
function installersOf(parts: UpdateParts, downloads: DownloadFolder): Installers {
  const { loaded, config, otaConfig, journal, bootId, clock, environment } = parts;
  const { stateDir } = config;
  const { enabled, busAddress: address, timeoutSeconds } = otaConfig.rauc;
  const sleep = (ms: number, signal: AbortSignal): Promise<void> => clock.sleep(ms, signal);
  const rauc = new RaucService({ address, installMs: timeoutSeconds * 1000, sleep });
  const running = environment.CAUSEWAY_RELEASE;
  const releases = releasesOf(config);
  return {
    ...(running === undefined ? {} : { agent: createSlots({ folder: releases, running }) }),
    files: createFileSet({
      folder: layerFolder(stateDir, "files"),
      running: loaded.sets.files,
      check: (draft) => problemOfSet(loaded, "files", draft, clock),
    }),
    ...(enabled ? { rauc: createRaucInstaller({ rauc, journal, bootId, downloads }) } : {}),
    ...(otaConfig.installers.length > 0
      ? { exec: createProgramInstaller({ listed: otaConfig.installers, run: runProgram, downloads }) }
      : {}),
  };
}

/** Where it may, it starts the system anew; a refusal leaves it to someone else. */
async function reboot({ config, otaConfig, log }: UpdateParts): Promise<void> {
  if (!otaConfig.reboot) return;
  try {
    await restartSystem(config.runtimeDir);
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    log.error("update.reboot-refused", { code: thrown.code, what: thrown.message, remedy: thrown.remedy });
  }
}

function restartWanted(): AgentError {
  return new AgentError("update.restart-wanted", {
    what: "the agent ends so that another version of it is started",
    remedy: "none is needed where a service manager starts it again",
  });
}

function updateService(updater: Updater, restart: Promise<never>): Service {
  const loop = loopService("update", updater);
  return { ...loop, broken: Promise.race([restart, loop.broken]) };
}

async function downloaderOf({ config, otaConfig, environment, broker, clock, log, random }: UpdateParts) {
  const {
    caFile,
    minRateWindowSeconds,
    giveUpHours,
    maxBytesPerSecond,
    streams,
    metered: _,
    ...bounds
  } = otaConfig.download;
  return createDownloader({
    settings: {
      ...bounds,
      maxBytesPerSecond,
      minRateWindowMs: minRateWindowSeconds * 1000,
      giveUpMs: giveUpHours * HOUR_MS,
      reconnect: RECONNECT,
    },
    streams: new FileStreams({
      thing: config.thingName,
      broker,
      settings: { ...streams, silenceMs: streams.silenceSeconds * 1000 },
      token: randomUUID,
      clock,
      log,
    }),
    ca: caFile === undefined ? undefined : await readFile(caFile, "utf8"),
    proxyFor: composeProxy({ config, environment }),
    clock,
    log,
    random,
  });
}

function gateOf({ loaded, otaConfig, clock, signals, steps }: UpdateParts, hasAgreed: () => boolean) {
  const { condition, holdSeconds, window, consent } = otaConfig.gate;
  if (loaded.copy !== undefined)
    return () => ({ kind: "closed", waitingFor: "a configuration that can be used" }) as const;
  const gate = installCondition(condition, { signals, steps, clock });
  return createInstallGate({ condition: gate, holdSeconds, window, hasConsent: () => !consent || hasAgreed(), clock });
}

function linkOf({ config, otaConfig, clock }: UpdateParts): (bytes: number) => Promise<GateVerdict> {
  const { interfaces, maxBytes } = otaConfig.download.metered;
  const { host, port } = config.proxy ?? config.broker;
  const route = new Route({ host, port, clock });
  return async (bytes) => {
    if (interfaces.length === 0 || bytes <= maxBytes) return { kind: "open" };
    const name = await route.interfaceName();
    if (name === undefined || !interfaces.includes(name)) return { kind: "open" };
    return { kind: "closed", waitingFor: `another link than ${name}, which is metered` };
  };
}

/** Whether the running version has shown that it is healthy. Out of coverage it has a time of grace, from here on. */
function healthOf({ otaConfig, clock, health }: UpdateParts): () => HealthVerdict {
  const graceEndMs = clock.monotonicMs() + otaConfig.prove.offlineSeconds * 1000;
  return () => {
    const missing = missingProof(health(), clock.monotonicMs() >= graceEndMs);
    return missing === undefined ? { kind: "healthy" } : { kind: "unproven", missing };
  };
}
