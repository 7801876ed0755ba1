import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Installer } from "../../../agent/ports/update.ts";
import { createVersions } from "./versions.ts";

/** Without these a release cannot start. */
const NEEDED = ["node", "agent/main.js"] as const;

/** What a release of the agent may be: three times what one is. */
export const RELEASE_LIMITS = { maxUnpackedBytes: 600_000_000, maxEntries: 20_000 } as const;

export type SlotParts = {
  /** `stateDir`/releases; the supervisor (systemd/causeway-start) reads the same files. */
  readonly folder: string;
  /** SHA-256 of the release that this process is, or "packaged", as the supervisor said (CAUSEWAY_RELEASE). */
  readonly running: string;
};

/** Versions of the agent; without a current one the packaged one starts. The files about the trial are shared with the supervisor, which is a shell script. */
export function createSlots({ folder, running }: SlotParts): Installer {
  return createVersions({
    folder,
    running,
    absent: "packaged",
    limits: RELEASE_LIMITS,
    check: async (draft) => {
      const missing = NEEDED.find((name) => !existsSync(join(draft, name)));
      return missing === undefined
        ? undefined
        : `it holds no ${missing}: an artifact of kind agent is the release archive that scripts/package makes`;
    },
  });
}
