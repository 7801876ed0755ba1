import { shownUrl } from "../core/shown-url.ts";
import type { StoreAnswer } from "../ports/object-store.ts";
import type { NextRequest } from "./next-request.ts";
import type { BucketPlace, UploadPlan } from "./upload-plan.ts";

/** An upload that the store forgets so often is given up. */
const MAX_RESTARTS = 3;

/** Of what is told of a part; S3 has less than 500. */
const MAX_PART_CHARACTERS = 2000;

type Done = Extract<StoreAnswer, { kind: "done" }>;

/** An upload that was sent something. `partBytes`: how it is cut where it begins now. */
export type AskedUpload = {
  readonly plan: UploadPlan;
  readonly place: BucketPlace;
  readonly partBytes: number;
  readonly request: NextRequest;
};

/** What becomes of an upload to a bucket by an answer; why nothing does, for people. */
export function afterDone({ plan, place, partBytes, request }: AskedUpload, answer: Done): UploadPlan | string {
  const { step, url, isChecked } = request;
  const { etag, text = "" } = answer;
  switch (step) {
    case "create": {
      const uploadId = /<UploadId>([\w.~+/=-]{1,1024})<\/UploadId>/.exec(text)?.[1];
      if (uploadId === undefined) return "the store named no upload";
      const at = { url: shownUrl(url), partBytes, uploadId };
      return { ...plan, idleMs: 0, place: { ...place, at }, etags: [], checksums: [] };
    }
    case "part":
      return etag === undefined ? "the store named no ETag for a part" : withPart(plan, etag, request.checksum);
    case "list": {
      const found = partIn(text, plan.etags.length + 1, request.checksum);
      return found === undefined ? plan : withPart(plan, found, request.checksum);
    }
    case "whole":
    case "complete": {
      const stored = { location: shownUrl(url), etag: etag ?? "", isChecked };
      return { ...plan, idleMs: 0, state: "stored", place: undefined, etags: [], checksums: [], stored };
    }
    case "abort":
      return plan;
  }
}

/** The store has forgotten it: from the beginning; undefined where it has done so too often. */
export function begunAnew(plan: UploadPlan, { bucket, restarts = 0 }: BucketPlace): UploadPlan | undefined {
  const place = { kind: "bucket", bucket, restarts: restarts + 1 } as const;
  return restarts >= MAX_RESTARTS ? undefined : { ...plan, place, etags: [], checksums: [] };
}

function withPart(plan: UploadPlan, etag: string, checksum = ""): UploadPlan {
  return { ...plan, idleMs: 0, etags: [...plan.etags, etag], checksums: [...(plan.checksums ?? []), checksum] };
}

/** What the store calls a part that it has as it should be (ListParts). */
function partIn(text: string, number: number, checksum: string | undefined): string | undefined {
  const part = firstPartOf(text);
  const isIt = new RegExp(`<PartNumber>${number}</PartNumber>`).test(part);
  const told = /<ChecksumSHA256>([\w+/=]{1,64})<\/ChecksumSHA256>/.exec(part)?.[1];
  const etag = /<ETag>(?:"|&quot;|&#34;)([\w+/=.:-]{1,126})(?:"|&quot;|&#34;)<\/ETag>/.exec(part)?.[1];
  return isIt && told !== undefined && told === checksum && etag !== undefined ? `"${etag}"` : undefined;
}

/** By a search that goes over the text once, whatever is in it. */
function firstPartOf(text: string): string {
  const from = text.indexOf("<Part>");
  const to = text.indexOf("</Part>", from);
  return from < 0 || to < 0 ? "" : text.slice(from, Math.min(to, from + MAX_PART_CHARACTERS));
}
