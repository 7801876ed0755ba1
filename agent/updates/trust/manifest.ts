import { z } from "zod";
import { documentText, parseCanonical } from "../../core/canonical-document.ts";
import { type ClockQuality, isBelievable } from "../../core/clock.ts";
import { type SignatureList, sha256Hex } from "../../core/signatures.ts";
import { signedBy, type TrustRoot } from "./trust-root.ts";

/** Larger than any manifest with 32 artifacts. */
export const MAX_MANIFEST_BYTES = 65_536;

const componentName = z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, "must be lower case letters, digits and '-'");
const release = z.string().regex(/^\d{1,9}\.\d{1,9}\.\d{1,9}$/, "must be MAJOR.MINOR.PATCH");
const sequenceNumber = z
  .int()
  .min(1)
  .max(2 ** 31 - 1);

/** How an artifact is put in place. */
export const ARTIFACT_KINDS = ["agent", "rauc", "files", "exec"] as const;
export type ArtifactKind = (typeof ARTIFACT_KINDS)[number];
/** Of these a vehicle has one, whole: two in a manifest would undo each other. */
const ONCE: readonly ArtifactKind[] = ["agent", "files", "rauc"];

const handlerName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "must be a plain name");

const artifact = z
  .strictObject({
    name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, "must be a plain file name"),
    kind: z.enum(ARTIFACT_KINDS),
    version: z.string().regex(/^[\w.+~-]{1,64}$/),
    sizeBytes: z.int().min(1).max(64_000_000_000),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    handler: handlerName.optional(),
  })
  .refine(({ kind, handler }) => (kind === "exec") === (handler !== undefined), {
    path: ["handler"],
    message: "is named for kind exec, and only there",
  });
export type Artifact = z.infer<typeof artifact>;

/**
 * What one update consists of, and where it may go.
 *
 * `component` names what is updated ("agent", "dbc"); each has a rollback index of its own: a release with a lower `sequenceNumber` is
 * rejected. `sequenceNumber` grows with every release of a component, whatever its version says (SUIT, RFC 9124). `agent` bounds
 * the version of the agent that installs it.
 */
export const manifest = z
  .strictObject({
    type: z.literal("causeway.manifest"),
    schemaVersion: z.literal(1),
    component: componentName,
    version: z.string().regex(/^[\w.+~-]{1,64}$/),
    sequenceNumber,
    expires: z.iso.datetime(),
    hardware: z
      .array(z.string().regex(/^[\w.-]{1,64}$/))
      .min(1)
      .max(64),
    agent: z.strictObject({ atLeast: release, below: release.optional() }),
    requires: z.array(z.strictObject({ component: componentName, sequenceNumber })).max(16),
    artifacts: z.array(artifact).min(1).max(32),
  })
  .refine(({ artifacts }) => new Set(artifacts.map(({ name }) => name)).size === artifacts.length, {
    path: ["artifacts"],
    message: "two artifacts have the same name",
  })
  .refine(({ artifacts }) => ONCE.every((once) => artifacts.filter(({ kind }) => kind === once).length <= 1), {
    path: ["artifacts"],
    message: `two artifacts are of a kind of which there is one: ${ONCE.join(", ")}`,
  });
export type Manifest = z.infer<typeof manifest>;

/** A release of a component that is installed; its sequence number is the rollback index of the component. */
export type InstalledComponent = {
  readonly component: string;
  readonly sequenceNumber: number;
  readonly digest: string;
};

/** What a manifest is held against. */
export type Vehicle = {
  readonly root: TrustRoot;
  readonly wallUs: number;
  readonly clockQuality: ClockQuality;
  readonly hardware: string;
  readonly agentVersion: string;
  readonly installed: readonly InstalledComponent[];
  /** Kinds of artifact that this vehicle has an installer for. */
  readonly kinds: readonly ArtifactKind[];
  /** Programs of the vehicle's own list that install artifacts of kind exec; undefined where the list is not known. */
  readonly handlers: readonly string[] | undefined;
};

/** Why a manifest is refused, as job status details and the CLI tell it. */
export type ManifestRejection =
  | "malformed"
  | "unsigned"
  | "signature-wrong"
  | "key-revoked"
  | "clock-untrusted"
  | "root-expired"
  | "expired"
  | "downgrade"
  | "sequence-number-reused"
  | "hardware-unfit"
  | "agent-unfit"
  | "requirement-missing"
  | "kind-unsupported"
  | "journal-lost"
  | "root-lost"
  | "rollback-index-lost";

export type ManifestVerdict =
  | { readonly kind: "accepted"; readonly manifest: Manifest; readonly digest: string }
  /** Signed and fit, but it is what runs already. */
  | { readonly kind: "installed"; readonly manifest: Manifest; readonly digest: string }
  | { readonly kind: "rejected"; readonly reason: ManifestRejection; readonly detail: string };

/**
 * Judges a manifest by its exact bytes and the detached signatures over them. Nothing in it is read before the signatures hold.
 *
 * `digest` (SHA-256 of the bytes) names the release from then on: what is downloaded and installed is bound to it, so that parts of
 * two releases cannot be mixed.
 */
