import { AgentError } from "../core/errors.ts";
import type { CliContext } from "./context.ts";

type Terminal = Pick<CliContext, "options" | "stderr" | "stdin">;

/** Questions to the person at the terminal, one line each on stderr, answered on stdin. */
export class Questions {
  readonly #context: Terminal;
  readonly #isAllowed: boolean;
  readonly #decoder = new TextDecoder();
  #lines: AsyncIterator<Uint8Array> | undefined;
  #rest = "";

  constructor(context: Terminal, isAllowed: boolean) {
    this.#context = context;
    this.#isAllowed = isAllowed && context.options().input;
  }

  /** The answer, or `usual` for an empty one. Throws `usage.invalid` when nothing may be asked, or when there is no answer. */
  async ask(question: string, usual?: string): Promise<string> {
    if (!this.#isAllowed) {
      if (usual !== undefined) return usual;
      throw unanswered(question, "it may not be asked (--non-interactive or --no-input)");
    }
    this.#context.stderr.write(`${question}${usual === undefined ? "" : ` [${usual}]`}: `);
    const answer = (await this.#line()).trim();
    if (answer !== "") return answer;
    if (usual !== undefined) return usual;
    throw unanswered(question, "there was no answer");
  }

  async #line(): Promise<string> {
    this.#lines ??= this.#context.stdin[Symbol.asyncIterator]();
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

function unanswered(question: string, why: string): AgentError {
  return new AgentError("usage.invalid", {
    what: `${question}: ${why}`,
    remedy: "give it as an option; see causeway provision --help",
  });
}
