import { createHash } from "node:crypto";
import { z } from "zod";
import { FILE_KINDS } from "../../config/files.ts";

/** Parts of an upload, as S3 allows them. */
export const MAX_PARTS = 10_000;

const url = z.string().max(8192);
const etag = z.string().max(256);

/** Where a file goes: URLs that whoever asked has signed. Each is a secret while its time runs. */
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
]);
export type UploadPlace = z.infer<typeof place>;

/** "waiting" for a place to go to; "sending"; "stored", and the record that says so is not durable yet. */
export const UPLOAD_STATES = ["waiting", "sending", "stored"] as const;

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
    /** Running time without a new part, over all starts, ms. */
    idleMs: z.number().min(0),
    /** Of one that is stored: where, without the query; the store's name for it; whether the store was told the SHA-256 to check. */
    stored: z.object({ location: z.string(), etag: z.string(), isChecked: z.boolean() }).readonly().optional(),
  })
  .readonly();
export type UploadPlan = z.infer<typeof uploadPlan>;

/** A plan that goes to `place`, behind the parts that the store has already where it is the same upload of the store. */
export function withPlace(plan: UploadPlan, to: UploadPlace): UploadPlan {
  const partsOf = to.kind === "parts" ? nameOfParts(to) : undefined;
  const etags = partsOf !== undefined && partsOf === plan.partsOf ? plan.etags : [];
  return { ...plan, state: "sending", place: to, partsOf, etags, idleMs: 0 };
}

/** A plan that waits for another place. `isOver`: the store takes its parts no more. */
export function withoutPlace(plan: UploadPlan, isOver: boolean): UploadPlan {
  const kept = isOver ? { partsOf: undefined, etags: [] } : {};
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
  return place.kind === "whole" || place.urls.length === Math.max(1, Math.ceil(sizeBytes / place.partBytes));
}

/** Bytes of the file that the store has. */
export function sentBytes({ state, place: to, etags, sizeBytes }: UploadPlan): number {
  if (state === "stored") return sizeBytes;
  return to?.kind === "parts" ? Math.min(sizeBytes, etags.length * to.partBytes) : 0;
}
