import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { sha256Hex, signatureList } from "../core/signatures.ts";
import type { Journal } from "../ports/journal.ts";
import type { JournalSpace } from "../ports/journal-spaces.ts";
import { type ArtifactKind, judgeManifest, type ManifestVerdict } from "./trust/manifest.ts";
import { ROOT_COMPONENT, type RollbackIndexes } from "./trust/rollback-indexes.ts";
import { parseRoot, rotateRoot, type TrustRoot } from "./trust/trust-root.ts";
import { type UpdateRequest, updateRequest } from "./update-record.ts";
import { isSettled } from "./update-state.ts";
import type { Updater } from "./updater.ts";

const SPACE: JournalSpace = "update";
const ROOT_KEY = "root";

const signedRoot = z.strictObject({ document: z.string().max(32_768), signatures: signatureList });

/** An update as it is handed in: the request, and the roots that came with it. */
export const updateOrder = z.strictObject({
  ...updateRequest.shape,
  roots: z.array(signedRoot).max(32).default([]),
});
export type UpdateOrder = z.infer<typeof updateOrder>;

export type UpdateVerifierParts = {
  readonly journal: Pick<Journal, "get" | "put" | "status" | "acknowledgeLoss">;
  /** Whose `acknowledge` takes the loss of the journal: that of commands, where they are taken, since it begins a new generation of theirs. */
  readonly lossOwner: "commands" | "ota";
  readonly rollbackIndexes: RollbackIndexes;
  /** A second place for the newest root: with the journal alone, its loss would let back in whoever that root has revoked. */
  readonly rootCopy: { read(): unknown; write(document: string): void };
  readonly pinned: TrustRoot;
  readonly clock: Pick<Clock, "wallUs" | "quality">;
  readonly log: Log;
  readonly vehicle: {
    readonly hardware: string;
    readonly agentVersion: string;
    readonly kinds: readonly ArtifactKind[];
    readonly handlers: readonly string[];
  };
};

/** Says whom to trust and what to take; nobody hands an update to the updater but through it. */
export class UpdateVerifier {
  readonly #parts: UpdateVerifierParts;

  constructor(parts: UpdateVerifierParts) {
    this.#parts = parts;
  }

  /** Judges an update by what is trusted now. Nothing is taken while the journal is lost: what it knew of the rollback indexes is gone. */
  verify({ manifest, signatures }: Pick<UpdateRequest, "manifest" | "signatures">): ManifestVerdict {
    const { rollbackIndexes, clock, vehicle, journal, lossOwner } = this.#parts;
    if (journal.status().kind === "lost") {
      const detail = `the journal was lost; find out why, then: causeway ${lossOwner} acknowledge`;
      return { kind: "rejected", reason: "journal-lost", detail };
    }
    const fault = rollbackIndexes.fault();
    if (fault !== undefined) {
      const detail = `${fault}; find out why, then: causeway ota acknowledge`;
      return { kind: "rejected", reason: "rollback-index-lost", detail };
    }
    const root = this.root();
    const rootIndex =
      rollbackIndexes.installed().find(({ component }) => component === ROOT_COMPONENT)?.sequenceNumber ?? 0;
    if (root.document.version < rootIndex) {
      const detail = `root ${rootIndex} was in force and is lost: the roots up to it must come with the update`;
      return { kind: "rejected", reason: "root-lost", detail };
    }
    const bytes = new TextEncoder().encode(manifest);
    return judgeManifest(bytes, signatures, {
      root,
      wallUs: clock.wallUs(),
      clockQuality: clock.quality(),
      installed: rollbackIndexes.installed(),
      ...vehicle,
    });
  }

  /** Takes the roots that came with it, as far as they follow, then judges and begins. Rejects with the faults of the journal, the disk and the rollback indexes. */
  async order({ roots, ...request }: UpdateOrder, updater: Updater): Promise<ManifestVerdict | "busy"> {
    const running = updater.current();
    if (running !== undefined && !isSettled(running.state)) return "busy";
    for (const root of roots) await this.#rotate(root);
    const verdict = this.verify(request);
    if (verdict.kind !== "accepted") return verdict;
    return updater.begin(verdict.digest, this.#parts.vehicle.agentVersion, request) === "busy" ? "busy" : verdict;
  }

  /** What was lost that `acknowledge` takes; undefined when nothing was. */
  loss(): string | undefined {
    const { journal, rollbackIndexes, lossOwner } = this.#parts;
    const status = journal.status();
    return status.kind === "lost" && lossOwner === "ota" ? status.what : rollbackIndexes.fault();
  }

  /** Someone knows of the loss. Rejects with the faults of the journal, the disk and the TPM. */
  async acknowledge(): Promise<void> {
    const { journal, rollbackIndexes, lossOwner } = this.#parts;
    await rollbackIndexes.acknowledge();
    if (lossOwner === "ota") journal.acknowledgeLoss();
  }

  /** The newest root that was taken, or the pinned one when that is newer. */
  root(): TrustRoot {
    const { journal, rootCopy, pinned } = this.#parts;
    const stored = journal.get(SPACE, ROOT_KEY);
    const inJournal = typeof stored === "string" ? parsedRoot(stored) : undefined;
    if (typeof inJournal === "string") {
      throw new AgentError("internal.bug", { what: `the stored root is unusable: ${inJournal}`, remedy: "report it" });
    }
    const copied = rootCopy.read();
    const inCopy = typeof copied === "string" ? parsedRoot(copied) : undefined;
    // A copy that is damaged counts for nothing; the rollback index says whether it was the newest.
    const stands = [inJournal, typeof inCopy === "string" ? undefined : inCopy].filter((root) => root !== undefined);
    return stands.reduce((newest, root) => (root.document.version > newest.document.version ? root : newest), pinned);
  }

  async #rotate({ document, signatures }: z.infer<typeof signedRoot>): Promise<void> {
    const { journal, rootCopy, rollbackIndexes, log } = this.#parts;
    const next = rotateRoot(this.root(), new TextEncoder().encode(document), signatures);
    if (typeof next === "string") {
      // Roots that are known already come along with every update.
      if (next !== "version-skipped") log.warn("update.root-refused", { reason: next });
      return;
    }
    const { version } = next.document;
    rootCopy.write(document);
    journal.put([{ space: SPACE, key: ROOT_KEY, value: document }]);
    const digest = sha256Hex(new TextEncoder().encode(document));
    // Rollback indexes that were lost take nothing; judging refuses then, and the next root that comes raises them.
    if (rollbackIndexes.fault() === undefined)
      await rollbackIndexes.advance({ component: ROOT_COMPONENT, sequenceNumber: version, digest });
    log.info("update.root-rotated", { version });
  }
}

function parsedRoot(text: string): TrustRoot | string {
  return parseRoot(new TextEncoder().encode(text));
}
