import type { OtaConfig } from "../../config/schema.ts";
import { runProgram } from "../../drivers/os/run-program.ts";
import { createConfigSlot } from "../../drivers/os/versions/file-set.ts";
import type { Clock } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import type { Service } from "../core/lifecycle.ts";
import type { Log } from "../core/log.ts";
import type { AwsJobs } from "../jobs/aws-jobs.ts";
import { configJob, problemOfSettings } from "../jobs/handlers/config-job.ts";
import { diagnosticsJob, problemOfDiagnostics } from "../jobs/handlers/diagnostics-job.ts";
import { isOf, type OtaJobParts, otaJob, problemOfOta } from "../jobs/handlers/ota-job.ts";
import { problemOfRotation, rotationJob } from "../jobs/handlers/rotation-job.ts";
import { problemOfSteps, stepsJob } from "../jobs/handlers/steps-job.ts";
import type { ExecutionId } from "../jobs/job.ts";
import { JobRunner } from "../jobs/job-runner.ts";
import { digestOfShadow } from "../jobs/settings/attempt-id.ts";
import { SettingsTrials } from "../jobs/settings/settings-trials.ts";
import type { JobsParts } from "../local-api/jobs-handlers.ts";
import type { ConfigSlot } from "../ports/update.ts";
import type { HealthVerdict } from "../updates/step-parts.ts";
import { layerFolder, problemOfSet } from "./configuration/layered-config.ts";
import type { OpenIdentity } from "./open-identity.ts";
import type { Runtime, UpdateParts } from "./parts.ts";
import { loopService } from "./services.ts";

/** What of updates a job works with. `restart` ends the process so that it is started again. */
export type JobTargets = {
  readonly jobs: AwsJobs;
  readonly ota: OtaJobParts;
  readonly health: () => HealthVerdict;
  readonly healthTimeoutMs: number;
  readonly restart: () => void;
};

/** Jobs, wired: the service, and what the local sockets ask. */
export type Jobs = { readonly service: Service; readonly verbs: JobsParts };

/** What takes settings of the cloud, whoever brings them: `trials` one at a time, into `slot`. */
export type SettingsLine = { readonly slot: ConfigSlot; readonly trials: SettingsTrials };

/** The part of the composition root that wires the settings above the vehicle's own. */
export function composeSettings(
  parts: UpdateParts,
  { ota: { updater }, health, healthTimeoutMs, restart }: Omit<JobTargets, "jobs">,
  { clock }: Runtime,
): SettingsLine {
  const { loaded, otaConfig, journal } = parts;
  const slot = configSlotOf(parts, clock);
  const isAsked = loaded.config.shadows?.config !== undefined;
  const isServed = (id: ExecutionId): boolean => (digestOfShadow(id) === undefined ? otaConfig.jobs.enabled : isAsked);
  const trials = new SettingsTrials({ slot, journal, clock, health, healthTimeoutMs, updater, restart, isServed });
  return { slot, trials };
}

/** The part of the composition root that wires jobs of the cloud. */
export function composeJobs(
  parts: UpdateParts,
  targets: Pick<JobTargets, "jobs" | "ota">,
  { slot, trials }: SettingsLine,
  runtime: Runtime,
): Jobs {
  const { otaConfig, journal, link, line, support } = parts;
  const upload = parts.beside.files?.job;
  const { jobs, ota } = targets;
  const { clock, log, random } = runtime;
  const { broker, renewal } = link;
  const { updater } = ota;
  const certificate = () => certificateOf(link.identities);
  const bundle = { collect: () => support.collect(), send: line.records.sendFile };
  const runner = new JobRunner({
    jobs,
    handlers: {
      ota: otaJob(ota),
      config: configJob(trials, { clock, log }),
      "rotate-certificate": rotationJob({ renewal, certificate, jobs, journal, clock }),
      diagnostics: diagnosticsJob(bundle),
      ...(upload === undefined ? {} : { upload: upload.handler }),
      steps: stepsJob({ handlers: otaConfig.jobs.handlers, run: runProgram, journal }),
    },
    broker,
    journal,
    environment: {
      clock,
      log,
      random,
      reportMs: otaConfig.jobs.reportSeconds * 1000,
      repeatMs: repeatMsOf(otaConfig.jobs),
      abandon: (job) => {
        const running = updater.current();
        if (running !== undefined && isOf(running, job)) updater.cancel("cancelled", "the job is not there any more");
        trials.abandon(job);
      },
    },
  });
  const problems: JobsParts["problems"] = {
    ota: async (document) => problemOfOta(document, ota.verifier),
    config: (document) => problemOfSettings(document, slot),
    "rotate-certificate": async (document) => problemOfRotation(document, renewal),
    diagnostics: async (document) => problemOfDiagnostics(document),
    ...(upload === undefined ? {} : { upload: async (document: unknown) => upload.problem(document) }),
    steps: async (document) => problemOfSteps(document, otaConfig.jobs.handlers),
  };
  return { service: jobService(jobs, runner, log), verbs: { jobs, runner, broker, problems, log } };
}

/** The certificate in use, and whether it is there to stay. */
function certificateOf({ identityStore }: OpenIdentity): { readonly id: string; readonly isSettled: boolean } {
  const { change, retirement } = identityStore.state();
  const isSettled = change === undefined && retirement === undefined;
  return { id: identityStore.inUse()?.certificateId ?? "", isSettled };
}

/** Twice in the time of the step timer, so that one report may be lost. */
function repeatMsOf({ stepTimeoutMinutes }: OtaConfig["jobs"]): number | undefined {
  return stepTimeoutMinutes === undefined ? undefined : (stepTimeoutMinutes * 60_000) / 2;
}

function configSlotOf({ loaded }: UpdateParts, clock: Clock): ConfigSlot {
  return createConfigSlot({
    folder: layerFolder(loaded.config.stateDir, "settings"),
    running: loaded.sets.settings,
    check: (draft) => problemOfSet(loaded, "settings", draft, clock),
  });
}

/** Jobs of the cloud. A broker that refuses the subscriptions leaves the rest of the agent as it is. */
function jobService(jobs: AwsJobs, runner: JobRunner, log: Log): Service {
  const run = async (signal: AbortSignal): Promise<void> => {
    try {
      await jobs.open(() => runner.changed());
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      log.error("job.channel-closed", { code: thrown.code, what: thrown.message });
      return;
    }
    await runner.run(signal);
  };
  return loopService("jobs", { run });
}
