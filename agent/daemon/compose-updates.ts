import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { restartSystem } from "../../drivers/os/restart.ts";
import { Route } from "../../drivers/os/route.ts";
import { runProgram } from "../../drivers/os/run-program.ts";
import { createDownloadFolder } from "../../drivers/os/versions/update-files.ts";
import { RequestClient } from "../cloud/request-client.ts";
import type { Clock } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import type { Service } from "../core/lifecycle.ts";
import type { Log } from "../core/log.ts";
import { AwsJobs } from "../jobs/aws-jobs.ts";
import { renewSource } from "../jobs/handlers/ota-job.ts";
import { endedJobs, type JobsParts, jobReport } from "../local-api/jobs-handlers.ts";
import { type OtaParts, updateReport } from "../local-api/ota-handlers.ts";
import type { StatusParts } from "../local-api/status-handlers.ts";
import type { Downloader } from "../ports/update.ts";
import { missingProof } from "../telemetry/health.ts";
import type { GateVerdict } from "../updates/gate-wait.ts";
import { createInstallGate, installCondition } from "../updates/install-gate.ts";
import { createHooks } from "../updates/program-hooks.ts";
import type { HealthVerdict } from "../updates/step-parts.ts";
import { UpdateReporter } from "../updates/update-reporter.ts";
import { createUpdateSteps } from "../updates/update-steps.ts";
import { Updater } from "../updates/updater.ts";
import { composeDownloader, composeInstallers, composeRollbackIndexes, composeVerifier } from "./compose-artifacts.ts";
import type { ConfigShadow } from "./compose-config-shadow.ts";
import { composeJobs, composeSettings, type SettingsLine } from "./compose-jobs.ts";
import { loadTrustRoot } from "./configuration/named-files.ts";
import type { Runtime, UpdateParts } from "./parts.ts";
import { loopService } from "./services.ts";

const HOUR_MS = 3_600_000;
/** Requests to the jobs service that wait at a time, and the longest answer: a job document of 32 KiB and what is around it. */
const REQUEST_CLIENT_LIMITS = { timeoutMs: 10_000, maxPending: 8, maxAnswerBytes: 131_072 } as const;

/** Updates, wired: the services that take them from the cloud and carry them out, and what the local sockets ask. */
export type Updates = {
  readonly services: readonly Service[];
  readonly verbs: OtaParts;
  readonly jobVerbs: JobsParts | undefined;
  /** For the agent's status. */
  readonly report: NonNullable<StatusParts["updates"]>["report"];
};

/** `composeUpdateLine`, but that a configuration that cannot be used may have lost what says who may update: nobody may then. */
export async function composeUpdates(parts: UpdateParts, runtime: Runtime): Promise<Updates | undefined> {
  try {
    return await composeUpdateLine(parts, runtime);
  } catch (thrown) {
    const isOfCopy =
      parts.loaded.copy !== undefined && thrown instanceof AgentError && thrown.code === "config.invalid";
    if (!isOfCopy) throw thrown;
    runtime.log.error("update.not-taken", { what: thrown.message, remedy: thrown.remedy });
    return undefined;
  }
}

/** The line from jobs, or an operator, to a new version. Throws `config.invalid`. */
async function composeUpdateLine(parts: UpdateParts, runtime: Runtime): Promise<Updates> {
  const { loaded, otaConfig, journal, line } = parts;
  const { clock, log, environment } = runtime;
  const pinned = await loadTrustRoot(otaConfig.rootFile, loaded.locate(["ota", "rootFile"]));
  const folder = createDownloadFolder(join(loaded.config.stateDir, "updates"));
  const installers = composeInstallers(parts, folder, runtime);
  const rollbackIndexes = await composeRollbackIndexes(parts, runtime);
  const verifier = composeVerifier(parts, { pinned, rollbackIndexes, installers }, runtime);
  const jobs = jobsOf(parts, runtime);
  const health = healthOf(parts, clock);
  // A flush by the pipeline's timer is a part of the proof.
  const healthTimeoutMs = Math.max(otaConfig.healthCheck.withinSeconds * 1000, 2 * loaded.config.collect.batchMs);
  const { steps, progress, untilStart } = createUpdateSteps({
    downloader: await downloaderOf(parts, runtime),
    folder,
    installers,
    hooks: createHooks({ before: otaConfig.hooks.before, after: otaConfig.hooks.after, run: runProgram }),
    rollbackIndexes,
    clock,
    checks: {
      verify: (request) => verifier.verify(request),
      gate: gateOf(parts, () => updater.current()?.hasConsent === true),
      link: meteredLink(parts, clock),
      health: () => (updater.isHealthConfirmed() ? { kind: "healthy" } : health()),
      renew: (record, name, signal) => renewSource(jobs, record, name, signal),
      giveUpMs: otaConfig.download.giveUpHours * HOUR_MS,
      rollbackWithinMs: otaConfig.gate.backWithinMinutes * 60_000,
      healthTimeoutMs,
    },
  });
  const restart = Promise.withResolvers<never>();
  const restartAgent = (): void => restart.reject(restartWanted());
  const updater = new Updater({
    store: new UpdateReporter({ journal, sink: line.records.phases, progress: () => progress, clock }),
    steps,
    clock,
    log,
    restart: restartAgent,
    reboot: () => reboot(parts, log),
    // Where someone else starts the system anew, that one looks at the vehicle.
    untilStart: async (state, signal) =>
      (state.awaits === "reboot" && !otaConfig.reboot) || (await untilStart(state, signal)),
  });
  const ota = { verifier, updater, progress };
  const settings = composeSettings(parts, { ota, health, healthTimeoutMs, restart: restartAgent }, runtime);
  const cloudJobs = composeJobs(parts, { jobs, ota }, settings, runtime);
  const configShadow = await configShadowOf(parts, settings, runtime);
  const running = environment.CAUSEWAY_RELEASE;
  return {
    services: [
      updateService(updater, restart.promise),
      ...(otaConfig.jobs.enabled ? [cloudJobs.service] : []),
      ...(configShadow === undefined ? [] : [configShadow.service]),
    ],
    verbs: { verifier, updater, rollbackIndexes, progress, running, clock, log },
    jobVerbs: otaConfig.jobs.enabled ? cloudJobs.verbs : undefined,
    report: {
      job: () => jobReport(cloudJobs.verbs),
      jobs: () => (otaConfig.jobs.enabled ? endedJobs(cloudJobs.verbs) : undefined),
      update: () => updateReport({ updater, progress }),
      config: () => configShadow?.status(),
    },
  };
}

