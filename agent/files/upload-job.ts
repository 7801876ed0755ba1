import { z } from "zod";
import { FILE_KINDS } from "../../config/files.ts";
import { issueText } from "../core/issue-text.ts";
import { ExecutionMemory } from "../jobs/execution-memory.ts";
import { ended, type Job, type JobHandler, type JobOutcome, withdrawnBy } from "../jobs/job.ts";
import type { Journal } from "../ports/journal.ts";
import { orderOf, uploadArguments } from "./upload-action.ts";
import type { UploadOrder, UploadOrders } from "./upload-orders.ts";
import type { UploadPlan } from "./upload-plan.ts";

const uploadDocument = uploadArguments
  .omit({ upload: true, cancel: true })
  .extend({ version: z.literal("1.0"), operation: z.literal("upload"), kind: z.enum(FILE_KINDS) });

/** The upload that an execution has ordered. */
const begun = z.object({ upload: z.string(), file: z.string(), sha256: z.string(), bytes: z.string() });

export type UploadJobParts = {
  readonly orders: UploadOrders;
  readonly journal: Pick<Journal, "get" | "put">;
};

/**
 * The handler of `upload` documents: an order as that of the command `file.upload`. The job has succeeded when the file is held and its
 * upload is in the journal: further jobs do not wait for a link that its budget has closed. That the file is there says the record with
 * the id that the details name. Job and upload are remembered together, so that no restart orders one twice.
 */
export function uploadJob({ orders, journal }: UploadJobParts): JobHandler {
  const memory = new ExecutionMemory(journal, "upload", begun);
  return async (document, job) => {
    const known = memory.of(job);
    if (known !== undefined) return { status: "SUCCEEDED", details: known };
    const order = orderIn(document, orders);
    if (typeof order === "string") return ended("REJECTED", order);
    job.report({ phase: "hold" });
    const ordered = await orders.order(order, (plan) => memory.documentOf(job, factsOf(plan)));
    if (ordered.kind === "refused") return ended("FAILED", `not-ordered: ${ordered.what}`);
    if (job.withdrawn.aborted) return await withdrawn(orders, job, ordered.plan.id);
    return { status: "SUCCEEDED", details: factsOf(ordered.plan) };
  };
}

/** Why an `upload` document would not be taken; undefined for one that would. Nothing of a URL's query is in it. */
export function problemOfUpload(document: unknown, orders: UploadOrders): string | undefined {
  const order = orderIn(document, orders);
  return typeof order === "string" ? order : undefined;
}

function orderIn(document: unknown, orders: UploadOrders): UploadOrder | string {
  const parsed = uploadDocument.safeParse(document);
  if (!parsed.success) return `malformed: ${issueText(parsed.error)}`;
  const order = orderOf(parsed.data, orders);
  return order.kind === "order" ? order.order : `invalid: ${order.what}`;
}

async function withdrawn(orders: UploadOrders, job: Job, id: string): Promise<JobOutcome> {
  await orders.cancel(id);
  return ended("FAILED", `cancelled ${withdrawnBy(job)}`);
}

function factsOf({ id: upload, name: file, sha256, sizeBytes }: UploadPlan): z.infer<typeof begun> {
  return { upload, file, sha256, bytes: String(sizeBytes) };
}
