import type { Command } from "commander";
import { AgentError, EXIT } from "../../core/errors.ts";
import { printable } from "../../core/plain-text.ts";
import { type SignalsSnapshot, watchSignals } from "../../local-api/signals-schema.ts";
import { type CliContext, printJson, printLine, printProblem } from "../context.ts";
import { secondsArgument } from "../listening-time.ts";
import { runningAgent } from "../running-agent.ts";
import { wholeLines } from "../signals/signal-lines.ts";
import { signalRows } from "../signals/signal-rows.ts";
import { unmatchedProblem } from "../signals/unmatched.ts";

/** `causeway signals get`: the latest values once. */
export function registerGet(signals: Command, context: CliContext): void {
  signals
    .command("get <signals...>")
    .description("the latest values once, from the running agent; names and patterns as those of signals watch")
    .option("--wait <seconds>", "wait at most so long until each has a value", secondsArgument)
    .addHelpText(
      "after",
      "\nEnds with 2 where one has no value yet, with 65 where one is no signal. A signal that no campaign collects is decoded only\nwhile somebody asks for it: --wait gives it the time.\n\nExamples:\n  causeway signals get EngineStatus.EngineSpeed\n  causeway signals get 'Tyre*.Pressure' --wait 5 --json",
    )
    .action(async (patterns: readonly string[], { wait }: { readonly wait?: number }) => {
      const { last, isLate } = await latestOf(context, patterns, wait);
      if (last === undefined && isLate) throw unanswered();
      if (last !== undefined) show(context, last);
      if (context.signal.aborted) context.finish(EXIT.interrupted);
    });
}

type Latest = { readonly last: SignalsSnapshot | undefined; readonly isLate: boolean };

/** The first look in which each pattern has a value, or the last one in time. */
async function latestOf(context: CliContext, patterns: readonly string[], wait: number | undefined): Promise<Latest> {
  const agent = await runningAgent(context);
  const { clock } = context;
  const late = new AbortController();
  const done = new AbortController();
  const limitMs = wait === undefined ? context.options().timeoutMs : wait * 1000;
  void clock.sleep(limitMs, done.signal).then(() => late.abort());
  const ended = AbortSignal.any([context.signal, late.signal]);
  let last: SignalsSnapshot | undefined;
  try {
    for await (const current of agent.follow(watchSignals, { patterns }, ended)) {
      const [strange] = current.unmatched ?? [];
      if (strange !== undefined) throw new AgentError("input.missing", unmatchedProblem(strange));
      last = current;
      if (wait === undefined || current.silent === undefined) break;
    }
  } finally {
    done.abort();
  }
  return { last, isLate: late.signal.aborted };
}

function show(context: CliContext, current: SignalsSnapshot): void {
  if (context.options().json) printJson(context, current);
  else for (const line of wholeLines(signalRows(current))) printLine(context, line);
  for (const pattern of current.silent ?? []) {
    printProblem(context, {
      what: printable(`${pattern}: no value yet`),
      remedy: "wait for one with --wait 5; causeway status says what the buses bring",
    });
    context.finish(EXIT.nothingToDo);
  }
}

function unanswered(): AgentError {
  return new AgentError("agent.not-running", {
    what: "the agent gave no answer in time",
    remedy: "look at causeway status and causeway logs, or give it longer: --timeout S",
  });
}