/** Nothing of it is loaded where no shadow is asked for settings. */
async function configShadowOf(
  updates: UpdateParts,
  { slot, trials }: SettingsLine,
  runtime: Runtime,
): Promise<ConfigShadow | undefined> {
  const settings = updates.loaded.config.shadows?.config;
  if (settings === undefined) return undefined;
  const { composeConfigShadow } = await import("./compose-config-shadow.ts");
  return composeConfigShadow({ settings, updates, slot, trials }, runtime);
}

function jobsOf({ loaded, otaConfig, link }: UpdateParts, { clock, log }: Runtime): AwsJobs {
  const { broker } = link;
  const requestClient = new RequestClient({ broker, clock, log, limits: REQUEST_CLIENT_LIMITS, token: randomUUID });
  const { stepTimeoutMinutes } = otaConfig.jobs;
  return new AwsJobs({ thing: loaded.config.thingName, broker, requestClient, stepTimeoutMinutes });
}

/** Where it may, it starts the system anew; a rejection leaves it to someone else. */
async function reboot({ loaded, otaConfig }: UpdateParts, log: Log): Promise<void> {
  if (!otaConfig.reboot) return;
  try {
    await restartSystem(loaded.config.runtimeDir);
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    log.error("update.reboot-refused", { code: thrown.code, what: thrown.message, remedy: thrown.remedy });
  }
}

/** Where there are data budgets, its bytes count. */
async function downloaderOf(parts: UpdateParts, runtime: Runtime): Promise<Downloader> {
  const downloader = await composeDownloader(parts, runtime);
  return parts.beside.links?.counted(downloader) ?? downloader;
}

function restartWanted(): AgentError {
  return new AgentError("update.restart-wanted", {
    what: "the agent ends so that another version of it is started",
    remedy: "start the agent again where no service manager does",
  });
}

function updateService(updater: Updater, restart: Promise<never>): Service {
  const loop = loopService("update", updater);
  return { ...loop, broken: Promise.race([restart, loop.broken]) };
}

function gateOf({ loaded, otaConfig, line, beside }: UpdateParts, hasConsent: () => boolean): () => GateVerdict {
  const { condition, holdSeconds, window, consent } = otaConfig.gate;
  if (loaded.copy !== undefined) return () => ({ kind: "closed", waitingFor: "a configuration that can be used" });
  const gate = createInstallGate({
    condition: installCondition(condition, line.vehicle),
    holdSeconds,
    window,
    hasConsent: () => !consent || hasConsent(),
    clock: line.vehicle.clock,
  });
  return () => {
    const held = beside.regime?.regimes.refusal("updates");
    return held === undefined ? gate() : { kind: "closed", waitingFor: `another state: ${held}` };
  };
}

/** Whether so many bytes may be fetched over the link that there is now. */
function meteredLink(
  { loaded, otaConfig, beside: { links } }: UpdateParts,
  clock: Clock,
): (bytes: number) => Promise<GateVerdict> {
  const { interfaces, maxBytes } = otaConfig.download.metered;
  const { host, port } = loaded.config.proxy ?? loaded.config.broker;
  const route = new Route({ host, port, clock });
  return async (bytes) => {
    const verdict = links?.budget?.allow("ota", 1);
    if (verdict?.kind === "held") return { kind: "closed", waitingFor: `data: ${verdict.what}` };
    if ((interfaces.length === 0 && links === undefined) || bytes <= maxBytes) return { kind: "open" };
    const name = await route.interfaceName();
    const isMetered = name !== undefined && (interfaces.includes(name) || links?.links.isMetered(name) === true);
    if (!isMetered) return { kind: "open" };
    return { kind: "closed", waitingFor: `another link than ${name}, which is metered` };
  };
}

/** Whether the running version has shown that it is healthy. Out of coverage it has a time of grace, from here on. */
function healthOf({ otaConfig, health }: UpdateParts, clock: Clock): () => HealthVerdict {
  const graceEndMs = clock.monotonicMs() + otaConfig.healthCheck.offlineSeconds * 1000;
  return () => {
    const missing = missingProof(health(), clock.monotonicMs() >= graceEndMs);
    return missing === undefined ? { kind: "healthy" } : { kind: "unhealthy", missing };
  };
}
