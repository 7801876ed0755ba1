import { existsSync } from "node:fs";
import { join } from "node:path";
import { type ConfigLayer, FILE_SET_SECTIONS, layerFiles } from "../../../config/layers.ts";
import { type LoadedConfig, loadConfigFile, ownFiles } from "../../../config/load.ts";
import { copiedFiles } from "../../../config/paths.ts";
import type { AgentConfig } from "../../../config/schema.ts";
import { type ConfigSnapshot, snapshotOf } from "../../../drivers/os/last-good.ts";
import {
  beginWithFileSet,
  type FileSetInUse,
  fileSetInUse,
  leaveFileSet,
} from "../../../drivers/os/versions/file-set.ts";
import type { Clock } from "../../core/clock.ts";
import type { ConfigCopy } from "../../core/config-copy.ts";
import { AgentError, EXIT, errnoOf, FAULTS } from "../../core/errors.ts";
import { type FoundCampaigns, findCampaigns, inFolder, loadCampaignFiles } from "./campaign-files.ts";
import { checkConfig } from "./check-config.ts";
import { lastGoodOf } from "./last-good.ts";
import type { LoadedTable } from "./load-table.ts";

/** What lies above the vehicle's own files, the lower first: a signed set of files, and the settings from the cloud. */
const LAYERS = ["files", "settings"] as const;
export type LayerName = (typeof LAYERS)[number];

/** The configuration with what lies above the vehicle's own files. */
export type LayeredConfig = LoadedConfig & {
  /** Name of the set in use of each layer: SHA-256, or "none". */
  readonly sets: Readonly<Record<LayerName, string>>;
  readonly isOnTrial: boolean;
  /** Layers that this start goes without, and why. */
  readonly refused: readonly { readonly layer: LayerName; readonly what: string }[];
  /** Why the vehicle's own files were not used, but their copy; undefined when they were. */
  readonly unusable: AgentError | undefined;
};

/** The configuration of one start of the daemon. */
export type DaemonConfig = LayeredConfig & {
  /** The signal table that it was checked with; what it was made of only where there is a catalogue. */
  readonly checkedTable: LoadedTable;
  /** Of the vehicle's own files. */
  readonly campaigns: FoundCampaigns;
  /** The vehicle's own files and those that they name, before they were checked; undefined when their copy was read. */
  readonly snapshot: ConfigSnapshot | undefined;
};

/** Who hears how far loading is. */
export type LoadProgress = {
  /** The vehicle's own files were read, or their copy; it is not known yet whether all that they name can be used. */
  onRead(config: AgentConfig): void;
  /** The signal table is made. */
  onTable(): void;
};

/** A configuration, and the table that it was checked with. */
type Checked = { readonly loaded: LoadedConfig; readonly table: LoadedTable | undefined };

/** What each layer may set. The vehicle's own files say it: `ota` is no section of a layer. */
function sectionsOf({ ota }: Pick<AgentConfig, "ota">): Readonly<Record<LayerName, readonly string[]>> {
  return { files: FILE_SET_SECTIONS, settings: ota?.jobs.settings ?? [] };
}

/** Where the sets of a layer are. */
export function layerFolder(stateDir: string, layer: LayerName): string {
  return join(stateDir, layer);
}

/**
 * Reads the vehicle's own files and the sets above them, and checks all that they name. A set that cannot be used does not keep the
 * agent from starting: it goes without it, and for good when the set was on trial. Own files that cannot be used do not either, where
 * `environment` is given and they are kept as they last started well. `progress` hears how far it is. Throws `config.*` for the vehicle's own
 * files.
 */
export async function loadDaemonConfig(
  path: string,
  clock: Clock,
  environment?: Environment,
  progress?: LoadProgress,
): Promise<DaemonConfig> {
  const access = { begin: beginWithFileSet, leave: leaveFileSet };
  return await orLastGood(path, environment, async (copy) => {
    const own = await loadConfigFile(path, { copy });
    progress?.onRead(own.config);
    const snapshot =
      copy === undefined ? await snapshotOf(await ownFiles(own.path), copiedFiles(own.config)) : undefined;
    const { table, ...layered } = await loadLayered(own, clock, access);
    const checkedTable = table ?? (await checkConfig(layered, clock));
    progress?.onTable();
    // What the files say beyond the table is as large as it, and only a catalogue looks it up, and who reads positions from frames.
    const { commands, place } = layered.config;
    const isRead = place?.sources.some(({ kind }) => kind === "signals") === true;
    const isLookedUp = commands?.catalogueFile !== undefined || isRead;
    const config = withMappedRules(layered.config, checkedTable);
    const campaigns = await findCampaigns(config, setFolderOf(layered), checkedTable.table);
    return {
      ...layered,
      config,
      snapshot,
      campaigns,
      checkedTable: isLookedUp ? checkedTable : { ...checkedTable, sources: [] },
    };
  });
}

/** The rules that a mapping to VSS stands for come first, where they count at all. */
function withMappedRules(config: AgentConfig, { mappedRules }: LoadedTable): AgentConfig {
  const { collect, vss } = config;
  return vss?.collect === true
    ? { ...config, collect: { ...collect, rules: [...mappedRules, ...collect.rules] } }
    : config;
}

