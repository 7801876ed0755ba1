import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { AgentConfig } from "../../config/schema.ts";
import { RaucService } from "../../drivers/dbus/rauc-service.ts";
import { createDownloader } from "../../drivers/os/download/download.ts";
import { runProgram } from "../../drivers/os/run-program.ts";
import { createFileSet } from "../../drivers/os/versions/file-set.ts";
import { createSlots } from "../../drivers/os/versions/slots.ts";
import { createRollbackIndexFile } from "../../drivers/os/versions/update-files.ts";
import type { Downloader, DownloadFolder, Installer } from "../ports/update.ts";
import { FileStreams } from "../updates/download/file-streams.ts";
import { createProgramInstaller } from "../updates/installers/program-installer.ts";
import { createRaucInstaller } from "../updates/installers/rauc-installer.ts";
import { ARTIFACT_KINDS, type ArtifactKind } from "../updates/trust/manifest.ts";
import { createRollbackIndexes, type RollbackIndexes } from "../updates/trust/rollback-indexes.ts";
import { RootStore, type RootStoreParts } from "../updates/trust/root-store.ts";
import { openSealedRollbackIndexes } from "../updates/trust/sealed-rollback-indexes.ts";
import { UpdateVerifier } from "../updates/update-verifier.ts";
import { monotonicCounter } from "./compose-keys.ts";
import { composeProxy } from "./compose-proxy.ts";
import { layerFolder, problemOfSet } from "./configuration/layered-config.ts";
import type { Runtime, UpdateParts } from "./parts.ts";

/** Between two connections of a download; full jitter. */
const RECONNECT = { minMs: 1000, maxMs: 300_000 } as const;
const HOUR_MS = 3_600_000;

/** What artifacts are judged by, and what they are installed by. */
export type Trusted = Pick<RootStoreParts, "pinned" | "rollbackIndexes"> & { readonly installers: Installers };

/** Whom to trust, and what this vehicle takes. */
export function composeVerifier(
  { loaded, otaConfig, journal }: UpdateParts,
  { pinned, rollbackIndexes, installers }: Trusted,
  { version, clock, log }: Runtime,
): UpdateVerifier {
  const { config } = loaded;
  const kinds = ARTIFACT_KINDS.filter((kind) => installers[kind] !== undefined);
  const handlers = otaConfig.installers.map(({ name }) => name);
  const vehicle = { hardware: otaConfig.hardware, agentVersion: version, kinds, handlers };
  const copy = createRollbackIndexFile(releasesOf(config), "root.json");
  const roots = new RootStore({ journal, copy, pinned, rollbackIndexes, log });
  const lossOwner = config.commands === undefined ? "ota" : "commands";
  return new UpdateVerifier({ journal, lossOwner, rollbackIndexes, roots, clock, vehicle });
}

/** The rollback indexes of all components, and the counter in the TPM that vouches for them where it is asked to. */
export async function composeRollbackIndexes(
  { loaded, otaConfig, journal }: UpdateParts,
  { environment }: Runtime,
): Promise<RollbackIndexes> {
  const { config } = loaded;
  const folder = releasesOf(config);
  const before = createRollbackIndexes(journal, createRollbackIndexFile(folder, "rollback-indexes.json"));
  if (otaConfig.rollbackCounter === undefined) return before;
  const counter = monotonicCounter(config, environment, otaConfig.rollbackCounter.index);
  return await openSealedRollbackIndexes({
    counter,
    journal,
    copy: createRollbackIndexFile(folder, "sealed-rollback-indexes.json"),
    before,
  });
}

/** What installs artifacts, by their kind. */
export type Installers = Partial<Record<ArtifactKind, Installer>>;

/** What this vehicle can install. Without the supervisor nobody would go back from a new version of the agent. */
export function composeInstallers(
  { loaded, otaConfig, journal }: UpdateParts,
  downloads: DownloadFolder,
  { bootId, clock, environment }: Runtime,
): Installers {
  const { stateDir } = loaded.config;
  const { enabled, busAddress: address, timeoutSeconds } = otaConfig.rauc;
  const sleep = (ms: number, signal: AbortSignal): Promise<void> => clock.sleep(ms, signal);
  const rauc = new RaucService({ address, installMs: timeoutSeconds * 1000, sleep });
  const running = environment.CAUSEWAY_RELEASE;
  const releases = releasesOf(loaded.config);
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

/** What fetches artifacts: over HTTPS, from streams of the broker, or from the disk. */
export async function composeDownloader(
  { loaded, otaConfig, link }: UpdateParts,
  { environment, clock, log, random }: Runtime,
): Promise<Downloader> {
  const { config } = loaded;
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
      broker: link.broker,
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

function releasesOf({ stateDir }: Pick<AgentConfig, "stateDir">): string {
  return join(stateDir, "releases");
}
