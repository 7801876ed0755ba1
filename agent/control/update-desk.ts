import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Journal } from "../ports.ts";
import type { Floors } from "./floors.ts";
import { type ArtifactKind, judgeManifest, type ManifestVerdict } from "./manifest.ts";
import { signatureList } from "./signatures.ts";
import { parseRoot, rotateRoot, type TrustRoot } from "./trust-root.ts";
import { type UpdateRequest, updateRequest } from "./update-record.ts";
import { isSettled } from "./update-state.ts";
import type { Updater } from "./updater.ts";

const SPACE = "update";
const ROOT_KEY = "root";

const signedRoot = z.strictObject({ document: z.string().max(32_768), signatures: signatureList });

/** An update as it is handed in: the request, and the roots that came with it. */
export const updateOrder = z.strictObject({
  ...updateRequest.shape,
  roots: z.array(signedRoot).max(32).default([]),
});
export type UpdateOrder = z.infer<typeof updateOrder>;

/** What the desk works with. */
export type DeskParts = {
  readonly journal: Pick<Journal, "get" | "put" | "status">;
  readonly floors: Floors;
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

/** Whom to trust, and what to take: stands before the updater for everyone who hands in an update. */
export class UpdateDesk {
  readonly #parts: DeskParts;

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  /** Judges an update by what is trusted now. Nothing is taken while the journal is lost: what it knew of the floors is gone. */
  judge({ manifest, signatures }: Pick<UpdateRequest, "manifest" | "signatures">): ManifestVerdict {
    const { floors, clock, vehicle, journal } = this.#parts;
    if (journal.status().kind === "lost") {
      return { kind: "refused", reason: "journal-lost", detail: "the journal was lost; acknowledge that first" };
    }
    const floorFault = floors.fault();
    if (floorFault !== undefined) return { kind: "refused", reason: "floor-lost", detail: floorFault };
    const bytes = new TextEncoder().encode(manifest);
    return judgeManifest(bytes, signatures, {
      root: this.root(),
      wallUs: clock.wallUs(),
      clockQuality: clock.quality(),
      installed: floors.installed(),
      ...vehicle,
    });
  }

  /** Takes the roots that came with it, as far as they follow, then judges and begins. */
  order({ roots, ...request }: UpdateOrder, updater: Updater): ManifestVerdict | "busy" {
    const running = updater.current();
    if (running !== undefined && !isSettled(running.state)) return "busy";
    for (const root of roots) this.#rotate(root);
    const verdict = this.judge(request);
    if (verdict.kind !== "accepted") return verdict;
    return updater.begin(verdict.digest, this.#parts.vehicle.agentVersion, request) === "busy" ? "busy" : verdict;
  }

  /** The newest root that was taken, or the pinned one when that is newer. */
  root(): TrustRoot {
    const { journal, pinned } = this.#parts;
    const stored = journal.get(SPACE, ROOT_KEY);
    if (typeof stored !== "string") return pinned;
    const root = parseRoot(new TextEncoder().encode(stored));
    if (typeof root === "string") {
      throw new AgentError("internal.bug", { what: `the stored root is unusable: ${root}`, remedy: "report it" });
    }
    return root.document.version > pinned.document.version ? root : pinned;
  }

  #rotate({ document, signatures }: z.infer<typeof signedRoot>): void {
    const next = rotateRoot(this.root(), new TextEncoder().encode(document), signatures);
    if (typeof next === "string") {
      // Roots that are known already come along with every update.
      if (next !== "version-skipped") this.#parts.log.warn("update.root-refused", { reason: next });
      return;
    }
    this.#parts.journal.put([{ space: SPACE, key: ROOT_KEY, value: document }]);
    this.#parts.log.info("update.root-rotated", { version: next.document.version });
  }
}
