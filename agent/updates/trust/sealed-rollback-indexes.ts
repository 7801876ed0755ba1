import { z } from "zod";
import { AgentError } from "../../core/errors.ts";
import type { Journal } from "../../ports/journal.ts";
import type { JournalSpace } from "../../ports/journal-spaces.ts";
import type { MonotonicCounter } from "../../ports/update.ts";
import type { InstalledComponent } from "./manifest.ts";
import { highest, installedComponent, type RollbackIndexes } from "./rollback-indexes.ts";

const SPACE: JournalSpace = "rollback-index-seal";
const KEY = "rollback-indexes";
/** Generation of rollback indexes whose counter is being made: no counter that has a value is at 0. */
const MAKING = 0;

const sealed = z.strictObject({ generation: z.int(), releases: z.array(installedComponent) });
type Sealed = z.infer<typeof sealed>;

export type SealedRollbackIndexParts = {
  readonly counter: MonotonicCounter;
  readonly journal: Pick<Journal, "get" | "put">;
  /** A second place; see `RollbackIndexCopy`. */
  readonly copy: { read(): unknown; write(value: Sealed): void };
  /** The rollback indexes from before there was a counter. */
  readonly before: RollbackIndexes;
};

/**
 * Rollback indexes that a counter outside the disk vouches for: with each change of theirs it goes up, so that an old disk put back,
 * both places lost, or the counter itself gone is found out, and nothing is installed then until someone acknowledges it. They are
 * written before the counter moves: one step ahead of it is a cut in between. Who can write the disk as root can forge them as well as
 * the agent itself.
 */
export async function openSealedRollbackIndexes(parts: SealedRollbackIndexParts): Promise<RollbackIndexes> {
  let rollbackIndexes = await begun(parts);
  return {
    installed: () => rollbackIndexes.installed(),
    fault: () => rollbackIndexes.fault(),
    advance: (release) => rollbackIndexes.advance(release),
    acknowledge: async () => {
      if (rollbackIndexes.fault() !== undefined) rollbackIndexes = await made(parts, await parts.counter.read());
    },
  };
}

async function begun(parts: SealedRollbackIndexParts): Promise<Sound> {
  try {
    const value = await parts.counter.read();
    const generations = placesOf(parts).map(({ generation }) => generation);
    if (generations.includes(MAKING)) return await made(parts, value);
    if (value !== undefined) return await opened(parts, value);
    if (generations.length === 0) return await made(parts, value);
    return closed(parts, "the counter in the TPM is gone, which vouched for these rollback indexes");
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    return closed(parts, `the counter in the TPM cannot be used: ${thrown.message}`);
  }
}

type Sound = Omit<RollbackIndexes, "acknowledge">;

/** What is known of them becomes a new generation. A cut while the counter is made must not look like rollback indexes that were lost. */
async function made(parts: SealedRollbackIndexParts, found: number | undefined): Promise<Sound> {
  const { counter } = parts;
  const releases = [...known(parts)];
  store(parts, { generation: MAKING, releases });
  if (found === undefined) await counter.define();
  else await counter.advance();
  const value = (await counter.read()) ?? MAKING;
  store(parts, { generation: value, releases });
  return await opened(parts, value);
}

async function opened(parts: SealedRollbackIndexParts, start: number): Promise<Sound> {
  let value = start;
  const good = placesOf(parts).filter(({ generation }) => generation === value || generation === value + 1);
  if (good.length === 0)
    return closed(
      parts,
      "the counter in the TPM does not know these rollback indexes: the disk is an old one, or lost them",
    );
  const advanceTo = async (generation: number): Promise<void> => {
    if (generation === value) return;
    await parts.counter.advance();
    value += 1;
  };
  await advanceTo(Math.max(...good.map(({ generation }) => generation)));
  let releases = highest(good.flatMap((place) => place.releases));
  return {
    installed: () => releases,
    fault: () => undefined,
    advance: async (release) => {
      const next = highest([...releases, release]);
      store(parts, { generation: value + 1, releases: [...next] });
      await advanceTo(value + 1);
      releases = next;
    },
  };
}

/** What is known is shown, and nothing is installed by it. */
function closed(parts: SealedRollbackIndexParts, problem: string): Sound {
  const remedy = "find out why, then: causeway ota acknowledge";
  return {
    installed: () => known(parts),
    fault: () => problem,
    advance: () => Promise.reject(new AgentError("update.refused", { what: problem, remedy })),
  };
}

function known(parts: SealedRollbackIndexParts): readonly InstalledComponent[] {
  return highest([...placesOf(parts).flatMap(({ releases }) => releases), ...parts.before.installed()]);
}

function placesOf({ journal, copy }: SealedRollbackIndexParts): readonly Sealed[] {
  return [journal.get(SPACE, KEY), copy.read()].flatMap((value) => sealed.safeParse(value).data ?? []);
}

function store({ journal, copy }: SealedRollbackIndexParts, value: Sealed): void {
  copy.write(value);
  journal.put([
    { space: SPACE, key: KEY, value: { generation: value.generation, releases: value.releases.map(asJson) } },
  ]);
}

function asJson({ component, sequenceNumber, digest }: InstalledComponent) {
  return { component, sequenceNumber, digest };
}
