import { Command, InvalidArgumentError } from "commander";
import { type CliContext, DEFAULT_CONFIG_FILE, type GlobalOptions } from "./context.ts";

type Register = (program: Command, context: CliContext) => void;

/** A verb and those below it, by its name. */
export type VerbGroup = readonly [name: string, load: () => Promise<Register>];

/**
 * The command tree of these groups, as far as the arguments name them, or of all of them (for --help and for a misspelt verb).
 *
 * A verb's action may throw `AgentError`; the caller prints it and maps it to its exit code. `bind` gets the parsed global
 * options before any action runs.
 */
export async function programOf(
  groups: readonly VerbGroup[],
  args: readonly string[],
  context: CliContext,
  bind: (options: GlobalOptions) => void,
): Promise<Command> {
  const program = rootCommand(context, bind);
  const named = groups.filter(([name]) => args.includes(name));
  for (const [, load] of named.length > 0 ? named : groups) {
    const register = await load();
    register(program, context);
  }
  return program;
}

function rootCommand(context: CliContext, bind: (options: GlobalOptions) => void): Command {
  return new Command("causeway")
    .description("In-vehicle edge agent: CAN to MQTT 5 with nothing lost in silence")
    .option("--config <file>", "configuration file", DEFAULT_CONFIG_FILE)
    .option("--json", "one JSON object, or one a line", false)
    .option("--quiet", "only data and errors", false)
    .option("--no-color", "no colour (NO_COLOR is honoured too)")
    .option("--no-input", "never ask; fail instead")
    .option("--timeout <seconds>", "give up after this time", seconds, 30)
    .option("-v, --verbose", "say more", false)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.terminal.stdout.write(text),
      writeErr: (text) => context.terminal.stderr.write(text),
      getOutHelpWidth: () => context.terminal.stdout.columns(),
      getErrHelpWidth: () => context.terminal.stderr.columns(),
    })
    .addHelpText(
      "after",
      "\nExit codes: 0 ok, 1 failed, 2 nothing to do, 3 not running or degraded, 4 reboot required, 64 usage, 65 bad input, 69 unavailable, 75 retry, 77 permission, 78 configuration.",
    )
    .hook("preAction", (_program, action) => bind(globalOptions(action, context)));
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 86_400)) throw new InvalidArgumentError("Give seconds, more than 0 and at most 86400.");
  return value;
}

function globalOptions(action: Command, context: CliContext): GlobalOptions {
  const given = action.optsWithGlobals<{
    config: string;
    json: boolean;
    quiet: boolean;
    color: boolean;
    input: boolean;
    timeout: number;
    verbose: boolean;
  }>();
  return {
    config: given.config,
    json: given.json,
    quiet: given.quiet,
    color: given.color && context.terminal.stdout.isTerminal && context.environment.NO_COLOR === undefined,
    input: given.input,
    timeoutMs: given.timeout * 1000,
    verbose: given.verbose,
  };
}