/** What `loadDaemonConfig` would start the agent with, without beginning or checking anything. Sets that this user may not read are among those refused. */
export async function showDaemonConfig(path: string, clock: Clock, environment?: Environment): Promise<LayeredConfig> {
  const access = { begin: lookAt, leave: () => undefined };
  return await orLastGood(path, environment, async (copy) =>
    loadLayered(await loadConfigFile(path, { copy }), clock, access),
  );
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What `load` gives, or what it gives with the last known good copy when the files themselves are faulty. */
async function orLastGood<T>(
  path: string,
  environment: Environment | undefined,
  load: (copy?: ConfigCopy) => Promise<T>,
): Promise<T & Pick<LayeredConfig, "unusable">> {
  try {
    return { ...(await load()), unusable: undefined };
  } catch (thrown) {
    if (environment === undefined || !(thrown instanceof AgentError) || FAULTS[thrown.code].exit !== EXIT.configuration)
      throw thrown;
    const copy = await lastGoodOf(path, environment).catch((problem: unknown) => withoutCopy(thrown, problem));
    if (copy === undefined) throw thrown;
    const loaded = await load(copy).catch((problem: unknown) => withoutCopy(thrown, problem));
    return { ...loaded, unusable: thrown };
  }
}

/** One that may not be read is named by its link, and refused when it is looked into. */
function lookAt(folder: string): FileSetInUse {
  try {
    return fileSetInUse(folder);
  } catch (thrown) {
    if (errnoOf(thrown) !== "EACCES") throw thrown;
    return { name: "current", path: join(folder, "current"), isOnTrial: false };
  }
}

/** Tells both faults: that of the files, and that of their copy. */
function withoutCopy({ code, message, remedy }: AgentError, problem: unknown): never {
  if (!(problem instanceof AgentError)) throw problem;
  throw new AgentError(code, {
    what: `${message}\nand the last known good configuration does not help: ${problem.message}`,
    remedy,
    cause: problem,
  });
}

type SetAccess = {
  readonly begin: (folder: string) => FileSetInUse;
  readonly leave: (folder: string, reason: string) => void;
};

async function loadLayered(own: LoadedConfig, clock: Clock, access: SetAccess) {
  const { stateDir, ota } = own.config;
  const refused: { readonly layer: LayerName; readonly what: string }[] = [];
  let inForce: Checked = { loaded: own, table: undefined };
  const used: Record<LayerName, FileSetInUse> = { files: unused(), settings: unused() };
  for (const layer of ota === undefined ? [] : LAYERS) {
    const folder = layerFolder(stateDir, layer);
    const set = access.begin(folder);
    if (set.path === undefined) continue;
    const paths = { files: used.files.path, settings: used.settings.path, [layer]: set.path };
    const tried = await loadWith(own, paths, sectionsOf(own.config), clock);
    if (typeof tried === "string") {
      // Who sent the set knows its files, and no folder of this vehicle; the reason goes to the cloud.
      const what = tried.replaceAll(`${join(set.path, "agent.d")}/`, "");
      refused.push({ layer, what });
      access.leave(folder, what);
      continue;
    }
    inForce = tried;
    used[layer] = set;
  }
  const sets = { files: used.files.name, settings: used.settings.name };
  const { loaded, table } = inForce;
  return { ...loaded, table, sets, isOnTrial: used.files.isOnTrial || used.settings.isOnTrial, refused };
}

/**
 * What is wrong with a set that is not in use yet, held against the vehicle's own files and the set of the other layer. Where a copy is in
 * force every set is refused: the files that cannot be used may have taken away what the copy lets a layer set.
 */
export async function problemOfSet(
  loaded: Pick<DaemonConfig, "path" | "copy" | "config" | "sets">,
  layer: LayerName,
  draft: string,
  clock: Clock,
): Promise<string | undefined> {
  if (loaded.copy !== undefined) return "the vehicle's own configuration cannot be used, and must be mended first";
  const { config, sets } = loaded;
  const hasCampaigns = layer === "files" && existsSync(join(draft, "campaigns"));
  if (!hasCampaigns && (await layerFiles({ folder: draft })).length === 0)
    return "it holds no agent.d/*.yaml and no campaigns/*.yaml, so that nothing would change";
  const inUse = (name: LayerName): string | undefined =>
    sets[name] === "none" ? undefined : join(layerFolder(config.stateDir, name), sets[name]);
  const paths = { files: inUse("files"), settings: inUse("settings"), [layer]: draft };
  const tried = await loadWith(loaded, paths, sectionsOf(config), clock);
  if (typeof tried === "string") return tried;
  if (!hasCampaigns || tried.table === undefined) return undefined;
  const { refused } = await loadCampaignFiles(inFolder(tried.loaded.config, draft), tried.table.table);
  return refused.length === 0 ? undefined : refused.map(({ what }) => what).join("\n");
}

/** The folder of the signed set of files in use. */
function setFolderOf({ config, sets }: Pick<LayeredConfig, "config" | "sets">): string | undefined {
  return sets.files === "none" ? undefined : join(layerFolder(config.stateDir, "files"), sets.files);
}

async function loadWith(
  { path, copy }: Pick<LoadedConfig, "path" | "copy">,
  paths: Readonly<Record<LayerName, string | undefined>>,
  sections: Readonly<Record<LayerName, readonly string[]>>,
  clock: Clock,
): Promise<Checked | string> {
  const layers = LAYERS.flatMap((layer): ConfigLayer[] => {
    const folder = paths[layer];
    return folder === undefined ? [] : [{ folder, sections: sections[layer] }];
  });
  try {
    const loaded = await loadConfigFile(path, { layers, copy });
    return { loaded, table: await checkConfig(loaded, clock) };
  } catch (thrown) {
    if (thrown instanceof AgentError) return thrown.message;
    throw thrown;
  }
}

function unused(): FileSetInUse {
  return { name: "none", path: undefined, isOnTrial: false };
}
