import type { Command } from "commander";
import { AgentError } from "../../core/errors.ts";
import { StartMarks } from "../../core/start-marks.ts";
import { composeAgent } from "../../daemon/compose.ts";
import { type DaemonConfig, loadDaemonConfig } from "../../daemon/configuration/layered-config.ts";
import { logFailure } from "../../daemon/open-log.ts";
import { TpmQuestion } from "../../daemon/tpm-question.ts";
import type { CliContext } from "../context.ts";

/** `causeway run`: the daemon, until SIGTERM or SIGINT; a second signal ends it at once. */
export function registerRun(program: Command, context: CliContext): void {
  program
    .command("run")
    .description("the daemon, in the foreground (what systemd starts)")
    .option(
      "--strict",
      "end with 78 when the configuration cannot be used, whatever the agent last started with",
      false,
    )
    .addHelpText(
      "after",
      `
A configuration that cannot be used is reported, and the agent starts with the copy of the one that it last started well with: it collects
and sends, but refuses commands that act and installs no updates. Without such a copy, or with --strict, it ends with 78.

Example:
  causeway run --config /etc/causeway/agent.yaml`,
    )
    .action(async ({ strict }: { readonly strict: boolean }) => {
      try {
        await run(context, strict);
      } catch (thrown) {
        logFailure(thrown, context.environment);
        throw thrown;
      }
    });
}

async function run(context: CliContext, strict: boolean): Promise<void> {
  const { version, clock, environment, signal } = context;
  const marks = context.process?.marks ?? new StartMarks(clock);
  marks.note("loaded");
  const question = new TpmQuestion(environment);
  const loaded = await loadDaemonConfig(context.options().config, clock, strict ? undefined : environment, {
    onRead: ({ identity }) => {
      marks.note("configuration");
      question.ask(identity);
    },
    onTable: () => marks.note("table"),
  });
  marks.note("checked");
  const startedAtMs = clock.monotonicMs() - process.uptime() * 1000;
  const processContext = { version, clock, environment, startedAtMs, marks };
  const composing = composeAgent(loaded, processContext, question);
  const agent = await composing.catch((thrown: unknown) => startAgain(loaded, thrown));
  await agent.run(signal);
}

/** A fault of the configuration is not mended by starting again, except while a part of it is on trial: after a few starts it is left. */
function startAgain({ isOnTrial }: DaemonConfig, thrown: unknown): never {
  if (!isOnTrial || !(thrown instanceof AgentError) || thrown.code !== "config.invalid") throw thrown;
  throw new AgentError("update.restart-wanted", {
    what: `the files on trial cannot be used: ${thrown.message}`,
    remedy: "wait: the agent goes back to the files before by itself",
    cause: thrown,
  });
}
