import { AgentError } from "../core/errors.ts";
import type { GlobalOptions, Terminal } from "./context.ts";

/** Who is asked. */
export type Asked = {
  readonly terminal: Pick<Terminal, "stderr" | "stdin">;
  options(): Pick<GlobalOptions, "input">;
};

/** Questions to the person at the terminal, one line each on stderr, answered on stdin. */
export class Questions {
  readonly #context: Asked;
  readonly #isAllowed: boolean;
  readonly #decoder = new TextDecoder();
  #lines: AsyncIterator<Uint8Array> | undefined;
  #rest = "";

  constructor(context: Asked, isAllowed: boolean) {
    this.#context = context;
    this.#isAllowed = isAllowed && context.options().input;
  }

  /** The answer, or `usual` for an empty one. Throws `usage.invalid` when nothing may be asked, or when there is no answer. */
  async ask(question: string, usual?: string): Promise<string> {
    if (!this.#isAllowed) {
      if (usual !== undefined) return usual;
      throw unanswered(question, "it may not be asked (--non-interactive or --no-input)");
    }
    this.#context.terminal.stderr.write(`${question}${usual === undefined ? "" : ` [${usual}]`}: `);
    const answer = (await this.#line()).trim();
    if (answer !== "") return answer;
    if (usual !== undefined) return usual;
    throw unanswered(question, "there was no answer");
  }

  async #line(): Promise<string> {
    this.#lines ??= this.#context.terminal.stdin[Symbol.asyncIterator]();
    while (!this.#rest.includes("\n")) {
      const next = await this.#lines.next();
      if (next.done === true) break;
      this.#rest += this.#decoder.decode(next.value, { stream: true });
    }
    const [line = "", ...others] = this.#rest.split("\n");
    this.#rest = others.join("\n");
    return line;
  }
}

/** Asks a yes-or-no question on stderr and reads one line from stdin; only "y" and "yes" are yes. Throws `usage.invalid` with --no-input. */
export async function confirm(context: Asked, question: string): Promise<boolean> {
  if (!context.options().input) {
    throw new AgentError("usage.invalid", {
      what: `${question} Not asked because of --no-input.`,
      remedy: "give --yes",
    });
  }
  context.terminal.stderr.write(`${question} [y/N] `);
  return /^y(es)?$/i.test((await firstLine(context.terminal.stdin)).trim());
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

function unanswered(question: string, why: string): AgentError {
  return new AgentError("usage.invalid", {
    what: `${question}: ${why}`,
    remedy: "give it as an option; see causeway provision --help",
  });
}
