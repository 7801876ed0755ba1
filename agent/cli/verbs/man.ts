import type { Command } from "commander";
import { showManual } from "../../../drivers/os/manual.ts";
import { AgentError } from "../../core/errors.ts";
import { nearestWord } from "../../core/nearest-word.ts";
import type { CliContext } from "../context.ts";
import { type CommandHelp, commandTreeOf } from "../help/command-tree.ts";
import { manPage } from "../help/man-page.ts";
import { roffText } from "../help/roff-text.ts";

/** Where nobody said how wide it may be. */
const PLAIN_COLUMNS = 80;

/** `causeway man`: the manual of this version, with or without a man program. */
export function registerMan(program: Command, context: CliContext): void {
  program
    .command("man")
    .description("the manual page, in man on a terminal, else as plain text")
    .argument("[page]", "causeway(1) is the only one")
    .addHelpText(
      "after",
      `
It is made from this program's own verbs, and needs neither the package nor man: without man it is plain text.

Examples:
  causeway man
  causeway man | grep -A5 'config set'`,
    )
    .action((page: string | undefined) => show(page, commandTreeOf(program), context));
}

async function show(page: string | undefined, tree: CommandHelp, context: CliContext): Promise<void> {
  if (page !== undefined && !/^causeway(\.1|\(1\))?$/.test(page)) throw unknownPage(page, tree);
  const date = new Date(context.clock.wallUs() / 1000).toISOString().slice(0, 10);
  const roff = manPage({ tree, version: context.version, date });
  const { stdout } = context.terminal;
  if (stdout.isTerminal && (await showManual(roff))) return;
  stdout.write(roffText(roff, stdout.isTerminal ? stdout.columns() : PLAIN_COLUMNS));
}

function unknownPage(page: string, tree: CommandHelp): AgentError {
  const verb = nearestWord(
    page,
    tree.commands.map(({ path }) => path.join(" ")),
  );
  return new AgentError("usage.invalid", {
    what: `there is no page ${page}: all verbs are in one, causeway(1)`,
    remedy: verb === undefined ? "causeway man" : `causeway ${verb} --help says what the verb does`,
  });
}
