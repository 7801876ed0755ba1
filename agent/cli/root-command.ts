import { Command, InvalidArgumentError } from "commander";
import { type CliContext, DEFAULT_CONFIG_FILE, type GlobalOptions } from "./context.ts";
import { helpText } from "./help/help-text.ts";

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
  const program = rootCommand(context, bind, args.includes("--json"));
  const named = groups.filter(([name]) => args.includes(name));
  for (const [, load] of named.length > 0 ? named : groups) {
    const register = await load();
    register(program, context);
  }
  return program;
}

function rootCommand(context: CliContext, bind: (options: GlobalOptions) => void, isJson: boolean): Command {
  const { stdout, stderr } = context.terminal;
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
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => stdout.write(helpOf(text, stdout.columns())),
      writeErr: (text) => stderr.write(helpOf(text, stderr.columns())),
      outputError: (text) => stderr.write(isJson ? `${JSON.stringify(usageError(text))}\n` : usageText(text)),
      getOutHelpWidth: () => stdout.columns(),
      getErrHelpWidth: () => stderr.columns(),
    })
    .addHelpText(
      "after",
      "\nExit codes: 0 ok, 1 failed, 2 nothing to do, 3 not running or degraded, 4 reboot required, 64 usage, 65 bad input, 69 unavailable, 75 retry, 77 permission, 78 configuration.",
    )
    .hook("preAction", (_program, action) => bind(globalOptions(action, context)));
}

/** What a verb has written below its options, wrapped; the part above is wrapped already. */
function helpOf(text: string, columns: number): string {
  return text.startsWith("Usage:") ? text : helpText(text, columns);
}

type Told = { readonly what: string; readonly remedy: string };

/** "error: unknown command 'lst'\n(Did you mean list?)" in our words. */
function toldOf(text: string): Told {
  const [first, ...hints] = text.trim().split("\n");
  const what = first.replace(/^error: /, "").replace("unknown command", "unknown verb");
  const hint = hints.join(" ").replace(/^\(D(.*)\)$/, "d$1");
  return { what, remedy: hint === "" ? "put --help behind the verb, or behind causeway for all verbs" : hint };
}

function usageText(text: string): string {
  const { what, remedy } = toldOf(text);
  return `causeway: ${what}\n  remedy: ${remedy}\n`;
}

function usageError(text: string) {
  return { schemaVersion: 1, error: { code: "usage.invalid", ...toldOf(text) } };
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
    isTimeoutGiven: action.getOptionValueSourceWithGlobals("timeout") !== "default",
    verbose: given.verbose,
  };
}
