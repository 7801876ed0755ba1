import { createHash } from "node:crypto";
import { z } from "zod";
import { FILE_KINDS } from "../../config/files.ts";

/** Parts of an upload, as S3 allows them. */
export const MAX_PARTS = 10_000;

const url = z.string().max(8192);
const etag = z.string().max(256);

/**
 * Where a file goes: URLs that whoever asked has signed, each a secret while its time runs; or a bucket by its name in the configuration, with
 * no secret. `at`: the URL of its object as it was when an upload in parts began there, and the store's name of that.
 */
const place = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("whole"), url }).readonly(),
  z
    .object({
      kind: z.literal("parts"),
      partBytes: z.int().min(1),
      urls: z.array(url).min(1).max(MAX_PARTS).readonly(),
      completeUrl: url,
    })
    .readonly(),
  z
    .object({
      kind: z.literal("bucket"),
      bucket: z.string(),
      at: z
        .object({ url, partBytes: z.int().min(1), uploadId: z.string().max(1024) })
        .readonly()
        .optional(),
      /** How often it was begun anew since the store no longer knew it. */
      restarts: z.int().min(0).optional(),
    })
    .readonly(),
]);
export type UploadPlace = z.infer<typeof place>;
export type BucketPlace = Extract<UploadPlace, { kind: "bucket" }>;

/**
 * "waiting" for a place to go to; "sending"; "stored", and the record that says so is not durable yet; "aborting": given up, and the store
 * has parts of it that it is to forget.
 */
export const UPLOAD_STATES = ["waiting", "sending", "stored", "aborting"] as const;

/** An upload as the journal has it: what is to go where, and what is there already. */
export const uploadPlan = z
  .object({
    id: z.string(),
    kind: z.enum(FILE_KINDS),
    name: z.string(),
    sizeBytes: z.int().min(0),
    sha256: z.string(),
    /** Of whoever asked, for people. */
    reason: z.string(),
    state: z.enum(UPLOAD_STATES),
    /** Only while "sending". */
    place: place.optional(),
    /** Which upload of the store the parts are of: a digest of its name there. They go on with another place of the same. */
    partsOf: z.string().optional(),
    /** What the store calls the parts that it has, from the first on. */
    etags: z.array(etag).max(MAX_PARTS).readonly(),
    /** SHA-256 of each of them in base64, where the store was told. */
    checksums: z.array(z.string().max(64)).max(MAX_PARTS).readonly().optional(),
    /** Running time without a new part, over all starts, ms. */
    idleMs: z.number().min(0),
    /** Of one that is stored: where, without the query; the store's name for it; whether the store was told the SHA-256 to check. */
    stored: z.object({ location: z.string(), etag: z.string(), isChecked: z.boolean() }).readonly().optional(),
  })
  .readonly();
export type UploadPlan = z.infer<typeof uploadPlan>;

/** A plan that goes to `place`, behind the parts that the store has already where it is the same upload of the store. */
export function withPlace(plan: UploadPlan, to: UploadPlace): UploadPlan {
  const { place: before } = plan;
  if (to.kind === "bucket" && before?.kind === "bucket" && before.bucket === to.bucket) return { ...plan, idleMs: 0 };
  const partsOf = to.kind === "parts" ? nameOfParts(to) : undefined;
  const etags = partsOf !== undefined && partsOf === plan.partsOf ? plan.etags : [];
  return { ...plan, state: "sending", place: to, partsOf, etags, checksums: [], idleMs: 0 };
}

/** A plan that waits for another place. `isOver`: the store takes its parts no more. */
export function withoutPlace(plan: UploadPlan, isOver: boolean): UploadPlan {
  const kept = isOver ? { partsOf: undefined, etags: [], checksums: [] } : {};
  return { ...plan, state: "waiting", place: undefined, ...kept };
}

/** The upload that CompleteMultipartUpload ends: its object, its id, and how it is cut. */
function nameOfParts({ completeUrl, partBytes }: Extract<UploadPlace, { kind: "parts" }>): string {
  const { origin, pathname, searchParams } = new URL(completeUrl);
  const name = `${origin}${pathname}\n${searchParams.get("uploadId") ?? ""}\n${partBytes}`;
  return createHash("sha256").update(name).digest("hex");
}

/** Whether the parts of `place` are those of a file of this size. */
export function fits(place: UploadPlace, sizeBytes: number): boolean {
  return place.kind !== "parts" || place.urls.length === Math.max(1, Math.ceil(sizeBytes / place.partBytes));
}

/** Bytes of the file that the store has. */
export function sentBytes({ state, place: to, etags, sizeBytes }: UploadPlan): number {
  if (state === "stored") return sizeBytes;
  if (to === undefined || to.kind === "whole") return 0;
  const partBytes = to.kind === "parts" ? to.partBytes : to.at?.partBytes;
  return Math.min(sizeBytes, etags.length * (partBytes ?? 0));
}
