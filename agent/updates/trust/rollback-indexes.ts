import { z } from "zod";
import type { Journal } from "../../ports/journal.ts";
import type { JournalSpace } from "../../ports/journal-spaces.ts";
import type { InstalledComponent } from "./manifest.ts";

const SPACE: JournalSpace = "rollback-index";
/** The line of the trust root: no manifest may name it. */
export const ROOT_COMPONENT = "$root";

/** The newest release of a component, as it is remembered. */
export const installedComponent = z.strictObject({
  component: z.string(),
  sequenceNumber: z.int(),
  digest: z.string(),
});

/** A second place for the rollback indexes, so that the loss of the journal does not open the way to old releases. */
export type RollbackIndexCopy = {
  /** What `write` was given last; undefined when there is nothing that can be read. */
  read(): unknown;
  /** Durable when it returns. */
  write(releases: readonly InstalledComponent[]): void;
};

/**
 * What is installed of each component, and so its rollback index: a lower sequence number is rejected. It only ever rises (Android
 * Verified Boot, "Rollback Protection"). The trust root is a component of its own, with its version as the sequence number.
 */
export type RollbackIndexes = {
  installed(): readonly InstalledComponent[];
  /** Why nothing may be installed by them; undefined when they are sound. */
  fault(): string | undefined;
  /**
   * Someone knows that rollback indexes were lost: what is still known of them counts from now on. Does nothing when they are sound;
   * rejects as `advance` does.
   */
  acknowledge(): Promise<void>;
  /** Durable when it resolves. Rejects with the faults of the journal, the TPM and the disk. */
  advance(release: InstalledComponent): Promise<void>;
};

/** The rollback indexes, kept in the journal and in a copy; the higher sequence number counts. */
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
    advance: async (release) => {
      copy.write(highest([...installed(), release]));
      journal.put([{ space: SPACE, key: release.component, value: { ...release } }]);
    },
  };
}

/** Of each component the release with the highest sequence number. */
export function highest(releases: readonly InstalledComponent[]): readonly InstalledComponent[] {
  const best = new Map<string, InstalledComponent>();
  for (const release of releases) {
    if (release.sequenceNumber > (best.get(release.component)?.sequenceNumber ?? 0))
      best.set(release.component, release);
  }
  return [...best.values()];
}
