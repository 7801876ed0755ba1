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
import { createDownloadFolder, createFloorFile } from "../../drivers/os/versions/update-files.ts";
import { Requester } from "../cloud/requester.ts";
import { AgentError, type FaultCode } from "../core/errors.ts";
import type { Service } from "../core/lifecycle.ts";
import { AwsJobs } from "../jobs/aws-jobs.ts";
import { renewSource } from "../jobs/handlers/ota-job.ts";
import { type JobVerbs, jobReport } from "../local-api/job-verbs.ts";
import { type OtaParts, updateReport } from "../local-api/ota-verbs.ts";
import type { DownloadFolder, Installer } from "../ports/update.ts";
import { FileStreams } from "../updates/download/file-streams.ts";
import { GivenWord } from "../updates/given-word.ts";
import { createProgramInstaller } from "../updates/installers/program-installer.ts";
import { createRaucInstaller } from "../updates/installers/rauc-installer.ts";
import { createHooks } from "../updates/program-hooks.ts";
import { createFloors, type Floors } from "../updates/trust/floors.ts";
import { ARTIFACT_KINDS, type ArtifactKind } from "../updates/trust/manifest.ts";
import { openSealedFloors } from "../updates/trust/sealed-floors.ts";
import { type DeskParts, UpdateDesk } from "../updates/update-desk.ts";
import { createInstallGate, installCondition } from "../updates/update-gate.ts";
import { createUpdateSteps } from "../updates/update-steps.ts";
import { UpdateTrail } from "../updates/update-trail.ts";
import type { GateVerdict, HealthVerdict } from "../updates/update-work.ts";
import { Updater } from "../updates/updater.ts";
import { composeJobs } from "./compose-jobs.ts";
import { risingCounter } from "./compose-keys.ts";
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
const REQUESTER_LIMITS = { timeoutMs: 10_000, maxPending: 8, maxAnswerBytes: 131_072 } as const;

/** Updates, wired: the services that take them from the cloud and carry them out, and what the local sockets ask. */
export type Updates = {
  readonly services: readonly Service[];
  readonly verbs: OtaParts;
  readonly jobVerbs: JobVerbs | undefined;
  /** For the agent's status. */
  readonly report: StatusParts["updates"];
};

/** The part of the composition root that wires updates. Throws `config.invalid`. */
export async function composeUpdate(parts: UpdateParts): Promise<Updates> {
  const { config, settings, journal, clock, log, environment } = parts;
  const pinned = await loadTrustRoot(settings.rootFile, parts.loaded.locate(["ota", "rootFile"]));
  const running = environment.CAUSEWAY_RELEASE;
  const folder = createDownloadFolder(join(config.stateDir, "updates"));
  const installers = installersOf(parts, folder);
  const floors = await floorsOf(parts);
  const desk = deskOf(parts, { pinned, floors, installers });
  const jobs = jobsOf(parts);
  const current = (): string | undefined => updater.current()?.digest;
  const [vouched, agreed] = [new GivenWord(current), new GivenWord(current)];
  const health = healthOf(parts);
  const { steps, progress, untilStart } = createUpdateSteps({
    downloader: await downloaderOf(parts),
    folder,
    installers,
    hooks: createHooks({ before: settings.hooks.before, after: settings.hooks.after, run: runProgram }),
    floors,
    clock,
    judgement: {
      judge: (request) => desk.judge(request),
      gate: gateOf(parts, () => agreed.holds()),
      link: linkOf(parts),
      health: () => (vouched.holds() ? { kind: "healthy" } : health()),
      renew: (record, name, signal) => renewSource(jobs, record, name, signal),
      giveUpMs: settings.download.giveUpHours * HOUR_MS,
      backWithinMs: settings.gate.backWithinMinutes * 60_000,
      proveMs: settings.prove.withinSeconds * 1000,
    },
  });
  const restart = Promise.withResolvers<never>();
  const restartAgent = (): void => restart.reject(restartWanted());
  const updater = new Updater({
    store: new UpdateTrail({ journal, sink: parts.phases, progress: () => progress, clock }),
    steps,
    clock,
    log,
    restart: restartAgent,
    reboot: () => reboot(parts),
    // Where someone else starts the system anew, that one looks at the vehicle.
    untilStart: async (state, signal) =>
      (state.awaits === "reboot" && !settings.reboot) || (await untilStart(state, signal)),
  });
  const ota = { desk, updater, progress, clock };
  const cloudJobs = composeJobs({ ...parts, jobs, ota, health, restart: restartAgent });
  const said = { vouch: () => vouched.give(), consent: () => agreed.give() };
  return {
    services: [updateService(updater, restart.promise), ...(settings.jobs.enabled ? [cloudJobs.service] : [])],
    verbs: { desk, updater, floors, progress, running, ...said, clock, log },
    jobVerbs: settings.jobs.enabled ? cloudJobs.verbs : undefined,
    report: { job: () => jobReport(cloudJobs.verbs), update: () => updateReport({ updater, progress }) },
  };
}

