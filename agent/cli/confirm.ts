import { AgentError } from "../core/errors.ts";
import type { CliContext } from "./context.ts";

/** Asks a yes-or-no question on stderr and reads one line from stdin; only "y" and "yes" are yes. Throws `usage.invalid` with --no-input. */
export async function confirm(context: CliContext, question: string): Promise<boolean> {
  if (!context.options().input) {
    throw new AgentError("usage.invalid", {
      what: `${question} Not asked because of --no-input.`,
      remedy: "give --yes",
    });
  }
  context.stderr.write(`${question} [y/N] `);
  return /^y(es)?$/i.test((await firstLine(context.stdin)).trim());
}

async function firstLine(input: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of input) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes("\n")) break;
  }
  return text.split("\n", 1)[0] ?? "";
}
