import { isAbsolute, join } from "node:path";
import type { ConfigCopy } from "../agent/core/config-copy.ts";
import type { CommandsConfig } from "./commands.ts";
import type { AgentConfig, OtaConfig } from "./schema.ts";

/** The files that `config` names and that belong into a copy of it: what is decoded, and whom the agent trusts to be its broker. None of them says who may act. */
export function copiedFiles({ dbc, broker, ota }: AgentConfig): readonly string[] {
  const download = ota?.download.caFile;
  return [...dbc.map(({ file }) => file), broker.caFile, ...(download === undefined ? [] : [download])];
}

/**
 * `config` as read from a copy, with the copies of the files that it names. What lets others act is left out, since the files that
 * cannot be read may have taken it away: no catalogue, and no programs that jobs run.
 */
export function fromCopy(config: AgentConfig, { files }: ConfigCopy): AgentConfig {
  const from = (path: string): string => files.get(path) ?? path;
  const { dbc, broker, commands, ota } = config;
  return {
    ...config,
    dbc: dbc.map((entry) => ({ ...entry, file: from(entry.file) })),
    broker: { ...broker, caFile: from(broker.caFile) },
    ...(commands === undefined ? {} : { commands: { ...commands, catalogueFile: undefined } }),
    ...(ota === undefined ? {} : { ota: resolveDownload({ ...ota, jobs: { ...ota.jobs, handlers: [] } }, from) }),
  };
}

/** The configuration with absolute paths: those of `dbc` from `dbcFolder`, all others from `folder`. */
export function resolvePaths(config: AgentConfig, folder: string, dbcFolder: string): AgentConfig {
  const from = (path: string, base = folder): string => (isAbsolute(path) ? path : join(base, path));
  const identity =
    config.identity.mode === "file"
      ? {
          ...config.identity,
          certificateFile: from(config.identity.certificateFile),
          keyFile: from(config.identity.keyFile),
        }
      : {
          ...config.identity,
          certificateFile: from(config.identity.certificateFile),
          ...resolveOptional(config.identity, ["pinFile", "officerPinFile"], from),
          tpm: {
            ...config.identity.tpm,
            ...resolveOptional(config.identity.tpm, ["ownerAuthFile", "lockoutAuthFile"], from),
          },
        };
  return {
    ...config,
    identity,
    buses: config.buses.map((bus) => (bus.driver === "replay" ? { ...bus, file: from(bus.file) } : bus)),
    dbc: config.dbc.map((entry) => ({ ...entry, file: from(entry.file, dbcFolder) })),
    broker: { ...config.broker, caFile: from(config.broker.caFile) },
    ...(config.proxy === undefined
      ? {}
      : { proxy: { ...config.proxy, ...resolveOptional(config.proxy, ["credentialsFile"], from) } }),
    ...(config.commands === undefined ? {} : { commands: resolveCommands(config.commands, from) }),
    ...(config.ota === undefined ? {} : { ota: resolveOta(config.ota, from) }),
  };
}

/** The paths of `names` that are set. */
function resolveOptional<Name extends string>(
  holder: Readonly<Partial<Record<Name, string | undefined>>>,
  names: readonly Name[],
  from: (path: string) => string,
): Partial<Record<Name, string>> {
  const resolved: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const path = holder[name];
    if (path !== undefined) resolved[name] = from(path);
  }
  return resolved;
}

function resolveCommands(commands: CommandsConfig, from: (path: string) => string): CommandsConfig {
  const { catalogueFile, policyFile } = commands;
  const catalogue = catalogueFile === undefined ? {} : { catalogueFile: from(catalogueFile) };
  return { ...commands, policyFile: from(policyFile), ...catalogue };
}

function resolveOta(ota: OtaConfig, from: (path: string) => string): OtaConfig {
  return resolveDownload({ ...ota, rootFile: from(ota.rootFile) }, from);
}

function resolveDownload(ota: OtaConfig, from: (path: string) => string): OtaConfig {
  const { caFile } = ota.download;
  return caFile === undefined ? ota : { ...ota, download: { ...ota.download, caFile: from(caFile) } };
}
