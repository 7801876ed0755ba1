import { z } from "zod";
import type { CollectSupportParts } from "../../commands/actions/collect-support.ts";
import { messageOf } from "../../core/errors.ts";
import { ended, type JobHandler } from "../job.ts";

const diagnosticsDocument = z.strictObject({ version: z.literal("1.0"), operation: z.literal("diagnostics") });

/**
 * The handler of `diagnostics` documents: a support bundle, which goes to the cloud as records of the event stream. The job has
 * succeeded when the records are handed to the outbox; its details say by which digest the file is known that they make up.
 */
export function diagnosticsJob({ collect, send }: CollectSupportParts): JobHandler {
  return async (document, job) => {
    const problem = problemOfDiagnostics(document);
    if (problem !== undefined) return ended("REJECTED", problem);
    job.report({ phase: "collect" });
    try {
      const file = await collect();
      const { name, sha256, content } = file;
      const details = { file: name, sha256, bytes: String(content.length), records: String(send(file)) };
      return { status: "SUCCEEDED", details };
    } catch (thrown) {
      return ended("FAILED", `not-collected: ${messageOf(thrown)}`);
    }
  };
}

/** Why a `diagnostics` document would not be taken; undefined for one that would. */
export function problemOfDiagnostics(document: unknown): string | undefined {
  const isKnown = diagnosticsDocument.safeParse(document).success;
  return isKnown ? undefined : "malformed: the document has members that are not known";
}
