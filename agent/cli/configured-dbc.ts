import { AgentError } from "../core/errors.ts";
import { configInForce } from "./config-in-force.ts";
import type { CliContext } from "./context.ts";

/** The DBC files of the configuration in the notation of --dbc, for a verb without it. Throws `usage.invalid` where there are none, or `config.invalid`. */
export async function configuredDbc(context: CliContext): Promise<readonly string[]> {
  try {
    const { config } = await configInForce(context);
    const files = config.dbc.flatMap(({ file, buses }) => buses?.map((bus) => `${bus}=${file}`) ?? [file]);
    if (files.length > 0) return files;
  } catch (thrown) {
    if (!(thrown instanceof AgentError) || thrown.code !== "config.missing") throw thrown;
  }
  throw new AgentError("usage.invalid", {
    what: `no DBC file: --dbc is absent, and ${context.options().config} names none`,
    remedy: "name the file that describes the log: --dbc vehicle.dbc",
  });
}
