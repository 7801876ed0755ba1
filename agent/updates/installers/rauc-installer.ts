import { z } from "zod";
import type { Journal } from "../../ports/journal.ts";
import type { JournalSpace } from "../../ports/journal-spaces.ts";
import type { DownloadFolder, InstallEffect, Installer, Rauc, TrialStatus } from "../../ports/update.ts";
import { requireDigest } from "../download/artifact-digest.ts";

const SPACE: JournalSpace = "update";
const KEY = "rauc";

/** Which slot the system ran from, and in which of its starts, when a bundle was installed. */
const note = z.object({ sha256: z.string(), from: z.string(), bootId: z.string() });
type Note = z.infer<typeof note>;

export type RaucInstallerParts = {
  readonly rauc: Rauc;
  readonly journal: Pick<Journal, "get" | "put">;
  /** Names this start of the system. */
  readonly bootId: string;
  readonly downloads: Pick<DownloadFolder, "digestOf">;
};

/**
 * Bundles of the whole system for RAUC. It writes the slot that does not run; which one starts is the boot loader's to say, and so is the
 * way back from one that does not come up. The slot that ran before is noted before anything is written: a repeat after a cut must not
 * write to the slot that then runs, nor to the one that is to be gone back to.
 */
export function createRaucInstaller(parts: RaucInstallerParts): Installer {
  const { rauc, journal, bootId } = parts;
  const remember = (value: Note | undefined): void => journal.put([{ space: SPACE, key: KEY, value }]);
  return {
    stage: (artifact) => requireDigest(artifact, parts.downloads),
    activate: async ({ sha256, file }): Promise<InstallEffect> => {
      const from = await rauc.bootSlot();
      const earlier = noteOf(parts, sha256);
      if (earlier !== undefined && earlier.from !== from) return "at-once";
      remember({ sha256, from, bootId });
      await rauc.install(file);
      // A system.conf with activate-installed=false leaves this to the caller.
      await rauc.mark("active", "other");
      return "reboot";
    },
    trial: async ({ sha256 }): Promise<TrialStatus> => {
      const noted = noteOf(parts, sha256);
      if (noted === undefined) return { kind: "none" };
      const slot = await rauc.bootSlot();
      if (slot !== noted.from) return { kind: "runs" };
      if (noted.bootId === bootId) return { kind: "pending" };
      return { kind: "rolled-back", detail: `the boot loader started slot ${slot} again` };
    },
    commit: async () => {
      await rauc.mark("good", "booted");
      remember(undefined);
    },
    rollback: async ({ sha256 }): Promise<InstallEffect> => {
      const noted = noteOf(parts, sha256);
      if (noted === undefined) return "at-once";
      const isNew = (await rauc.bootSlot()) !== noted.from;
      await rauc.mark("active", isNew ? "other" : "booted");
      await rauc.mark("bad", isNew ? "booted" : "other");
      remember(undefined);
      return isNew ? "reboot" : "at-once";
    },
  };
}

function noteOf({ journal }: RaucInstallerParts, sha256: string): Note | undefined {
  const found = note.safeParse(journal.get(SPACE, KEY)).data;
  return found?.sha256 === sha256 ? found : undefined;
}
