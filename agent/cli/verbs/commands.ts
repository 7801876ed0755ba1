import { userInfo } from "node:os";
import type { Command } from "commander";
import { EXIT } from "../../core/errors.ts";
import { printable } from "../../core/plain-text.ts";
import {
  type CommandEnd,
  type CommandVerdict,
  commandsAcknowledge,
  commandsList,
  commandsRun,
  commandsShow,
  type ListedCommand,
} from "../../local-api/commands-schema.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { readInputFile } from "../input-file.ts";
import { runningAgent } from "../running-agent.ts";
import { alignColumns } from "../text.ts";

/** `causeway commands list|show|run|acknowledge`: remote commands and their answers, and a technician's own. */
export function registerCommands(program: Command, context: CliContext): void {
  const commands = program.command("commands").description("remote commands and how they ended");
  commands
    .command("list")
    .description("the newest commands of the ledger")
    .option("--limit <count>", "at most so many, up to 1000", "50")
    .addHelpText("after", "\nWith --json one object a command.\n\nExample:\n  causeway commands list --limit 10")
    .action(({ limit }: { readonly limit: string }) => list(Number(limit), context));
  commands
    .command("show")
    .description("one command with its answer")
    .argument("<id>")
    .addHelpText(
      "after",
      "\nEnds with 2 when the ledger does not have it.\n\nExample:\n  causeway commands show aws:9f1c...",
    )
    .action((id: string) => show(id, context));
  commands
    .command("run")
    .description("send a request (JSON) as a technician: the same checks, signature included, and the same audit")
    .argument("<file>")
    .option("--dry-run", "say whether it would be carried out now, and do nothing", false)
    .addHelpText(
      "after",
      "\nEnds with 1 when it is refused or fails.\n\nExample:\n  causeway commands run --dry-run lock.json",
    )
    .action((file: string, { dryRun }: { readonly dryRun: boolean }) => run(file, dryRun, context));
  commands
    .command("acknowledge")
    .description(
      "say that you know the ledger was lost: commands that act are taken again, with counters of a new generation",
    )
    .addHelpText("after", "\nExample:\n  causeway commands acknowledge")
    .action(() => acknowledge(context));
}

async function list(limit: number, context: CliContext): Promise<void> {
  const { commands } = (await (await runningAgent(context)).ask(commandsList, { limit })).answer;
  if (context.options().json) {
    for (const one of commands) printJson(context, { schemaVersion: 1, ...one });
    return;
  }
  if (commands.length === 0) {
    note(context, "there was no command");
    return;
  }
  const rows = commands.map((one) => [
    one.id,
    one.action,
    one.channel,
    endOf(one),
    one.isReported ? "reported" : "waiting",
  ]);
  for (const line of alignColumns([["id", "action", "channel", "end", "answer"], ...rows]))
    printLine(context, printable(line));
}

async function show(id: string, context: CliContext): Promise<void> {
  const { command: found } = (await (await runningAgent(context)).ask(commandsShow, { id })).answer;
  if (found === null) {
    note(context, `the ledger has no command ${id}`);
    context.finish(EXIT.nothingToDo);
    return;
  }
  if (context.options().json) {
    printJson(context, { schemaVersion: 1, ...found });
    return;
  }
  printLine(
    context,
    printable(`${found.id} ${found.action}: ${endOf(found)}, ${found.isReported ? "reported" : "not reported yet"}`),
  );
  if (found.reason !== undefined) printLine(context, printable(`  ${found.reason.description}`));
  for (const [key, value] of Object.entries(found.result ?? {})) printLine(context, printable(`  ${key} = ${value}`));
}

async function run(file: string, isDryRun: boolean, context: CliContext): Promise<void> {
  const payload = new TextDecoder().decode(await readInputFile(file));
  const agent = await runningAgent(context);
  const { answer, raw } = await agent.ask(commandsRun, { payload, isDryRun, claimedBy: userName(context) });
  const isGood = "verdict" in answer ? answer.verdict.kind === "possible" : answer.answer?.status === "SUCCEEDED";
  if (!isGood) context.finish(EXIT.failed);
  if (context.options().json) printJson(context, raw);
  else printLine(context, "verdict" in answer ? verdictText(answer.verdict) : answerText(answer.answer));
}

function verdictText(verdict: CommandVerdict): string {
  return verdict.kind === "possible"
    ? `${verdict.action} (${verdict.commandClass}) would be carried out`
    : printable(`it would be refused: ${verdict.code}: ${verdict.description}`);
}

function answerText(end: CommandEnd): string {
  if (end === null) return "it is running, or ends with a restart; causeway commands list shows its end";
  const why = end.reason === undefined ? "" : `: ${end.reason.code}: ${end.reason.description}`;
  return printable(`${end.status}${why}`);
}

/** Who is at the terminal, behind sudo too, for the audit trail; undefined for a user without a name. */
function userName({ environment }: CliContext): string | undefined {
  try {
    return (environment.SUDO_USER ?? userInfo().username).slice(0, 64);
  } catch {
    // No entry in the user database: then there is no name to claim.
    return undefined;
  }
}

async function acknowledge(context: CliContext): Promise<void> {
  const { answer, raw } = await (await runningAgent(context)).ask(commandsAcknowledge, {});
  const { wasLost, firstCounter } = answer;
  if (context.options().json) printJson(context, raw);
  else if (wasLost)
    printLine(context, `acknowledged: commands that act are taken again, with counters from ${firstCounter} on`);
  else printLine(context, "the ledger is whole");
  if (!wasLost) context.finish(EXIT.nothingToDo);
}

function endOf({ state, status, reason: why }: ListedCommand): string {
  return status === undefined ? state : `${status}${why === undefined ? "" : ` ${why.code}`}`;
}
