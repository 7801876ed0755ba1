import { z } from "zod";
import { FILE_KINDS } from "../../config/files.ts";
import type { Action, Outcome, Prepared } from "../commands/action.ts";
import { alwaysSafe, invalidArguments } from "../commands/actions/prepare.ts";
import { linesOf, wantedLinesSchema } from "../commands/actions/wanted-lines.ts";
import { type CommandRejection, rejected } from "../commands/answer.ts";
import type { Ordered, UploadOrder, UploadOrders } from "./upload-orders.ts";
import { MAX_PARTS, type UploadPlace } from "./upload-plan.ts";

const url = z.string().min(1).max(8192);
/** What an order for an upload can say, of a command or a job. */
export const uploadArguments = wantedLinesSchema.extend({
  kind: z.enum(FILE_KINDS).optional(),
  name: z.string().min(1).max(1024).optional(),
  upload: z.string().min(1).max(64).optional(),
  url: url.optional(),
  partUrls: z.array(url).min(1).max(MAX_PARTS).optional(),
  partBytes: z.int().min(1).max(5_000_000_000).optional(),
  completeUrl: url.optional(),
  bucket: z.string().min(1).max(32).optional(),
  cancel: z.literal(true).optional(),
  reason: z.string().max(256).optional(),
});
type Given = z.infer<typeof uploadArguments>;

/** An order for a new upload; or why there is none, for people. */
export type GivenOrder =
  | { readonly kind: "order"; readonly order: UploadOrder }
  | { readonly kind: "ARGUMENT_TYPE_MISMATCH" | "ARGUMENT_OUT_OF_RANGE"; readonly what: string };

/** Holding a large file reads it once. */
const TIMEOUT_MS = 300_000;

/**
 * `file.upload`: a file goes to an object store. Its answer says that it is on its way, or held until another command names a place for
 * it; that it is there says a record. It changes nothing, but tells much and costs traffic: class R1.
 */
export function uploadFile(orders: UploadOrders): Action {
  return {
    name: "file.upload",
    summary: "a capture, support bundle, DBC file or the log, sent to an object store",
    commandClass: "R1",
    keyRole: "commands",
    endsInRestart: false,
    uses: ["file.upload"],
    queues: true,
    timeoutMs: TIMEOUT_MS,
    prepare: (given) => {
      const parsed = uploadArguments.safeParse(given);
      return parsed.success ? prepare(orders, parsed.data) : invalidArguments(parsed.error);
    },
  };
}

function prepare(orders: UploadOrders, given: Given): Prepared | CommandRejection {
  const { kind, name, upload, cancel } = given;
  if ((kind === undefined) === (upload === undefined)) {
    return rejected("ARGUMENT_TYPE_MISMATCH", "give kind for a new upload, or upload for one that is known");
  }
  if (upload === undefined) {
    if (cancel !== undefined) return rejected("ARGUMENT_TYPE_MISMATCH", "cancel goes with upload");
    const found = orderOf(given, orders);
    if (found.kind !== "order") return rejected(found.kind, found.what);
    return alwaysSafe(async () => outcomeOf(await orders.order(found.order)));
  }
  const place = placeOf(given);
  if (typeof place === "string") return rejected("ARGUMENT_TYPE_MISMATCH", place);
  const problem = place === undefined ? undefined : orders.problemWith(place);
  if (problem !== undefined) return rejected("ARGUMENT_OUT_OF_RANGE", problem);
  if (namesLines(given)) return rejected("ARGUMENT_TYPE_MISMATCH", `${LINES} go with kind logs`);
  if (name !== undefined || (cancel === undefined) === (place === undefined)) {
    return rejected("ARGUMENT_TYPE_MISMATCH", "give cancel or a place with upload, and no name");
  }
  if (place === undefined) return alwaysSafe(async () => outcomeOf(await orders.cancel(upload), "cancelled"));
  return alwaysSafe(async () => outcomeOf(orders.goOn(upload, place)));
}

/** The order that arguments with a kind are. */
export function orderOf(given: Given, orders: Pick<UploadOrders, "problemWith">): GivenOrder {
  const { kind, name, reason = "" } = given;
  const place = placeOf(given);
  if (typeof place === "string") return { kind: "ARGUMENT_TYPE_MISMATCH", what: place };
  const problem = place === undefined ? undefined : orders.problemWith(place);
  if (problem !== undefined) return { kind: "ARGUMENT_OUT_OF_RANGE", what: problem };
  if (kind === undefined) return { kind: "ARGUMENT_TYPE_MISMATCH", what: "give kind for a new upload" };
  const lines = linesOf(given);
  if (typeof lines === "string") return { kind: "ARGUMENT_OUT_OF_RANGE", what: lines };
  if (kind !== "logs" && namesLines(given)) {
    return { kind: "ARGUMENT_TYPE_MISMATCH", what: `${LINES} go with kind logs` };
  }
  return { kind: "order", order: { kind, name, lines, place, reason } };
}

const LINES = "since, until, level and code";

function namesLines({ since, until, level, code }: Given): boolean {
  return [since, until, level, code].some((one) => one !== undefined);
}

/** Where it goes; why the arguments name no place, or more than one. */
function placeOf({ url, partUrls, partBytes, completeUrl, bucket }: Given): UploadPlace | undefined | string {
  if (bucket !== undefined) {
    const others = [url, partUrls, partBytes, completeUrl].some((given) => given !== undefined);
    return others ? "give bucket or URLs" : { kind: "bucket", bucket };
  }
  if (partUrls === undefined && partBytes === undefined && completeUrl === undefined) {
    return url === undefined ? undefined : { kind: "whole", url };
  }
  if (url !== undefined) return "give url, or partUrls, partBytes and completeUrl";
  if (partUrls === undefined || partBytes === undefined || completeUrl === undefined) {
    return "partUrls, partBytes and completeUrl go together";
  }
  return { kind: "parts", urls: partUrls, partBytes, completeUrl };
}

function outcomeOf(ordered: Ordered, state?: "cancelled"): Outcome {
  if (ordered.kind === "refused") return rejected("PRECONDITION_FAILED", ordered.what);
  const { id, name, sha256, sizeBytes, state: planned } = ordered.plan;
  return {
    kind: "done",
    result: { upload: id, file: name, sha256, bytes: String(sizeBytes), state: state ?? planned },
  };
}
