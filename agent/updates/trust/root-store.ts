import { z } from "zod";
import { AgentError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import { sha256Hex, signatureList } from "../../core/signatures.ts";
import type { Journal } from "../../ports/journal.ts";
import type { JournalSpace } from "../../ports/journal-spaces.ts";
import { ROOT_COMPONENT, type RollbackIndexes } from "./rollback-indexes.ts";
import { parseRoot, rotateRoot, type TrustRoot } from "./trust-root.ts";

const SPACE: JournalSpace = "update";
const KEY = "root";

/** A trust root as it comes with an update. */
export const signedRoot = z.strictObject({ document: z.string().max(32_768), signatures: signatureList });

export type RootStoreParts = {
  readonly journal: Pick<Journal, "get" | "put">;
  /** A second place for the newest root: with the journal alone, its loss would let back in whoever that root has revoked. */
  readonly copy: { read(): unknown; write(document: string): void };
  readonly pinned: TrustRoot;
  readonly rollbackIndexes: RollbackIndexes;
  readonly log: Log;
};

/** The trust root that is in force, and how another one takes its place. */
export class RootStore {
  readonly #parts: RootStoreParts;

  constructor(parts: RootStoreParts) {
    this.#parts = parts;
  }

  /** The newest root that was taken, or the pinned one when that is newer. */
  current(): TrustRoot {
    const { journal, copy, pinned } = this.#parts;
    const stored = journal.get(SPACE, KEY);
    const inJournal = typeof stored === "string" ? parsedRoot(stored) : undefined;
    if (typeof inJournal === "string") {
      throw new AgentError("internal.bug", { what: `the stored root is unusable: ${inJournal}`, remedy: "report it" });
    }
    const copied = copy.read();
    const inCopy = typeof copied === "string" ? parsedRoot(copied) : undefined;
    // A copy that is damaged counts for nothing; the rollback index says whether it was the newest.
    const stands = [inJournal, typeof inCopy === "string" ? undefined : inCopy].filter((root) => root !== undefined);
    return stands.reduce((newest, root) => (root.document.version > newest.document.version ? root : newest), pinned);
  }

  /** The version of a root that was in force and is lost; undefined when the newest one is there. */
  lostVersion(): number | undefined {
    const { rollbackIndexes } = this.#parts;
    const known = rollbackIndexes.installed().find(({ component }) => component === ROOT_COMPONENT);
    if (known === undefined || this.current().document.version >= known.sequenceNumber) return undefined;
    return known.sequenceNumber;
  }

  /** Puts a root in force, where it follows the one that is. Rejects with the faults of the journal, the disk and the rollback indexes. */
  async take({ document, signatures }: z.infer<typeof signedRoot>): Promise<void> {
    const { journal, copy, rollbackIndexes, log } = this.#parts;
    const next = rotateRoot(this.current(), new TextEncoder().encode(document), signatures);
    if (typeof next === "string") {
      // Roots that are known already come along with every update.
      if (next !== "version-skipped") log.warn("update.root-refused", { reason: next });
      return;
    }
    const { version } = next.document;
    copy.write(document);
    journal.put([{ space: SPACE, key: KEY, value: document }]);
    const digest = sha256Hex(new TextEncoder().encode(document));
    // Rollback indexes that were lost take nothing; no update is accepted then, and the next root that comes raises them.
    if (rollbackIndexes.fault() === undefined)
      await rollbackIndexes.advance({ component: ROOT_COMPONENT, sequenceNumber: version, digest });
    log.info("update.root-rotated", { version });
  }
}

function parsedRoot(text: string): TrustRoot | string {
  return parseRoot(new TextEncoder().encode(text));
}
