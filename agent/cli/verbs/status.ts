import type { Command } from "commander";
import pico from "picocolors";
import { AgentError, EXIT } from "../../core/errors.ts";
import { statusVerb } from "../../local-api/status-schema.ts";
import { type Problem, problemOf } from "../../support/check.ts";
import { problemsOf } from "../../support/status-problems.ts";
import { type CliContext, printJson, printProblem } from "../context.ts";
import { LineScroll } from "../line-scroll.ts";
import { LiveScreen } from "../live-screen.ts";
import { type RunningAgent, runningAgent, unlessAway } from "../running-agent.ts";
import type { StatusReading } from "../status-lines/reading.ts";
import { statusLines } from "../status-page.ts";
import { wrapLines } from "../text.ts";

const WATCH_INTERVAL_MS = 1000;

/** `causeway status`: what the running daemon does, and whether all is well. */
export function registerStatus(program: Command, context: CliContext): void {
  program
    .command("status")
    .description("link, buses, buffer, delivery and clock of the running agent")
    .option("--watch", "again every second, with frame rates, until q or an interrupt", false)
    .addHelpText(
      "after",
      "\nEnds with 0 when the agent is online, its buses bring frames and its records are stored and taken, with 3 when it is not\nrunning, or degraded: then each reason and its remedy is on stderr, and over the page with --watch.\nIn --watch on a terminal j, k, PgUp and PgDn scroll, q quits.\n\nExamples:\n  causeway status\n  causeway status --watch\n  causeway status --json | jq .link.state",
    )
    .action(async ({ watch }: { readonly watch: boolean }) => {
      const agent = await runningAgent(context);
      if (watch) await watchStatus(agent, context);
      else await showOnce(agent, context);
    });
}

async function showOnce(agent: RunningAgent, context: CliContext): Promise<void> {
  const { stdout } = context.terminal;
  const { reading, raw } = await look(agent, context);
  if (context.options().json) printJson(context, raw);
  else stdout.write(textOf(pageOf(reading, undefined, stdout.isTerminal ? stdout.columns() : undefined, context)));
  for (const problem of problemsOf(reading.status)) {
    printProblem(context, problem);
    context.finish(EXIT.degraded);
  }
}

/** Goes on while the agent restarts; the code tells how the last look ended. */
async function watchStatus(agent: RunningAgent, context: CliContext): Promise<void> {
  const scroll = new LineScroll();
  using screen = new LiveScreen(context, (key) => scroll.take(key));
  const { json } = context.options();
  let before: StatusReading | undefined;
  let now: StatusReading | undefined;
  while (!screen.signal.aborted) {
    const seen = await unlessAway(look(agent, context));
    const isAway = seen instanceof AgentError;
    if (isAway && screen.signal.aborted) return;
    const problems = isAway ? [problemOf(seen)] : problemsOf(seen.reading.status);
    context.finish(problems.length === 0 ? EXIT.ok : EXIT.degraded);
    if (!isAway) [before, now] = [now, seen.reading];
    if (json && !isAway) printJson(context, seen.raw);
    else if (json || (!screen.isLive && isAway)) for (const problem of problems) printProblem(context, problem);
    else {
      const [earlier, newest] = [before, now];
      screen.paint((size) => {
        const page = newest === undefined ? [] : pageOf(newest, earlier, size?.columns, context);
        return size === undefined
          ? page
          : scroll.draw([...problemLines(problems, size.columns, context), ...page], size);
      });
    }
    await context.clock.sleep(WATCH_INTERVAL_MS, screen.signal);
  }
}

type Look = { readonly reading: StatusReading; readonly raw: unknown };

async function look(agent: RunningAgent, { clock }: CliContext): Promise<Look> {
  const { answer: status, raw } = await agent.ask(statusVerb, {});
  return { reading: { status, atMs: clock.monotonicMs() }, raw };
}

function pageOf(
  reading: StatusReading,
  before: StatusReading | undefined,
  columns: number | undefined,
  context: CliContext,
): readonly string[] {
  const { clock, terminal } = context;
  const colors = pico.createColors(context.options().color && terminal.stdout.isTerminal);
  return statusLines(reading, before, clock.wallUs(), colors, columns);
}

/** What is wrong, each with its remedy, over the page; nothing where all is well. */
function problemLines(problems: readonly Problem[], columns: number, context: CliContext): readonly string[] {
  const colors = pico.createColors(context.options().color);
  const lines = problems.flatMap(({ what, remedy }) => [
    ...wrapLines(colors.red(what), columns, 2),
    ...wrapLines(`  remedy: ${remedy}`, columns, 4),
  ]);
  return lines.length === 0 ? [] : [...lines, ""];
}

function textOf(lines: readonly string[]): string {
  return `${lines.join("\n")}\n`;
}
