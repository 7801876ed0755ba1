import { keyAmbiguous, keyUnfit } from "../core/key-faults.ts";
import type { ForeignKey, KeyFacts } from "../ports/key-store.ts";

/** What a label is looked up in: the keys of a token. */
export type KeyRing = { readonly keys: readonly (KeyFacts | ForeignKey)[]; readonly tokenLabel: string };

/** The one key of this label; undefined when there is none. Throws `identity.key-ambiguous` when there are several. */
export function keyLabelled({ keys, tokenLabel }: KeyRing, label: string): KeyFacts | ForeignKey | undefined {
  const [first, ...others] = keys.filter((key) => key.label === label);
  if (first === undefined || others.length === 0) return first;
  throw keyAmbiguous(
    label,
    tokenLabel,
    [first, ...others].map(({ id }) => id),
  );
}

/** The same key, when it is of a kind that a device can connect with. Throws `identity.key-unfit`. */
export function requireUsableKey(key: KeyFacts | ForeignKey): KeyFacts {
  if (key.algorithm === "other") throw keyUnfit(key.label, key.problems.join("; "));
  return key;
}
