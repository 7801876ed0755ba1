import { z } from "zod";
import { type PublicKey, publicKeySchema } from "../core/public-key.ts";
import type { Journal } from "../ports/journal.ts";
import type { JournalSpace } from "../ports/journal-spaces.ts";
import { type CommandRejection, rejected } from "./answer.ts";

const SPACE: JournalSpace = "command-keys";
const SET = "set";
/** Counters below the highest that are still taken, each once: requests of one key may overtake each other by so many. */
const WINDOW = 64;

/** A set of keys as it is sent and stored. `revoked` are ids of pinned keys too. */
export const keySetSchema = z.strictObject({
  version: z.int().min(1),
  keys: z.array(publicKeySchema).max(32),
  revoked: z.array(z.string().max(64)).max(256),
});
export type KeySetDocument = z.infer<typeof keySetSchema>;

const counterSchema = z.strictObject({
  highest: z.int().min(0),
  /** Bit i: highest - i was used. Hexadecimal. */
  used: z.string().regex(/^[0-9a-f]{1,16}$/),
});

/** Counters of one generation of signed requests; times in ms since the Unix epoch fit. */
const GENERATION_COUNTERS = 2 ** 45;

/** The lowest counter of a generation. */
export function firstCounterOf(generation: number): number {
  return (generation - 1) * GENERATION_COUNTERS + 1;
}

/** What vouches for keys and counters across the loss of the journal; see `LedgerSeal`. */
export type KeySeal = {
  /** Of the counters that are taken; the first is 1. */
  generation(): number;
  /** A counter was used, or a set taken; call inside the transaction that does it. */
  note(keys?: KeySetDocument): void;
  /** Makes what was noted known in the second place; gives why it could not. Call before anything acts by it. */
  settle(): string | undefined;
  /** Has the counter outside the disk vouch for what is settled. Rejects with the faults of disk and TPM. */
  advance(): Promise<void>;
};

/** The set that is stored; undefined while none is. */
export function readKeySet(journal: Pick<Journal, "get">): KeySetDocument | undefined {
  const value = journal.get(SPACE, SET);
  return value === undefined ? undefined : keySetSchema.parse(value);
}

/** Stores a set as it is. */
export function writeKeySet(journal: Pick<Journal, "put">, set: KeySetDocument): void {
  journal.put([{ space: SPACE, key: SET, value: set }]);
}

/** Of several sets the newest, with all that any of them revokes; undefined when there is none. */
export function mergedKeys(sets: readonly (KeySetDocument | undefined)[]): KeySetDocument | undefined {
  const known = sets.flatMap((set) => set ?? []).toSorted((left, right) => right.version - left.version);
  const [newest] = known;
  return newest && { ...newest, revoked: [...new Set(known.flatMap(({ revoked }) => revoked))] };
}

/** A key, or why there is none. */
export type FoundKey = { readonly kind: "key"; readonly key: PublicKey } | CommandRejection;

/**
 * The keys that may sign: those pinned in the policy file and those of the stored set, less the revoked ones. A key's counter goes
 * forward only. Throws what the journal throws.
 */
export class KeySet {
  readonly #pinned: readonly PublicKey[];
  readonly #journal: Journal;
  readonly #seal: KeySeal;

  constructor(pinned: readonly PublicKey[], journal: Journal, seal: KeySeal) {
    this.#pinned = pinned;
    this.#journal = journal;
    this.#seal = seal;
  }

  find(id: string): FoundKey {
    const stored = this.stored();
    if (stored?.revoked.includes(id) === true) return rejected("KEY_REVOKED", `key ${id} is revoked`);
    // A stored key never takes the place of a pinned one.
    const key = [...this.#pinned, ...(stored?.keys ?? [])].find((candidate) => candidate.id === id);
    return key === undefined ? rejected("KEY_UNKNOWN", `there is no key ${id}`) : { kind: "key", key };
  }

  /** The set that came last; undefined while none has. */
  stored(): KeySetDocument | undefined {
    return readKeySet(this.#journal);
  }

  /** Takes a newer set; what was revoked stays revoked. Gives false for one that is not newer. Rejects with the faults of disk and TPM. */
  async replace(set: KeySetDocument): Promise<boolean> {
    const before = this.stored();
    if (before !== undefined && set.version <= before.version) return false;
    const merged = mergedKeys([before, set]) ?? set;
    this.#journal.atomically(() => {
      writeKeySet(this.#journal, merged);
      this.#seal.note(merged);
    });
    await this.#seal.advance();
    return true;
  }

  /** Why a counter is not of the generation that is taken; undefined when it is. */
  strangeCounter(counter: number): string | undefined {
    const generation = this.#seal.generation();
    const given = Math.ceil(counter / GENERATION_COUNTERS);
    if (given === generation) return undefined;
    const [first, last] = [firstCounterOf(generation), firstCounterOf(generation + 1) - 1];
    return `counter ${counter} is of generation ${given}; this vehicle takes those from ${first} to ${last}`;
  }

  /** Whether a key's counter has not been used, and is not too far behind to tell. */
  isFresh(keyId: string, counter: number): boolean {
    const { highest, used } = this.#counter(keyId);
    if (counter > highest) return true;
    const behind = highest - counter;
    return behind < WINDOW && (used & (1n << BigInt(behind))) === 0n;
  }

  /** Uses a counter up. Call inside the transaction that takes the command, and `settle` before it acts. */
  use(keyId: string, counter: number): void {
    const { highest, used } = this.#counter(keyId);
    const ahead = Math.max(0, counter - highest);
    const moved = ahead >= WINDOW ? 0n : BigInt.asUintN(WINDOW, used << BigInt(ahead));
    const next = Math.max(highest, counter);
    const bits = moved | (1n << BigInt(next - counter));
    const value = { highest: next, used: bits.toString(16) };
    this.#journal.put([{ space: SPACE, key: `counter:${keyId}`, value }]);
    this.#seal.note();
  }

  /** Makes the use of a counter known in the second place; gives why it could not. */
  settle(): string | undefined {
    return this.#seal.settle();
  }

  #counter(keyId: string): { readonly highest: number; readonly used: bigint } {
    const value = this.#journal.get(SPACE, `counter:${keyId}`);
    if (value === undefined) return { highest: 0, used: 0n };
    const { highest, used } = counterSchema.parse(value);
    return { highest, used: BigInt(`0x${used}`) };
  }
}
