import type { z } from "zod";
import { AgentError } from "../core/errors.ts";
import { recentLogs } from "../local-api/logs-schema.ts";
import { NewLines, type RecentLine } from "../local-api/new-lines.ts";
import { type CliContext, note } from "./context.ts";
import { runningAgent, unlessAway } from "./running-agent.ts";

/** How often an agent is asked for what it has logged since. */
const FOLLOW_MS = 1000;

type Asked = z.input<typeof recentLogs.request>;

/** The lines that the running agent keeps, the newest `most` of them, and how many older ones did not fit the answer. */
export async function recentLines(
  asked: Asked,
  most: number | undefined,
  context: CliContext,
): Promise<{ readonly lines: readonly RecentLine[]; readonly omitted: number }> {
  const { answer } = await (await runningAgent(context)).ask(recentLogs, asked);
  return { lines: most === undefined ? answer.lines : answer.lines.slice(-most), omitted: answer.omitted };
}

/** What the agent logs after `shown`, a line at a time, until the user interrupts; it may restart meanwhile. */
export async function* followLines(
  asked: Asked,
  shown: readonly RecentLine[],
  context: CliContext,
): AsyncGenerator<RecentLine> {
  const { clock, signal } = context;
  const fresh = new NewLines(Math.max(asked.sinceMs ?? 0, shown.at(-1)?.atMs ?? clock.wallUs() / 1000), shown);
  let isWaiting = false;
  while (!signal.aborted) {
    await clock.sleep(FOLLOW_MS, signal);
    const lines = await linesSince({ ...asked, sinceMs: fresh.sinceMs }, context);
    if (lines === undefined && !isWaiting && !signal.aborted)
      note(context, "the agent is not running; it is waited for");
    isWaiting = lines === undefined;
    yield* fresh.take(lines ?? []);
  }
}

/** Undefined while no agent answers. */
async function linesSince(asked: Asked, context: CliContext): Promise<readonly RecentLine[] | undefined> {
  const recent = await unlessAway(recentLines(asked, undefined, context));
  return recent instanceof AgentError ? undefined : recent.lines;
}
