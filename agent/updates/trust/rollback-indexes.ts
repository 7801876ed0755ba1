import { z } from "zod";
import type { Journal } from "../../ports/journal.ts";
import type { JournalSpace } from "../../ports/journal-spaces.ts";
import type { InstalledComponent } from "./manifest.ts";

const SPACE: JournalSpace = "floor";
/** The line of the trust root: no manifest may name it. */
export const ROOT_COMPONENT = "$root";

/** A release of a line, as it is remembered. */
export const installedComponent = z.strictObject({ line: z.string(), counter: z.int(), digest: z.string() });

/** A second place for the floors, so that the loss of the journal does not open the way to old releases. */
export type RollbackIndexCopy = {
  /** What `write` was given last; undefined when there is nothing that can be read. */
  read(): unknown;
  /** Durable when it returns. */
  write(lines: readonly InstalledComponent[]): void;
};

/**
 * What is installed of each line, and so the counter below which nothing is taken any more. It only ever rises. The trust root has a
 * line of its own, with its version as the counter.
 */
export type RollbackIndexes = {
  installed(): readonly InstalledComponent[];
  /** Why nothing may be installed by them; undefined when they are sound. */
  fault(): string | undefined;
  /** Someone knows that floors were lost: what is still known of them counts from now on. Does nothing when they are sound; rejects as `raise` does. */
  acknowledge(): Promise<void>;
  /** Durable when it resolves. Rejects with the faults of the journal, the TPM and the disk. */
  advance(line: InstalledComponent): Promise<void>;
};

/** The floors, kept in the journal and in a copy; the higher counter counts. */
export function createRollbackIndexes(
  journal: Pick<Journal, "list" | "put">,
  copy: RollbackIndexCopy,
): RollbackIndexes {
  const installed = (): readonly InstalledComponent[] => {
    const inJournal = journal.list(SPACE).map(({ value }) => installedComponent.parse(value));
    const inCopy = z.array(installedComponent).safeParse(copy.read()).data ?? [];
    return highest([...inJournal, ...inCopy]);
  };
  return {
    installed,
    fault: () => undefined,
    acknowledge: async () => undefined,
    advance: async (line) => {
      copy.write(highest([...installed(), line]));
      journal.put([{ space: SPACE, key: line.line, value: { ...line } }]);
    },
  };
}

/** Of each line the release with the highest counter. */
export function highest(lines: readonly InstalledComponent[]): readonly InstalledComponent[] {
  const best = new Map<string, InstalledComponent>();
  for (const line of lines) {
    if (line.counter > (best.get(line.line)?.counter ?? 0)) best.set(line.line, line);
  }
  return [...best.values()];
}
