import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ArtifactKind } from "../../../agent/updates/trust/manifest.ts";
import { encoded, manifestDocument, rootBytes, signaturesOf, type TestKey, testKey } from "./signing.ts";
import { type TarEntry, writeTarGz } from "./tar.ts";

const PROGRAM = fileURLToPath(new URL("../../../scripts/causeway", import.meta.url));
const STUCK = new URL("stuck-pipeline.ts", import.meta.url).href;

/** What stands in for a release's Node: the agent of this checkout, or a version that is broken. The supervisor calls it with Node's options and the program before ours. */
export const RELEASES = {
  works: `#!/bin/sh\nwhile [ "\${1#--}" != "$1" ]; do shift; done\nshift\nexec "${PROGRAM}" "$@"\n`,
  storesNothing: `#!/bin/sh\nwhile [ "\${1#--}" != "$1" ]; do shift; done\nshift\nexport NODE_OPTIONS="--import=${STUCK}"\nexec "${PROGRAM}" "$@"\n`,
  crashes: "#!/bin/sh\nexit 1\n",
  hangs: '#!/bin/sh\ncase "$*" in *--version) exit;; esac\nwhile :; do sleep 0.2; done\n',
} as const;

/** One artifact to be made. */
export type UpdatePart = {
  readonly kind: ArtifactKind;
  readonly name: string;
  readonly entries: readonly TarEntry[];
  /** Further fields of the manifest. */
  readonly more?: Readonly<Record<string, unknown>>;
};

/** Release keys of the running test and the vehicle's pinned root, and a folder in which signed updates are made. */
export class ReleaseSigner {
  readonly folder: string;
  readonly rootFile: string;
  readonly #rootKey: TestKey = testKey();
  readonly #releaseKey: TestKey = testKey("ecdsa-p256");
  #sequenceNumber = 0;

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    this.rootFile = join(folder, "pinned-root.json");
    const plan = { rootKeys: [this.#rootKey], releaseKeys: [this.#releaseKey], expires: "2200-01-01T00:00:00Z" };
    writeFileSync(this.rootFile, rootBytes(plan));
  }

  /** Makes and signs an update of the agent; gives the manifest's path, its digest and that of the release. */
  make(content: string, changes: Readonly<Record<string, unknown>> = {}) {
    return this.bundle([this.agentPart(content)], changes);
  }

  /** What a release of the agent holds. */
  agentPart(content: string): UpdatePart {
    const entries = [
      { name: "node", content, mode: 0o755 },
      { name: "agent/main.js", content: `// release ${this.#sequenceNumber + 1}` },
    ];
    return { kind: "agent", name: "agent", entries };
  }

  /** Makes and signs an update of several artifacts; `name` and `sha256` are those of the first. */
  bundle(parts: readonly UpdatePart[], changes: Readonly<Record<string, unknown>> = {}) {
    const artifacts = parts.map(({ kind, name: base, entries, more = {} }) => {
      const name = `${base}-${this.#sequenceNumber + 1}.tar.gz`;
      const bytes = readFileSync(writeTarGz(join(this.folder, name), entries));
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      return { name, kind, sizeBytes: bytes.length, sha256, ...more };
    });
    const [{ name, sha256 }] = artifacts;
    return { ...this.sign(artifacts, changes), name, sha256, artifacts };
  }

  /** Signs an update of artifacts that are made already; they get its version. */
  sign(artifacts: readonly Readonly<Record<string, unknown>>[], changes: Readonly<Record<string, unknown>> = {}) {
    this.#sequenceNumber += 1;
    const version = `1.0.${this.#sequenceNumber}`;
    const expires = "2200-01-01T00:00:00Z";
    const versioned = artifacts.map((artifact) => ({ version, ...artifact }));
    const about = { version, sequenceNumber: this.#sequenceNumber, expires, artifacts: versioned };
    const document = manifestDocument({ ...about, ...changes });
    const path = join(this.folder, `manifest-${this.#sequenceNumber}.json`);
    writeFileSync(path, encoded(document));
    writeFileSync(`${path}.sig`, encoded(signaturesOf(encoded(document), this.#releaseKey)));
    return { path, version, document };
  }
}
