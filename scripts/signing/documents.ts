import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { documentText } from "../../agent/core/canonical-document.ts";
import { AgentError, messageOf } from "../../agent/core/errors.ts";
import { isSignedBy } from "../../agent/core/public-key.ts";
import { type DocumentKey, parseSignatures, type SignatureList } from "../../agent/core/signatures.ts";
import { type Artifact, manifest, manifestBytes } from "../../agent/updates/trust/manifest.ts";
import { parseRoot, type TrustRoot } from "../../agent/updates/trust/trust-root.ts";
import type { TarLimits } from "../../drivers/os/archive/tar-reader.ts";
import { type Archive, unpackArchive } from "../../drivers/os/archive/unpack.ts";
import { replaceFile } from "../../drivers/os/durable-file.ts";
import { digestFile } from "../../drivers/os/file-digest.ts";
import { SET_LIMITS } from "../../drivers/os/versions/file-set.ts";
import { RELEASE_LIMITS } from "../../drivers/os/versions/slots.ts";
import { readInput } from "./key-files.ts";

/** Kinds of artifact that vehicles unpack, and how much of it. */
const ARCHIVES: Readonly<Record<string, TarLimits | undefined>> = { agent: RELEASE_LIMITS, files: SET_LIMITS };

const NO_SIGNATURES: SignatureList = { type: "causeway.signatures", schemaVersion: 1, signatures: [] };

/** A trust root that is not signed yet; `expires` is RFC 3339, UTC, and revoked keys go by their key id. */
export type RootPlan = {
  readonly expires: string;
  readonly rootKeys: readonly DocumentKey[];
  readonly rootThreshold: number;
  readonly releaseKeys: readonly DocumentKey[];
  readonly releaseThreshold: number;
  readonly revoked: readonly string[];
};

/** Canonical bytes of root 1, or of the one after `previous`; what that one revoked stays revoked. Throws `input.malformed`. */
export function makeRoot(plan: RootPlan, previous: TrustRoot | undefined): Uint8Array {
  const keys = new Map([...plan.rootKeys, ...plan.releaseKeys].map((key) => [key.id, { spki: key.spki }]));
  const revoked = new Set([...(previous?.document.revoked ?? []), ...plan.revoked]);
  const text = documentText({
    type: "causeway.root",
    schemaVersion: 1,
    version: (previous?.document.version ?? 0) + 1,
    expires: plan.expires,
    keys: [...keys.values()],
    root: { keyIds: plan.rootKeys.map(({ id }) => id), threshold: plan.rootThreshold },
    release: { keyIds: plan.releaseKeys.map(({ id }) => id), threshold: plan.releaseThreshold },
    revoked: [...revoked],
  });
  const bytes = new TextEncoder().encode(text);
  const root = parseRoot(bytes);
  if (typeof root === "string") throw malformed(`the root cannot be made: ${root}`);
  return bytes;
}

/** The root in a file, whoever signed it. Throws `input.malformed`. */
export function readRoot(file: string): TrustRoot {
  const root = parseRoot(readInput(file));
  if (typeof root === "string") throw malformed(`${file} is no root document: ${root}`);
  return root;
}

/** Canonical bytes of a manifest. Throws `input.malformed` with every problem. */
export function makeManifest(document: unknown): Uint8Array {
  const checked = manifest.safeParse(document);
  if (checked.success) return manifestBytes(checked.data);
  const problems = checked.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw malformed(problems.join("\n"));
}

/**
 * Describes one file as an artifact: KIND:VERSION:FILE, or exec@HANDLER:VERSION:FILE. An archive that vehicles would not unpack is not
 * signed. Throws `usage.invalid`, `input.missing` or `update.unfit`.
 */
export async function describeArtifact(given: string): Promise<Omit<Artifact, "kind"> & { readonly kind: string }> {
  const [, kind, handler, version, file] = /^([a-z]+)(?:@([^:]+))?:([^:]+):(.+)$/.exec(given) ?? [];
  if (kind === undefined || version === undefined || file === undefined) {
    throw new AgentError("usage.invalid", {
      what: `--artifact ${given} is not KIND:VERSION:FILE`,
      remedy: "for example --artifact agent:1.4.0:causeway-1.4.0-arm64.tar.gz",
    });
  }
  try {
    const named = handler === undefined ? {} : { handler };
    const described = await digestFile(file);
    const limits = ARCHIVES[kind];
    if (limits !== undefined) await tryArchive({ file, ...described, ...limits });
    return { name: basename(file), kind, version, ...named, ...described };
  } catch (error) {
    if (error instanceof AgentError) throw error;
    throw new AgentError("input.missing", {
      what: `${file}: ${messageOf(error)}`,
      remedy: "check the path",
      cause: error,
    });
  }
}

/** Unpacks it as a vehicle does, and forgets it. */
async function tryArchive(archive: Archive): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-sign-"));
  try {
    await unpackArchive(archive, join(folder, "unpacked"), new AbortController().signal);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The signatures beside `file`, in `file`.sig; none when there is no such file. Throws `input.malformed`. */
export function readSignatures(file: string): SignatureList {
  if (!existsSync(`${file}.sig`)) return NO_SIGNATURES;
  const list = parseSignatures(readInput(`${file}.sig`));
  if (list === undefined) throw malformed(`${file}.sig is no signature file`);
  return list;
}

/** Adds a signature over `file` to `file`.sig, in place of an earlier one by the same key. Throws `input.malformed` when it does not fit. */
export function addSignature(file: string, key: DocumentKey, value: string): void {
  if (!isSignedBy(key.key, readInput(file), value))
    throw malformed(`the signature is not one of ${file} by key ${key.id}`);
  const list = readSignatures(file);
  const others = list.signatures.filter(({ keyId }) => keyId !== key.id);
  const text = documentText({ ...list, signatures: [...others, { keyId: key.id, value }] });
  if (text === undefined) throw malformed(`the signatures of ${file} have no canonical form`);
  replaceFile(`${file}.sig`, text, 0o644);
}

function malformed(what: string): AgentError {
  return new AgentError("input.malformed", { what, remedy: "see causeway-sign --help for the forms" });
}
