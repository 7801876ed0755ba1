import { Command } from "commander";
import type { CliContext, GlobalOptions } from "./context.ts";

/** Default path of the configuration (product names and places). */
const DEFAULT_CONFIG_FILE = "/etc/causeway/agent.yaml";

/**
 * The whole command tree. A verb's action may throw `AgentError`; main.ts prints it and maps it to its exit code.
 * `bind` is called with the parsed global options before any action runs.
 */
export function createProgram(context: CliContext, bind: (options: GlobalOptions) => void): Command {
  const program = new Command("causeway")
    .description("In-vehicle edge agent: CAN to MQTT 5 with nothing lost in silence")
    .option("--config <file>", "configuration file", DEFAULT_CONFIG_FILE)
    .option("--json", "one JSON object, or one a line", false)
    .option("--quiet", "only data and errors", false)
    .option("--no-color", "no colour (NO_COLOR is honoured too)")
    .option("--no-input", "never ask; fail instead")
    .option("--timeout <seconds>", "give up after this time", "30")
    .option("-v, --verbose", "say more", false)
    .showSuggestionAfterError()
    .exitOverride()
    .hook("preAction", (_program, action) => {
      const given = action.optsWithGlobals<{
        config: string;
        json: boolean;
        quiet: boolean;
        color: boolean;
        input: boolean;
        timeout: string;
        verbose: boolean;
      }>();
      bind({
        config: given.config,
        json: given.json,
        quiet: given.quiet,
        color: given.color && context.environment.NO_COLOR === undefined,
        input: given.input,
        timeoutMs: Number(given.timeout) * 1000,
        verbose: given.verbose,
      });
    });
  // Verb groups register here, one line each, in the order of --help.
  return program;
}
