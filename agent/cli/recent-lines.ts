import type { z } from "zod";
import { AgentError } from "../core/errors.ts";
import { type LogMark, type RecentLine, recentLogs } from "../local-api/logs-schema.ts";
import { type CliContext, note } from "./context.ts";
import { runningAgent, unlessAway } from "./running-agent.ts";

/** How often an agent is asked for what it has logged since. */
const FOLLOW_MS = 1000;

type Asked = z.input<typeof recentLogs.request>;

/** The lines that the running agent keeps, how many older ones did not fit the answer, and its mark. */
export async function recentLines(asked: Asked, context: CliContext): Promise<z.output<typeof recentLogs.answer>> {
  return (await (await runningAgent(context)).ask(recentLogs, asked)).answer;
}

/**
 * What the agent logs after `mark`, a line at a time, until the user interrupts; it may restart meanwhile. No time is asked for: the clock may
 * be set.
 */
export async function* followLines(
  asked: Omit<Asked, "sinceMs">,
  mark: LogMark,
  context: CliContext,
): AsyncGenerator<RecentLine> {
  const { clock, signal } = context;
  let after = mark;
  let isWaiting = false;
  while (!signal.aborted) {
    await clock.sleep(FOLLOW_MS, signal);
    const recent = await unlessAway(recentLines({ ...asked, after }, context));
    const isAway = recent instanceof AgentError;
    if (isAway && !isWaiting && !signal.aborted) note(context, "the agent is not running; it is waited for");
    isWaiting = isAway;
    if (isAway) continue;
    after = recent.mark;
    yield* recent.lines;
  }
}
