import { z } from "zod";
import { AgentError } from "../core/errors.ts";
import { signatureList } from "../core/signatures.ts";
import type { Journal } from "../ports/journal.ts";
import type { JournalSpace } from "../ports/journal-spaces.ts";
import { INSTALL_EFFECTS } from "../ports/update.ts";
import { UPDATE_FAILURES, UPDATE_STEPS } from "./update-state.ts";

const SPACE: JournalSpace = "update";
const KEY = "current";

/** A file of a stream, as a job document names it. */
export const streamFile = z.strictObject({
  streamId: z.string().regex(/^[A-Za-z0-9_-]{1,128}$/),
  fileId: z.int().min(0).max(255),
});

const source = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("url"), url: z.url({ protocol: /^https?$/ }).max(8192) }),
  z.strictObject({ kind: z.literal("stream"), ...streamFile.shape }),
  z.strictObject({ kind: z.literal("file"), path: z.string().min(1).max(4096) }),
]);

/** Who asked for an update: a job execution, or someone at the vehicle. */
export const updateOrigin = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("job"), jobId: z.string(), executionNumber: z.int() }),
  z.strictObject({ kind: z.literal("local") }),
]);

/** An update as it was asked for. `manifest` is the signed text; the sources are by artifact name. */
export const updateRequest = z.strictObject({
  origin: updateOrigin,
  manifest: z.string(),
  signatures: signatureList,
  sources: z.record(z.string(), source),
});
export type UpdateRequest = z.infer<typeof updateRequest>;

/** What the journal holds of an update. A newer version of the agent, which was gone back from, may have written more of it. */
const updateRecord = z.object({
  /** SHA-256 of the manifest. */
  digest: z.string(),
  request: updateRequest,
  versionFrom: z.string(),
  /** Someone in the vehicle has agreed to it. */
  hasConsent: z.boolean().optional(),
  state: z.strictObject({
    step: z.enum(UPDATE_STEPS),
    starts: z.int(),
    awaits: z.enum(INSTALL_EFFECTS),
    failure: z.strictObject({ reason: z.enum(UPDATE_FAILURES), detail: z.string() }).optional(),
  }),
});

/** One update with its state. */
export type UpdateRecord = z.infer<typeof updateRecord>;

/** The one update that is remembered: it goes on after any restart, and stays when it is over until the next begins. */
export type UpdateStore = {
  load(): UpdateRecord | undefined;
  /** Durable when it returns. Throws the faults of the journal. */
  save(record: UpdateRecord): void;
};

/** A store that reports the phases that were saved to the fleet. */
export type ReportingStore = UpdateStore & {
  /** Hands over what is not reported yet. Throws no faults of the journal: what could not be reported stays for the next call. */
  report(): void;
};

/** The store in the journal. */
export function journalStore(journal: Pick<Journal, "get" | "put">): UpdateStore {
  return {
    load: () => {
      const value = readable(journal);
      return typeof value === "string" ? updateRecord.parse(JSON.parse(value)) : undefined;
    },
    save: (record) => journal.put([{ space: SPACE, key: KEY, value: JSON.stringify(record) }]),
  };
}

/** A journal that could not be opened has nothing that may go on; the rest of the agent does not end for it. */
function readable(journal: Pick<Journal, "get">): unknown {
  try {
    return journal.get(SPACE, KEY);
  } catch (thrown) {
    if (thrown instanceof AgentError && thrown.code === "journal.unavailable") return undefined;
    throw thrown;
  }
}
