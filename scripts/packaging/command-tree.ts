import type { CliContext, TextSink } from "../../agent/cli/context.ts";
import { type CommandHelp, commandTreeOf } from "../../agent/cli/help/command-tree.ts";
import { createProgram } from "../../agent/cli/program.ts";
import { systemClock } from "../../drivers/os/time-source.ts";

/** The whole command line as data, from the same tree that parses it. */
export async function readCommandTree(version: string): Promise<CommandHelp> {
  return commandTreeOf(await createProgram([], silentContext(version), () => {}));
}

function silentContext(version: string): CliContext {
  const sink: TextSink = { write: () => {}, isTerminal: false, columns: () => 80, rows: () => 24 };
  return {
    version,
    terminal: { stdout: sink, stderr: sink, stdin: (async function* () {})() },
    clock: systemClock(),
    signal: new AbortController().signal,
    environment: {},
    options: () => {
      throw new Error("no verb runs while the tree is read");
    },
    finish: () => {},
  };
}
