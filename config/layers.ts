import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../agent/core/errors.ts";

/**
 * Files above those of the vehicle's own folder, which came from outside: they may set these sections and no others. Relative paths in
 * them are taken from `folder`.
 */
export type ConfigLayer = {
  readonly folder: string;
  readonly sections: readonly string[];
};

/** What a signed set of files may set. Who may do what, and where the vehicle connects to, stays with the vehicle. */
export const FILE_SET_SECTIONS = ["dbc", "vss", "collect", "encode", "outbox", "log"] as const;

/** What a job may set at most, without a further signature (`ota.jobs.settings`): what is collected and how it is sent, and nothing that acts or opens a file. */
export const JOB_SECTIONS = ["collect", "encode", "log"] as const;

/** The configuration files of a layer, in name order: `agent.d/*.yaml` in its folder. */
export async function layerFiles({ folder }: Pick<ConfigLayer, "folder">): Promise<readonly string[]> {
  const place = join(folder, "agent.d");
  try {
    const names = await readdir(place);
    return names
      .filter((name) => name.endsWith(".yaml"))
      .sort()
      .map((name) => join(place, name));
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return [];
    throw error;
  }
}