export function judgeManifest(bytes: Uint8Array, signatures: SignatureList, vehicle: Vehicle): ManifestVerdict {
  if (bytes.length > MAX_MANIFEST_BYTES) {
    return rejected("malformed", `${bytes.length} bytes, at most ${MAX_MANIFEST_BYTES}`);
  }
  const verdict = signedBy(vehicle.root, "release", bytes, signatures);
  if (verdict !== "signed") return rejected(verdict, signatureText(verdict, vehicle.root));
  const parsed = manifest.safeParse(parseCanonical(bytes));
  if (!parsed.success) return rejected("malformed", z.prettifyError(parsed.error).replaceAll("\n", " "));
  const found = untimely(parsed.data, vehicle) ?? unfit(parsed.data, vehicle);
  if (found !== undefined) return found;
  return newness(parsed.data, sha256Hex(bytes), vehicle);
}

/** The manifest in a text that has been judged good before. Throws for any other: that is a bug. */
export function parseManifest(text: string): Manifest {
  return manifest.parse(parseCanonical(new TextEncoder().encode(text)));
}

/** The bytes that are signed. Throws for a document that is no manifest: this is the release engineer's side. */
export function manifestBytes(document: unknown): Uint8Array {
  const text = documentText(manifest.parse(document));
  if (text === undefined) throw new RangeError("a value in the manifest has no canonical form");
  return new TextEncoder().encode(text);
}

function rejected(reason: ManifestRejection, detail: string): ManifestVerdict {
  return { kind: "rejected", reason, detail };
}

function signatureText(verdict: "unsigned" | "signature-wrong" | "key-revoked", { document }: TrustRoot): string {
  switch (verdict) {
    case "unsigned":
      return `not signed by ${document.release.threshold} of the release keys of root ${document.version}`;
    case "signature-wrong":
      return "a signature does not fit the bytes";
    case "key-revoked":
      return `signed with a key that root ${document.version} has revoked`;
  }
}

/** A manifest that is held back cannot keep a vehicle on an old release for ever: it expires, and so does the root. */
function untimely({ expires }: Manifest, { root, wallUs, clockQuality }: Vehicle): ManifestVerdict | undefined {
  if (!isBelievable(clockQuality)) {
    return rejected("clock-untrusted", "the clock is not set, so it cannot be told whether the manifest has expired");
  }
  const nowMs = wallUs / 1000;
  const { document } = root;
  if (Date.parse(document.expires) <= nowMs) {
    return rejected("root-expired", `root ${document.version} expired ${document.expires}`);
  }
  return Date.parse(expires) <= nowMs ? rejected("expired", `expired ${expires}`) : undefined;
}

function unfit(document: Manifest, vehicle: Vehicle): ManifestVerdict | undefined {
  const { hardware, agentVersion, installed, kinds, handlers } = vehicle;
  if (!document.hardware.includes(hardware)) {
    return rejected("hardware-unfit", `for ${document.hardware.join(", ")}; this is ${hardware}`);
  }
  const { atLeast, below } = document.agent;
  if (compareReleases(agentVersion, atLeast) < 0) {
    return rejected("agent-unfit", `needs agent ${atLeast} or newer; this is ${agentVersion}`);
  }
  if (below !== undefined && compareReleases(agentVersion, below) >= 0) {
    return rejected("agent-unfit", `needs an agent below ${below}; this is ${agentVersion}`);
  }
  const unknown = document.artifacts.find(({ kind }) => !kinds.includes(kind));
  if (unknown !== undefined) return rejected("kind-unsupported", `${unknown.name}: no installer for ${unknown.kind}`);
  const unlisted = document.artifacts.find(
    ({ handler }) => handler !== undefined && handlers !== undefined && !handlers.includes(handler),
  );
  if (unlisted !== undefined) {
    return rejected("kind-unsupported", `${unlisted.name}: handler ${unlisted.handler} is not on the vehicle's list`);
  }
  const missing = document.requires.find(
    ({ component, sequenceNumber: least }) => sequenceNumberOf(component, installed) < least,
  );
  if (missing === undefined) return undefined;
  const has = sequenceNumberOf(missing.component, installed);
  return rejected("requirement-missing", `needs ${missing.component} ${missing.sequenceNumber}; installed is ${has}`);
}

function newness(document: Manifest, digest: string, { installed }: Vehicle): ManifestVerdict {
  const current = installed.find(({ component }) => component === document.component);
  if (current === undefined || document.sequenceNumber > current.sequenceNumber) {
    return { kind: "accepted", manifest: document, digest };
  }
  if (document.sequenceNumber < current.sequenceNumber) {
    return rejected(
      "downgrade",
      `sequence number ${document.sequenceNumber} is below ${current.sequenceNumber}, which is installed`,
    );
  }
  if (digest === current.digest) return { kind: "installed", manifest: document, digest };
  return rejected("sequence-number-reused", `sequence number ${document.sequenceNumber} was used by another release`);
}

function sequenceNumberOf(name: string, installed: readonly InstalledComponent[]): number {
  return installed.find(({ component }) => component === name)?.sequenceNumber ?? 0;
}

/** Below zero when `a` is older. What follows the patch number ("-rc1") is not looked at. */
function compareReleases(a: string, b: string): number {
  const left = numbersOf(a);
  const right = numbersOf(b);
  for (let at = 0; at < 3; at++) {
    if (left[at] !== right[at]) return left[at] - right[at];
  }
  return 0;
}

function numbersOf(version: string): readonly number[] {
  const [, ...numbers] = /^(\d+)\.(\d+)\.(\d+)/.exec(version) ?? [];
  return [0, 1, 2].map((at) => Number(numbers[at] ?? 0));
}
