import { readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf, messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Journal } from "../ports/journal.ts";

export type ForgetUploadsParts = {
  readonly stateDir: string;
  /** Undefined where nothing needs one: what an earlier configuration left in it is removed once something does. */
  readonly journal: Pick<Journal, "list" | "put"> | undefined;
  readonly log: Log;
};

/**
 * Of an agent that uploads nothing any more: what waited to be uploaded, and where it was to go, is removed. That there was anything says
 * the folder of held files, which goes last. Never rejects; what cannot be removed is told, and tried again at the next start.
 */
export async function forgetUploads({ stateDir, journal, log }: ForgetUploadsParts): Promise<void> {
  const folder = join(stateDir, "uploads");
  try {
    const held = await readdir(folder);
    await Promise.all(held.map((name) => rm(join(folder, name), { force: true })));
    if (journal === undefined) return;
    const { forgetPlans } = await import("../files/upload-book.ts");
    forgetPlans(journal);
    await rmdir(folder);
  } catch (thrown) {
    if (errnoOf(thrown) !== "ENOENT") log.warn("upload.not-forgotten", { why: messageOf(thrown) });
  }
}
