import { z } from "zod";
import { type PublicKey, publicKeySchema } from "../core/public-key.ts";
import type { Journal } from "../ports.ts";
import { type Refusal, refused } from "./answer.ts";

const SPACE = "command-keys";
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

/** A key, or why there is none. */
export type FoundKey = { readonly kind: "key"; readonly key: PublicKey } | Refusal;

/**
 * The keys that may sign: those pinned in the policy file and those of the stored set, less the revoked ones. A key's counter goes
 * forward only. Throws what the journal throws.
 */
export class KeySet {
  readonly #pinned: readonly PublicKey[];
  readonly #journal: Journal;

  constructor(pinned: readonly PublicKey[], journal: Journal) {
    this.#pinned = pinned;
    this.#journal = journal;
  }

  find(id: string): FoundKey {
    const stored = this.stored();
    if (stored?.revoked.includes(id) === true) return refused("KEY_REVOKED", `key ${id} is revoked`);
    // A stored key never takes the place of a pinned one.
    const key = [...this.#pinned, ...(stored?.keys ?? [])].find((candidate) => candidate.id === id);
    return key === undefined ? refused("KEY_UNKNOWN", `there is no key ${id}`) : { kind: "key", key };
  }

  /** The set that came last; undefined while none has. */
  stored(): KeySetDocument | undefined {
    const value = this.#journal.get(SPACE, SET);
    return value === undefined ? undefined : keySetSchema.parse(value);
  }

  /** Takes a newer set; what was revoked stays revoked. Gives false for one that is not newer. */
  replace(set: KeySetDocument): boolean {
    const before = this.stored();
    if (before !== undefined && set.version <= before.version) return false;
    const revoked = [...new Set([...(before?.revoked ?? []), ...set.revoked])];
    this.#journal.put([{ space: SPACE, key: SET, value: { ...set, revoked } }]);
    return true;
  }

  /** Whether a key's counter has not been used, and is not too far behind to tell. */
  isFresh(keyId: string, counter: number): boolean {
    const { highest, used } = this.#counter(keyId);
    if (counter > highest) return true;
    const behind = highest - counter;
    return behind < WINDOW && (used & (1n << BigInt(behind))) === 0n;
  }

  /** Uses a counter up. */
  use(keyId: string, counter: number): void {
    const { highest, used } = this.#counter(keyId);
    const ahead = Math.max(0, counter - highest);
    const moved = ahead >= WINDOW ? 0n : BigInt.asUintN(WINDOW, used << BigInt(ahead));
    const next = Math.max(highest, counter);
    const bits = moved | (1n << BigInt(next - counter));
    const value = { highest: next, used: bits.toString(16) };
    this.#journal.put([{ space: SPACE, key: `counter:${keyId}`, value }]);
  }

  #counter(keyId: string): { readonly highest: number; readonly used: bigint } {
    const value = this.#journal.get(SPACE, `counter:${keyId}`);
    if (value === undefined) return { highest: 0, used: 0n };
    const { highest, used } = counterSchema.parse(value);
    return { highest, used: BigInt(`0x${used}`) };
  }
}
