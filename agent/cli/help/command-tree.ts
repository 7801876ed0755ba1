import type { Command } from "commander";

/** One option as its verb declares it. */
export type OptionHelp = {
  /** As in --help: "-o, --output <file>". */
  readonly flags: string;
  readonly short: string | undefined;
  readonly long: string | undefined;
  readonly description: string;
  /** Words that it takes, when there is a fixed set of them. */
  readonly choices: readonly string[];
  /** "none" is a switch, "word" has a value and "file" one that names a file. */
  readonly value: "none" | "word" | "file";
};

/** One argument of a verb. */
export type ArgumentHelp = {
  /** As in --help: "<file>", "[dir]", "<file...>". */
  readonly usage: string;
  readonly description: string;
  readonly choices: readonly string[];
  readonly isFile: boolean;
  readonly isVariadic: boolean;
};

/** A verb, a group of verbs, or the program itself: what --help says, as data. */
export type CommandHelp = {
  /** The words that lead here, without the program's name: ["config", "show"]. */
  readonly path: readonly string[];
  readonly description: string;
  readonly arguments: readonly ArgumentHelp[];
  readonly options: readonly OptionHelp[];
  /** What --help adds below the options: examples, mostly. */
  readonly after: string;
  readonly commands: readonly CommandHelp[];
};

/** Options and arguments with these words for their value take the name of a file. */
const FILE_WORD = /^(file|files|path|log|dbc|input|output|config|dir|folder|table)$/i;

/** A command with all that is below it, as data. */
export function commandTreeOf(program: Command): CommandHelp {
  return helpOf(program, []);
}

function helpOf(command: Command, path: readonly string[]): CommandHelp {
  return {
    path,
    description: command.description(),
    arguments: command.registeredArguments.map((argument) => ({
      usage: argument.required
        ? `<${argument.name()}${dots(argument.variadic)}>`
        : `[${argument.name()}${dots(argument.variadic)}]`,
      description: argument.description,
      choices: argument.argChoices ?? [],
      isFile: FILE_WORD.test(argument.name()),
      isVariadic: argument.variadic,
    })),
    options: command.options
      .filter((option) => !option.hidden)
      .map((option) => ({
        flags: option.flags,
        short: option.short,
        long: option.long,
        description: option.description + defaultOf(option.defaultValue, option.required),
        choices: option.argChoices ?? [],
        value: valueOf(option.flags),
      })),
    after: textAfter(command),
    commands: command.commands.map((child) => helpOf(child, [...path, child.name()])),
  };
}

function dots(variadic: boolean): string {
  return variadic ? "..." : "";
}

function defaultOf(value: unknown, hasValue: boolean): string {
  return hasValue && (typeof value === "string" || typeof value === "number") ? ` (default: ${value})` : "";
}

function valueOf(flags: string): OptionHelp["value"] {
  const word = /[<[]([^>\]]+?)(?:\.\.\.)?[>\]]/.exec(flags)?.[1];
  if (word === undefined) return "none";
  return FILE_WORD.test(word) ? "file" : "word";
}

/** commander keeps added help as listeners, so it is read from what a help call writes behind the generated part. */
function textAfter(command: Command): string {
  const written: string[] = [];
  const configured = command.configureOutput();
  command.configureOutput({ ...configured, writeOut: (text) => void written.push(text) });
  command.outputHelp();
  command.configureOutput(configured);
  return written.slice(1).join("").trim();
}
