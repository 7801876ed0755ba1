import type { Log } from "../core/log.ts";
import type { Status } from "../local-api/status-schema.ts";
import type { DaemonConfig, LayeredConfig } from "./layered-config.ts";

/** Something that was written to configure the agent and that is not in force. `event` names it in the log and in records. */
export type ConfigProblem = { readonly event: string; readonly what: string; readonly remedy: string };

/** What this start of the agent goes without. */
export function configProblems({ path, copy, unusable, refused, ignored }: Unmet): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (copy !== undefined && unusable !== undefined) {
    const what = `the configuration cannot be used, and the one of ${copy.keptAt} is in force: ${firstOf(unusable.message)}`;
    const cost = "commands that act are refused and updates wait until then";
    problems.push({
      event: "config.unusable",
      what,
      remedy: `correct it (causeway config validate --config ${path}) and start the agent anew; ${cost}`,
    });
  }
  for (const { layer, what } of refused) {
    const remedy = "install the set of files anew, or send the settings again";
    problems.push({ event: "config.layer-refused", what: `the set of ${layer} is not in force: ${what}`, remedy });
  }
  if (ignored !== undefined) {
    const what = `what commands have set is not in force: ${ignored}`;
    problems.push({ event: "config.settings-ignored", what, remedy: "set it anew with the command config.set" });
  }
  return problems;
}

/** Of many faults the first; `config validate` tells them all. */
function firstOf(message: string): string {
  const [first, ...more] = message.split("\n");
  return more.length === 0 ? first : `${first} (and ${more.length} lines more)`;
}

type Unmet = Pick<LayeredConfig, "path" | "copy" | "unusable" | "refused" | "ignored">;

/** The configuration's part of the status. */
export function configStatus(loaded: Unmet): Status["configuration"] {
  const problems = configProblems(loaded).map(({ what, remedy }) => ({ what, remedy }));
  return { file: loaded.path, source: loaded.copy === undefined ? "files" : "last-good", problems };
}

/** Says in the log what is wrong with the configuration that the agent starts with all the same. */
export function logProblems(
  { config, checkedTable }: DaemonConfig,
  problems: readonly ConfigProblem[],
  log: Log,
): void {
  for (const warning of checkedTable.warnings) log.warn("config.doubtful", { warning });
  for (const { event, what, remedy } of problems) log.error(event, { what, remedy });
  if (config.bench) log.warn("config.bench-allowed", { allows: "what must never be on a vehicle" });
}
