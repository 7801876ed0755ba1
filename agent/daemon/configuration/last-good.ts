import { join, resolve } from "node:path";
import { guessPath } from "../../../config/path-guess.ts";
import type { AgentConfig } from "../../../config/schema.ts";
import { type ConfigSnapshot, findLastGood, keepLastGood } from "../../../drivers/os/last-good.ts";
import type { Clock } from "../../core/clock.ts";
import type { ConfigCopy } from "../../core/config-copy.ts";
import { AgentError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";

/** Where a packaged daemon keeps its state (product names and places). */
const DEFAULT_STATE_DIR = "/var/lib/causeway";

/**
 * The copy of the configuration at `path` that the agent last started well with; undefined when there is none. It is looked for in the
 * state directory that the damaged files still seem to name, that the service manager names, and that of the package. Throws
 * `input.malformed` for a copy that is damaged too.
 */
export async function lastGoodOf(
  path: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ConfigCopy | undefined> {
  const main = resolve(path);
  const named = [await guessPath(main, "stateDir"), environment.STATE_DIRECTORY?.split(":")[0], DEFAULT_STATE_DIR];
  for (const stateDir of new Set(named)) {
    if (stateDir === undefined) continue;
    const copy = await findLastGood(folderIn(stateDir), main);
    if (copy !== undefined) return copy;
  }
  return undefined;
}

/** A configuration that the agent has started with. `snapshot` is undefined for one that is itself a copy; one on trial is not kept. */
export type StartedConfig = {
  readonly config: Pick<AgentConfig, "stateDir" | "lastGood">;
  readonly snapshot: ConfigSnapshot | undefined;
  readonly isOnTrial: boolean;
};

/** Keeps the configuration that the agent has started well with. What cannot be kept is told in the log, and costs nothing else. */
export async function keepAsLastGood(
  { config, snapshot, isOnTrial }: StartedConfig,
  clock: Clock,
  log: Log,
): Promise<void> {
  const { stateDir, lastGood } = config;
  if (snapshot === undefined || isOnTrial || lastGood.maxBytes === 0) return;
  if (snapshot.bytes > lastGood.maxBytes) {
    log.warn("config.not-kept", { what: `${snapshot.bytes} bytes, more than lastGood.maxBytes: ${lastGood.maxBytes}` });
    return;
  }
  try {
    await keepLastGood(folderIn(stateDir), snapshot, new Date(clock.wallUs() / 1000).toISOString());
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    log.warn("config.not-kept", { what: thrown.message, remedy: thrown.remedy });
  }
}

function folderIn(stateDir: string): string {
  return join(stateDir, "last-good");
}
