import { z } from "zod";
import type { Journal } from "../../ports/journal.ts";
import type { InstalledLine } from "./manifest.ts";

const SPACE = "floor";
/** The line of the trust root: no manifest may name it. */
export const ROOT_LINE = "$root";

/** A release of a line, as it is remembered. */
export const installedLine = z.strictObject({ line: z.string(), counter: z.int(), digest: z.string() });

/** A second place for the floors, so that the loss of the journal does not open the way to old releases. */
export type FloorCopy = {
  /** What `write` was given last; undefined when there is nothing that can be read. */
  read(): unknown;
  /** Durable when it returns. */
  write(lines: readonly InstalledLine[]): void;
};

/**
 * What is installed of each line, and so the counter below which nothing is taken any more. It only ever rises. The trust root has a
 * line of its own, with its version as the counter.
 */
export type Floors = {
  installed(): readonly InstalledLine[];
  /** Why nothing may be installed by them; undefined when they are sound. */
  fault(): string | undefined;
  /** Someone knows that floors were lost: what is still known of them counts from now on. Does nothing when they are sound; rejects as `raise` does. */
  acknowledge(): Promise<void>;
  /** Durable when it resolves. Rejects with the faults of the journal, the TPM and the disk. */
  raise(line: InstalledLine): Promise<void>;
};

/** The floors, kept in the journal and in a copy; the higher counter counts. */
export function createFloors(journal: Pick<Journal, "list" | "put">, copy: FloorCopy): Floors {
  const installed = (): readonly InstalledLine[] => {
    const inJournal = journal.list(SPACE).map(({ value }) => installedLine.parse(value));
    const inCopy = z.array(installedLine).safeParse(copy.read()).data ?? [];
    return highest([...inJournal, ...inCopy]);
  };
  return {
    installed,
    fault: () => undefined,
    acknowledge: async () => undefined,
    raise: async (line) => {
      copy.write(highest([...installed(), line]));
      journal.put([{ space: SPACE, key: line.line, value: { ...line } }]);
    },
  };
}

/** Of each line the release with the highest counter. */
export function highest(lines: readonly InstalledLine[]): readonly InstalledLine[] {
  const best = new Map<string, InstalledLine>();
  for (const line of lines) {
    if (line.counter > (best.get(line.line)?.counter ?? 0)) best.set(line.line, line);
  }
  return [...best.values()];
}
