import type { BucketConfig, BucketsConfig } from "../../config/buckets.ts";
import type { StoreAnswer } from "../ports/object-store.ts";
import { afterDone, begunAnew } from "./bucket-answers.ts";
import { abortRequest, type BucketUpload, bucketRequest } from "./bucket-requests.ts";
import { bucketOf, objectUrl } from "./buckets.ts";
import type { NextRequest } from "./next-request.ts";
import type { BucketPlace, UploadPlan } from "./upload-plan.ts";

export type BucketUploadsParts = {
  readonly buckets: BucketsConfig | undefined;
  readonly thing: string;
};

/**
 * What an answer means for an upload. "plan": it goes on so; "over": there is nothing more to do; "again": the same request, after a while;
 * "refused": after a longer one, as somebody must act; "failed": never.
 */
export type BucketOutcome =
  | { readonly kind: "plan"; readonly plan: UploadPlan }
  | { readonly kind: "over" }
  | { readonly kind: "again" | "refused" | "failed"; readonly why: string };

/** Uploads to buckets of the configuration, one request after the other. */
export class BucketUploads {
  readonly #parts: BucketUploadsParts;
  /** Uploads of which this start knows which parts the store has. */
  readonly #certain = new Set<string>();

  constructor(parts: BucketUploadsParts) {
    this.#parts = parts;
  }

  /** Why nothing may go to a place, for people; undefined where it may. */
  problemWith({ bucket }: BucketPlace): string | undefined {
    return this.#bucketOf(bucket) === undefined ? `files.buckets has no ${bucket}` : undefined;
  }

  /** What is to be sent next, or what there is to do instead. `path`: where the bytes of the file are. */
  next(plan: UploadPlan, place: BucketPlace, path: string): NextRequest | BucketOutcome {
    const upload = this.#uploadOf(plan, place, path);
    if (plan.state === "aborting") {
      return (upload === undefined ? undefined : abortRequest(upload)) ?? { kind: "over" };
    }
    if (upload === undefined) return { kind: "failed", why: `files.buckets has no ${place.bucket} any more` };
    return bucketRequest(upload, !this.#certain.has(plan.id));
  }

  /** What becomes of an upload by the answer to a request. */
  after(plan: UploadPlan, place: BucketPlace, request: NextRequest, answer: StoreAnswer): BucketOutcome {
    if (request.step === "abort") return afterAbort(answer);
    if (answer.kind === "unavailable") {
      // It may have what it has not answered.
      this.#certain.delete(plan.id);
      return { kind: "again", why: answer.detail };
    }
    this.#certain.add(plan.id);
    if (answer.kind === "refused") return afterRefusal(plan, place, answer, request);
    const partBytes = this.#bucketOf(place.bucket)?.partBytes ?? 1;
    const next = afterDone({ plan, place, partBytes, request }, answer);
    return typeof next === "string" ? { kind: "again", why: next } : { kind: "plan", plan: next };
  }

  /** Nothing more is asked of this upload. */
  forget(id: string): void {
    this.#certain.delete(id);
  }

  #uploadOf(plan: UploadPlan, place: BucketPlace, path: string): BucketUpload | undefined {
    const bucket = this.#bucketOf(place.bucket);
    if (bucket === undefined) return undefined;
    const url = objectUrl(bucket, { thing: this.#parts.thing, upload: plan.id, name: plan.name });
    return { plan, place, bucket, url, path };
  }

  #bucketOf(name: string): BucketConfig | undefined {
    return bucketOf(this.#parts.buckets, name);
  }
}

/** What it has forgotten already is no matter; what it will not forget, a rule of the bucket ends. */
function afterAbort(answer: StoreAnswer): BucketOutcome {
  return answer.kind === "unavailable" ? { kind: "again", why: answer.detail } : { kind: "over" };
}

function afterRefusal(
  plan: UploadPlan,
  place: BucketPlace,
  { status, code }: Extract<StoreAnswer, { kind: "refused" }>,
  { step }: NextRequest,
): BucketOutcome {
  const named = code === undefined ? `HTTP ${status}` : `HTTP ${status} ${code}`;
  const isGone = code === "NoSuchUpload" || code === "InvalidPart";
  // A role that may not list parts costs no more than one that is sent twice.
  if (!isGone && step === "list") return { kind: "plan", plan };
  if (!isGone || place.at === undefined) return { kind: "refused", why: `the store refuses it: ${named}` };
  const anew = begunAnew(plan, place);
  if (anew === undefined) return { kind: "failed", why: `the store has forgotten its parts again and again: ${named}` };
  return { kind: "plan", plan: anew };
}
