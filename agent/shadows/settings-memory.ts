import { z } from "zod";
import type { Journal } from "../ports/journal.ts";
import type { JournalSpace } from "../ports/journal-spaces.ts";

const SPACE: JournalSpace = "shadows";
const KEY = "config";

const keptSettings = z.object({
  /** SHA-256 of what was desired. */
  digest: z.string(),
  end: z.enum(["kept", "taken-back"]),
  /** Of the settings that the shadow has put in force last, as their slot calls them; empty for none. */
  name: z.string(),
  /** Why they were taken back, for people. */
  detail: z.string(),
});
/** How the newest desired settings ended that were tried. */
export type KeptSettings = z.infer<typeof keptSettings>;

/** What is remembered of desired settings over restarts. Its methods throw the faults of the journal. */
export class SettingsMemory {
  readonly #journal: Pick<Journal, "get" | "put">;
  #kept: KeptSettings | undefined;

  constructor(journal: Pick<Journal, "get" | "put">) {
    this.#journal = journal;
  }

  /** Undefined where nothing was ever tried. */
  read(): KeptSettings | undefined {
    this.#kept ??= keptSettings.safeParse(this.#journal.get(SPACE, KEY)).data;
    return this.#kept;
  }

  keep(kept: KeptSettings): void {
    this.#journal.put([{ space: SPACE, key: KEY, value: kept }]);
    this.#kept = kept;
  }
}
