import { type LayeredConfig, showDaemonConfig } from "../daemon/configuration/layered-config.ts";
import { configProblems } from "../local-api/config-problems.ts";
import { type CliContext, note } from "./context.ts";

/** What the daemon runs with, or would start with. What is left aside is told on stderr. Throws `config.*`. */
export async function configInForce(context: CliContext): Promise<LayeredConfig> {
  const loaded = await showDaemonConfig(context.options().config, context.clock, context.environment);
  for (const { what } of configProblems(loaded)) note(context, `warning: ${what}`);
  return loaded;
}
