import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import type { Journal } from "../ports/journal.ts";
import { type ArtifactKind, judgeManifest, type ManifestVerdict } from "./trust/manifest.ts";
import type { RollbackIndexes } from "./trust/rollback-indexes.ts";
import { type RootStore, signedRoot } from "./trust/root-store.ts";
import type { TrustRoot } from "./trust/trust-root.ts";
import { type UpdateRequest, updateRequest } from "./update-record.ts";
import { isSettled } from "./update-state.ts";
import type { Updater } from "./updater.ts";

/** An update as it is handed in: the request, and the roots that came with it. */
export const updateOrder = z.strictObject({
  ...updateRequest.shape,
  roots: z.array(signedRoot).max(32).default([]),
});
export type UpdateOrder = z.infer<typeof updateOrder>;

export type UpdateVerifierParts = {
  readonly journal: Pick<Journal, "status" | "acknowledgeLoss">;
  /** Whose `acknowledge` takes the loss of the journal: that of commands, where they are taken, since it begins a new generation of theirs. */
  readonly lossOwner: "commands" | "ota";
  readonly rollbackIndexes: RollbackIndexes;
  readonly roots: RootStore;
  readonly clock: Pick<Clock, "wallUs" | "quality">;
  readonly vehicle: {
    readonly hardware: string;
    readonly agentVersion: string;
    readonly kinds: readonly ArtifactKind[];
    readonly handlers: readonly string[];
  };
};

/** Says which updates to take; nobody hands one to the updater but through it. */
export class UpdateVerifier {
  readonly #parts: UpdateVerifierParts;

  constructor(parts: UpdateVerifierParts) {
    this.#parts = parts;
  }

  /** Judges an update by what is trusted now. Nothing is taken while the journal is lost: what it knew of the rollback indexes is gone. */
  verify({ manifest, signatures }: Pick<UpdateRequest, "manifest" | "signatures">): ManifestVerdict {
    const { rollbackIndexes, roots, clock, vehicle, journal, lossOwner } = this.#parts;
    if (journal.status().kind === "lost") {
      const detail = `the journal was lost; find out why, then: causeway ${lossOwner} acknowledge`;
      return { kind: "rejected", reason: "journal-lost", detail };
    }
    const fault = rollbackIndexes.fault();
    if (fault !== undefined) {
      const detail = `${fault}; find out why, then: causeway ota acknowledge`;
      return { kind: "rejected", reason: "rollback-index-lost", detail };
    }
    const lostRoot = roots.lostVersion();
    if (lostRoot !== undefined) {
      const detail = `root ${lostRoot} was in force and is lost: the roots up to it must come with the update`;
      return { kind: "rejected", reason: "root-lost", detail };
    }
    const bytes = new TextEncoder().encode(manifest);
    return judgeManifest(bytes, signatures, {
      root: roots.current(),
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
    for (const root of roots) await this.#parts.roots.take(root);
    const verdict = this.verify(request);
    if (verdict.kind !== "accepted") return verdict;
    return updater.begin(verdict.digest, this.#parts.vehicle.agentVersion, request) === "busy" ? "busy" : verdict;
  }

  /** The trust root that is in force. */
  root(): TrustRoot {
    return this.#parts.roots.current();
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
}
