import { z } from "zod";
import { parseCanonical } from "../../core/canonical-document.ts";
import { isSignedBy } from "../../core/public-key.ts";
import { type DocumentKey, documentKeyOf, keyId, type SignatureList } from "../../core/signatures.ts";

/** Larger than any root document with 32 keys. */
const MAX_ROOT_BYTES = 32_768;

const role = z.strictObject({
  keyIds: z.array(keyId).min(1).max(16),
  threshold: z.int().min(1).max(16).describe("different keys that must have signed"),
});

/**
 * Who may sign what. Root keys sign root documents, release keys sign manifests. Revoked keys sign nothing any more, and no later
 * root may take one back.
 */
const rootDocument = z
  .strictObject({
    type: z.literal("causeway.root"),
    schemaVersion: z.literal(1),
    version: z.int().min(1),
    expires: z.iso.datetime(),
    keys: z
      .array(z.strictObject({ spki: z.string().max(1024) }))
      .min(1)
      .max(32),
    root: role,
    release: role,
    revoked: z.array(keyId).max(256),
  })
  .superRefine((document, context) => {
    const known = new Set(document.keys.map(({ spki }) => documentKeyOf(spki)?.id));
    const refuse = (path: string, message: string): void => context.addIssue({ code: "custom", path: [path], message });
    if (known.has(undefined)) refuse("keys", "a key is neither Ed25519 nor EC P-256");
    for (const name of ["root", "release"] as const) {
      const { keyIds, threshold } = document[name];
      if (new Set(keyIds).size !== keyIds.length) refuse(name, "a key is named twice");
      if (threshold > keyIds.length) refuse(name, `threshold ${threshold} of ${keyIds.length} keys`);
      for (const id of keyIds) {
        if (!known.has(id)) refuse(name, `key ${id} is not among the keys`);
        if (document.revoked.includes(id)) refuse(name, `key ${id} is revoked`);
      }
    }
  });

type RootDocument = z.infer<typeof rootDocument>;
type RoleName = "root" | "release";

/** A root document that is trusted, with its keys ready for use. */
export type TrustRoot = { readonly document: RootDocument; readonly keys: ReadonlyMap<string, DocumentKey> };

/** Why a root document is not taken. */
export type RootRejection =
  | "malformed"
  | "version-skipped"
  | "unsigned"
  | "signature-wrong"
  | "key-revoked"
  | "revocation-undone";

/** The outcome of a check by signatures. */
type SignatureVerdict = "signed" | "unsigned" | "signature-wrong" | "key-revoked";

/** Parses a root document without asking who signed it: for the one that is pinned on the vehicle. Gives a text that says what is wrong with any other. */
export function parseRoot(bytes: Uint8Array): TrustRoot | string {
  if (bytes.length > MAX_ROOT_BYTES) return `${bytes.length} bytes, at most ${MAX_ROOT_BYTES}`;
  const value = parseCanonical(bytes);
  if (value === undefined) return "not in canonical form";
  const parsed = rootDocument.safeParse(value);
  if (!parsed.success)
    return parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ");
  const keys = parsed.data.keys.flatMap(({ spki }) => documentKeyOf(spki) ?? []);
  return { document: parsed.data, keys: new Map(keys.map((key) => [key.id, key])) };
}

/**
 * The next root after `current`: version N + 1, signed by the threshold of the root keys of N and of its own.
 *
 * Its expiry is not looked at here: a vehicle that was off for years walks through expired roots to the newest, and only that one
 * must be in force when a manifest is checked.
 */
export function rotateRoot(
  current: TrustRoot,
  bytes: Uint8Array,
  signatures: SignatureList,
): TrustRoot | RootRejection {
  const next = parseRoot(bytes);
  if (typeof next === "string") return "malformed";
  if (next.document.version !== current.document.version + 1) return "version-skipped";
  if (current.document.revoked.some((id) => !next.document.revoked.includes(id))) return "revocation-undone";
  const verdicts = [signedBy(current, "root", bytes, signatures), signedBy(next, "root", bytes, signatures)];
  const rejection = verdicts.find((verdict) => verdict !== "signed");
  return rejection ?? next;
}

/**
 * Whether enough different keys of a role signed `bytes`. A signature by a key that the root does not know is passed over: a file may
 * carry those of older and newer roots. A wrong one of a known key, or any of a revoked key, refuses the whole.
 */
export function signedBy(
  { document, keys }: TrustRoot,
  name: RoleName,
  bytes: Uint8Array,
  { signatures }: SignatureList,
): SignatureVerdict {
  const signers = new Set<string>();
  for (const { keyId: id, value } of signatures) {
    if (document.revoked.includes(id)) return "key-revoked";
    const key = document[name].keyIds.includes(id) ? keys.get(id) : undefined;
    if (key === undefined) continue;
    if (!isSignedBy(key.key, bytes, value)) return "signature-wrong";
    signers.add(id);
  }
  return signers.size >= document[name].threshold ? "signed" : "unsigned";
}
