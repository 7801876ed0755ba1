import { Argument, type Command } from "commander";
import type { CliContext } from "../context.ts";
import { type CommandHelp, commandTreeOf } from "../help/command-tree.ts";
import { bashCompletion, fishCompletion, zshCompletion } from "../help/completions.ts";

/** What completes words, by the name of the shell. */
const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const satisfies Record<
  string,
  (tree: CommandHelp) => string
>;
type Shell = keyof typeof SHELLS;

/** `causeway completion`: the script for one shell, for a program that was not installed as a package. */
export function registerCompletion(program: Command, context: CliContext): void {
  program
    .command("completion")
    .description("the script that completes verbs, options and files in a shell")
    .addArgument(new Argument("<shell>", "which").choices(Object.keys(SHELLS)))
    .addHelpText(
      "after",
      `
The package has installed it for all three shells.

Examples:
  source <(causeway completion bash)
  causeway completion zsh > ~/.zfunc/_causeway      # with fpath+=~/.zfunc before compinit
  causeway completion fish > ~/.config/fish/completions/causeway.fish`,
    )
    .action((shell: Shell) => context.terminal.stdout.write(SHELLS[shell](commandTreeOf(program))));
}
