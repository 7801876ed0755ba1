import { join } from "node:path";
import { type ConfigLayer, FILE_SET_SECTIONS, layerFiles } from "../config/layers.ts";
import { type LoadedConfig, loadConfigFile } from "../config/load.ts";
import type { AgentConfig } from "../config/schema.ts";
import { beginWithFileSet, type FileSetInUse, fileSetInUse, leaveFileSet } from "../drivers/os/file-set.ts";
import { checkConfig } from "./check-config.ts";
import type { Clock } from "./core/clock.ts";
import { AgentError, errnoOf } from "./core/errors.ts";
import type { LoadedTable } from "./load-table.ts";

/** What lies above the vehicle's own files, the lower first: a signed set of files, and the settings of the last job. */
const LAYERS = ["files", "settings"] as const;
export type LayerName = (typeof LAYERS)[number];

/** The configuration of one start of the daemon. */
export type DaemonConfig = LoadedConfig & {
  /** Name of the set in use of each layer: SHA-256, or "none". */
  readonly sets: Readonly<Record<LayerName, string>>;
  readonly isOnTrial: boolean;
  /** The signal table, where the layers have been checked with it. */
  readonly checkedTable: LoadedTable | undefined;
  /** Layers that this start goes without, and why. */
  readonly refused: readonly { readonly layer: LayerName; readonly what: string }[];
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
 * Reads the vehicle's own files and the sets above them. A set that cannot be used does not keep the agent from starting: it goes
 * without it, and for good when the set was on trial. Throws `config.*` for the vehicle's own files.
 */
export function loadDaemonConfig(path: string, clock: Clock): Promise<DaemonConfig> {
  return loadLayered(path, clock, { begin: beginWithFileSet, leave: leaveFileSet });
}

/** What `loadDaemonConfig` would start the agent with, without beginning anything. Sets that this user may not read are among those refused. */
export function showDaemonConfig(path: string, clock: Clock): Promise<DaemonConfig> {
  return loadLayered(path, clock, { begin: lookAt, leave: () => undefined });
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

type SetAccess = {
  readonly begin: (folder: string) => FileSetInUse;
  readonly leave: (folder: string, reason: string) => void;
};

async function loadLayered(path: string, clock: Clock, access: SetAccess): Promise<DaemonConfig> {
  const own = await loadConfigFile(path);
  const { stateDir, ota } = own.config;
  const refused: { readonly layer: LayerName; readonly what: string }[] = [];
  let inForce: Checked = { loaded: own, table: undefined };
  const used: Record<LayerName, FileSetInUse> = { files: unused(), settings: unused() };
  for (const layer of ota === undefined ? [] : LAYERS) {
    const folder = layerFolder(stateDir, layer);
    const set = access.begin(folder);
    if (set.path === undefined) continue;
    const paths = { files: used.files.path, settings: used.settings.path, [layer]: set.path };
    const tried = await loadWith(path, paths, sectionsOf(own.config), clock);
    if (typeof tried === "string") {
      refused.push({ layer, what: tried });
      access.leave(folder, tried);
      continue;
    }
    inForce = tried;
    used[layer] = set;
  }
  const sets = { files: used.files.name, settings: used.settings.name };
  const { loaded, table: checkedTable } = inForce;
  return { ...loaded, checkedTable, sets, isOnTrial: used.files.isOnTrial || used.settings.isOnTrial, refused };
}

/** What is wrong with a set that is not in use yet, held against the vehicle's own files and the set of the other layer. */
export async function problemOfSet(
  { path, config, sets }: DaemonConfig,
  layer: LayerName,
  draft: string,
  clock: Clock,
): Promise<string | undefined> {
  if ((await layerFiles({ folder: draft })).length === 0)
    return "it holds no agent.d/*.yaml, so that nothing would change";
  const inUse = (name: LayerName): string | undefined =>
    sets[name] === "none" ? undefined : join(layerFolder(config.stateDir, name), sets[name]);
  const paths = { files: inUse("files"), settings: inUse("settings"), [layer]: draft };
  const tried = await loadWith(path, paths, sectionsOf(config), clock);
  return typeof tried === "string" ? tried : undefined;
}

async function loadWith(
  path: string,
  paths: Readonly<Record<LayerName, string | undefined>>,
  sections: Readonly<Record<LayerName, readonly string[]>>,
  clock: Clock,
): Promise<Checked | string> {
  const layers = LAYERS.flatMap((layer): ConfigLayer[] => {
    const folder = paths[layer];
    return folder === undefined ? [] : [{ folder, sections: sections[layer] }];
  });
  try {
    const loaded = await loadConfigFile(path, { layers });
    return { loaded, table: await checkConfig(loaded, clock) };
  } catch (thrown) {
    if (thrown instanceof AgentError) return thrown.message;
    throw thrown;
  }
}

function unused(): FileSetInUse {
  return { name: "none", path: undefined, isOnTrial: false };
}