/** Whom to trust, and what this vehicle takes. */
function deskOf(
  { config, settings, version, journal, clock, log }: UpdateParts,
  { pinned, floors, installers }: Pick<DeskParts, "pinned" | "floors"> & { readonly installers: Installers },
): UpdateDesk {
  const kinds = ARTIFACT_KINDS.filter((kind) => installers[kind] !== undefined);
  const handlers = settings.installers.map(({ name }) => name);
  const vehicle = { hardware: settings.hardware, agentVersion: version, kinds, handlers };
  const rootCopy = createFloorFile(releasesOf(config), "root.json");
  const lossOwner = config.commands === undefined ? "ota" : "commands";
  return new UpdateDesk({ journal, lossOwner, floors, rootCopy, pinned, clock, log, vehicle });
}

function jobsOf({ config, settings, broker, clock, log }: UpdateParts): AwsJobs {
  const requester = new Requester({ broker, clock, log, limits: REQUESTER_LIMITS, token: randomUUID });
  const { stepTimeoutMinutes } = settings.jobs;
  return new AwsJobs({ thing: config.thingName, broker, requester, stepTimeoutMinutes });
}

function releasesOf({ stateDir }: Pick<AgentConfig, "stateDir">): string {
  return join(stateDir, "releases");
}

async function floorsOf({ settings, config, journal, environment }: UpdateParts): Promise<Floors> {
  const folder = releasesOf(config);
  const before = createFloors(journal, createFloorFile(folder, "floors.json"));
  if (settings.floorCounter === undefined) return before;
  const counter = risingCounter(config, environment, settings.floorCounter.index);
  return await openSealedFloors({ counter, journal, copy: createFloorFile(folder, "sealed-floors.json"), before });
}

type Installers = Partial<Record<ArtifactKind, Installer>>;

/** What this vehicle can install. Without the supervisor nobody would go back from a new version of the agent. */
function installersOf(parts: UpdateParts, downloads: DownloadFolder): Installers {
  const { loaded, config, settings, journal, bootId, clock, environment } = parts;
  const { stateDir } = config;
  const { enabled, busAddress: address, timeoutSeconds } = settings.rauc;
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
    ...(settings.installers.length > 0
      ? { exec: createProgramInstaller({ listed: settings.installers, run: runProgram, downloads }) }
      : {}),
  };
}

/** Where it may, it starts the system anew; a refusal leaves it to someone else. */
async function reboot({ config, settings, log }: UpdateParts): Promise<void> {
  if (!settings.reboot) return;
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

async function downloaderOf({ config, settings, environment, broker, clock, log, random }: UpdateParts) {
  const {
    caFile,
    minRateWindowSeconds,
    giveUpHours,
    maxBytesPerSecond,
    streams,
    metered: _,
    ...bounds
  } = settings.download;
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

function gateOf({ loaded, settings, clock, signals, steps }: UpdateParts, hasAgreed: () => boolean) {
  const { condition, holdSeconds, window, consent } = settings.gate;
  if (loaded.copy !== undefined)
    return () => ({ kind: "closed", waitingFor: "a configuration that can be used" }) as const;
  const gate = installCondition(condition, { signals, steps, clock });
  return createInstallGate({ condition: gate, holdSeconds, window, hasConsent: () => !consent || hasAgreed(), clock });
}

function linkOf({ config, settings, clock }: UpdateParts): (bytes: number) => Promise<GateVerdict> {
  const { interfaces, maxBytes } = settings.download.metered;
  const { host, port } = config.proxy ?? config.broker;
  const route = new Route({ host, port, clock });
  return async (bytes) => {
    if (interfaces.length === 0 || bytes <= maxBytes) return { kind: "open" };
    const name = await route.interfaceName();
    if (name === undefined || !interfaces.includes(name)) return { kind: "open" };
    return { kind: "closed", waitingFor: `another link than ${name}, which is metered` };
  };
}

/** Faults of a vehicle without coverage. What a proxy refuses is none of them: a new version may have forgotten how to ask it. */
const OUT_OF_REACH: readonly FaultCode[] = ["broker.unreachable", "proxy.unreachable", "proxy.bad-gateway"];

/** Healthy: the configuration is in force, the outbox takes records, every bus is bound, and a broker has acknowledged something or has been out of reach for the time of grace. */
function healthOf({ loaded, settings, clock, broker, watched }: UpdateParts): () => HealthVerdict {
  if (loaded.copy !== undefined) return () => ({ kind: "unproven", missing: "a configuration that can be used" });
  const { outbox, publisher, buses } = watched;
  const sinceMs = clock.monotonicMs();
  return () => {
    const absent = buses.find(({ state }) => state === "absent");
    if (outbox.stats().fault !== undefined) return { kind: "unproven", missing: "an outbox that can be written" };
    if (absent !== undefined) return { kind: "unproven", missing: `bus ${absent.bus.name}: ${absent.detail}` };
    const { connects, fault } = broker.status();
    const hasSent = publisher.counters().firstPubackMs !== undefined || outbox.stats().records === 0;
    if (connects > 0 && hasSent) return { kind: "healthy" };
    const isOutOfReach = fault !== undefined && OUT_OF_REACH.includes(fault.code);
    const graceMs = sinceMs + settings.prove.offlineSeconds * 1000 - clock.monotonicMs();
    if (isOutOfReach && graceMs <= 0) return { kind: "healthy" };
    return {
      kind: "unproven",
      missing: fault === undefined ? "an acknowledgement of the broker" : `a connection: ${fault.what}`,
    };
  };
}
