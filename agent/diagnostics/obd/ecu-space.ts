import type { Json } from "../../core/canonical-json.ts";
import { AgentError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { Journal } from "../../ports/journal.ts";
import type { JournalSpace } from "../../ports/journal-spaces.ts";

const SPACE: JournalSpace = "ecus";

/** What is remembered of ECUs. A journal that refuses costs the memory over a restart and is told; reading goes on. */
export class EcuSpace {
  readonly #journal: Pick<Journal, "get" | "put">;
  readonly #log: Log;

  constructor(journal: Pick<Journal, "get" | "put">, log: Log) {
    this.#journal = journal;
    this.#log = log;
  }

  get(key: string): Json | undefined {
    return this.#tried(() => this.#journal.get(SPACE, key));
  }

  put(key: string, value: Json): void {
    this.#tried(() => this.#journal.put([{ space: SPACE, key, value }]));
  }

  #tried<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      this.#log.warn("obd.journal-refused", { code: thrown.code, what: thrown.message });
      return undefined;
    }
  }
}
