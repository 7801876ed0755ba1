import type { Command } from "commander";
import pico from "picocolors";
import { AgentError, EXIT } from "../../core/errors.ts";
import { statusVerb } from "../../local-api/status-schema.ts";
import { problemsOf } from "../../support/status-problems.ts";
import { type CliContext, printJson, printProblem } from "../context.ts";
import { type RunningAgent, runningAgent } from "../running-agent.ts";
import type { StatusReading } from "../status-lines/reading.ts";
import { statusPage } from "../status-page.ts";

const WATCH_INTERVAL_MS = 1000;
/** Cursor home, then erase to the end of the screen (ECMA-48, CUP and ED): redraws without flicker. */
const HOME = "\u001b[H";
const ERASE_BELOW = "\u001b[J";
/** Erase to the end of the line (ECMA-48, EL). */
const ERASE_LINE = "\u001b[K";

/** `causeway status`: what the running daemon does, and whether all is well. */
export function registerStatus(program: Command, context: CliContext): void {
  program
    .command("status")
    .description("link, buses, buffer, delivery and clock of the running agent")
    .option("--watch", "again every second, with frame rates, until interrupted", false)
    .addHelpText(
      "after",
      "\nEnds with 0 when the agent is online, its buses bring frames and its records are stored and taken, with 3 when it is not\nrunning, or degraded: then each reason and its remedy is on stderr.\n\nExamples:\n  causeway status\n  causeway status --watch\n  causeway status --json | jq .link.state",
    )
    .action(async ({ watch }: { readonly watch: boolean }) => {
      const agent = await runningAgent(context);
      if (watch) await watchStatus(agent, context);
      else await showOnce(agent, context);
    });
}

async function showOnce(agent: RunningAgent, context: CliContext): Promise<void> {
  const reading = await show(agent, undefined, context);
  for (const problem of problemsOf(reading.status)) {
    printProblem(context, problem);
    context.finish(EXIT.degraded);
  }
}

/** Goes on while the agent restarts; the code tells how the last look ended. */
async function watchStatus(agent: RunningAgent, context: CliContext): Promise<void> {
  const { clock, signal } = context;
  let before: StatusReading | undefined;
  while (!signal.aborted) {
    try {
      before = await show(agent, before, context);
      context.finish(problemsOf(before.status).length === 0 ? EXIT.ok : EXIT.degraded);
    } catch (thrown) {
      if (!(thrown instanceof AgentError) || thrown.code !== "agent.not-running") throw thrown;
      if (signal.aborted) return;
      printProblem(context, { what: thrown.message, remedy: thrown.remedy });
      context.finish(EXIT.degraded);
    }
    await clock.sleep(WATCH_INTERVAL_MS, signal);
  }
}

async function show(
  agent: RunningAgent,
  before: StatusReading | undefined,
  context: CliContext,
): Promise<StatusReading> {
  const { clock, terminal } = context;
  const { stdout } = terminal;
  const { answer: status, raw } = await agent.ask(statusVerb, {});
  const reading = { status, atMs: clock.monotonicMs() };
  const { json, color } = context.options();
  if (json) printJson(context, raw);
  else {
    const colors = pico.createColors(color && stdout.isTerminal);
    const page = statusPage(reading, before, clock.wallUs(), colors, stdout.isTerminal ? stdout.columns() : undefined);
    stdout.write(before !== undefined && stdout.isTerminal ? redrawn(page) : page);
  }
  return reading;
}

function redrawn(page: string): string {
  return `${HOME}${page.replaceAll("\n", `${ERASE_LINE}\n`)}${ERASE_BELOW}`;
}
