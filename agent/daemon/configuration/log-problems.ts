import type { Log } from "../../core/log.ts";
import type { ConfigProblem } from "../../local-api/config-problems.ts";
import type { DaemonConfig } from "./layered-config.ts";

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
