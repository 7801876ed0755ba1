import { createHash } from "node:crypto";
import type { BucketConfig } from "../../config/buckets.ts";
import type { HeldFiles, RequestBody, StoreRequest } from "../ports/object-store.ts";
import type { NextRequest } from "./next-request.ts";
import type { BucketPlace, UploadPlan } from "./upload-plan.ts";

/** SHA-256 of nothing. */
const EMPTY_SHA256 = createHash("sha256").digest("hex");
const NO_BODY = { kind: "text", text: "" } as const;

/** An upload that goes to a bucket of the configuration. `url`: of the object; `path`: where the bytes of the file are. */
export type BucketUpload = {
  readonly plan: UploadPlan;
  readonly place: BucketPlace;
  readonly bucket: BucketConfig;
  readonly url: string;
  readonly path: string;
};

/**
 * The next request of an upload to a bucket: the file where it is no longer than a part; else CreateMultipartUpload, a part after the other,
 * and their end. `isInDoubt`: the store may have one part more than is known, as an answer may be lost: it is asked first. What it is to
 * check of a part comes by `withChecksum`.
 */
export function bucketRequest(upload: BucketUpload, isInDoubt: boolean): NextRequest {
  const { plan, place, bucket, url, path } = upload;
  const { sizeBytes, sha256, etags } = plan;
  const told = { "x-amz-meta-sha256": sha256 };
  // What was begun somewhere else is of no use here.
  const at = place.at?.url === url ? place.at : undefined;
  if (sizeBytes <= (at?.partBytes ?? bucket.partBytes)) {
    const body = { kind: "file", path, offset: 0, bytes: sizeBytes } as const;
    const headers = { ...told, ...checksumHeader(sha256) };
    return { step: "whole", isChecked: true, ...asked(bucket, { method: "PUT", url, headers, body }, sha256) };
  }
  if (at === undefined) {
    const headers = { ...told, "x-amz-checksum-algorithm": "SHA256" };
    const request = { method: "POST", url: `${url}?uploads`, headers, body: NO_BODY } as const;
    return { step: "create", isChecked: true, ...asked(bucket, request, EMPTY_SHA256) };
  }
  const of = `uploadId=${encodeURIComponent(at.uploadId)}`;
  const offset = etags.length * at.partBytes;
  if (offset >= sizeBytes) return endOfParts(upload, of);
  if (isInDoubt) {
    const one = `${url}?max-parts=1&part-number-marker=${etags.length}&${of}`;
    const request = { method: "GET", url: one, headers: {}, body: NO_BODY } as const;
    return { step: "list", isChecked: true, ...asked(bucket, request, EMPTY_SHA256) };
  }
  const body = { kind: "file", path, offset, bytes: Math.min(at.partBytes, sizeBytes - offset) } as const;
  const request = { method: "PUT", url: `${url}?partNumber=${etags.length + 1}&${of}`, headers: {}, body } as const;
  return { step: "part", isChecked: true, ...asked(bucket, request, EMPTY_SHA256) };
}

/** AbortMultipartUpload; undefined where this bucket has nothing of it. */
export function abortRequest({ place, bucket, url }: BucketUpload): NextRequest | undefined {
  if (place.at?.url !== url) return undefined;
  const one = `${url}?uploadId=${encodeURIComponent(place.at.uploadId)}`;
  const request = { method: "DELETE", url: one, headers: {}, body: NO_BODY } as const;
  return { step: "abort", isChecked: false, ...asked(bucket, request, EMPTY_SHA256) };
}

/** The request with the SHA-256 of the part that it sends, or asks for. Rejects where the file cannot be read. */
export async function withChecksum(
  request: NextRequest,
  { id, sizeBytes, etags, place }: UploadPlan,
  files: Pick<HeldFiles, "digestOf">,
): Promise<NextRequest> {
  const { step, signing, headers } = request;
  if (signing === undefined || place?.kind !== "bucket" || (step !== "part" && step !== "list")) return request;
  const partBytes = place.at?.partBytes ?? sizeBytes;
  const offset = etags.length * partBytes;
  const sha256 = await files.digestOf(id, offset, Math.min(partBytes, sizeBytes - offset));
  const checksum = base64Of(sha256);
  if (step === "list") return { ...request, checksum };
  return {
    ...request,
    checksum,
    headers: { ...headers, ...checksumHeader(sha256) },
    signing: { ...signing, bodySha256: sha256 },
  };
}

/** CompleteMultipartUpload. Entity tags hold nothing that XML reads: the store's answers are read so. */
function endOfParts({ plan, bucket, url }: BucketUpload, of: string): NextRequest {
  const { etags, checksums = [] } = plan;
  const parts = etags.map((etag, at) => {
    const checksum = `<ChecksumSHA256>${checksums[at] ?? ""}</ChecksumSHA256>`;
    return `<Part><PartNumber>${at + 1}</PartNumber><ETag>${etag}</ETag>${checksum}</Part>`;
  });
  const text = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join("")}</CompleteMultipartUpload>`;
  const headers = { "content-type": "application/xml" };
  const request = { method: "POST", url: `${url}?${of}`, headers, body: { kind: "text", text } } as const;
  return { step: "complete", isChecked: true, ...asked(bucket, request, sha256Of(text)) };
}

/** A request as it is signed for the bucket. */
function asked(
  { roleAlias, region, owner }: BucketConfig,
  request: {
    readonly method: StoreRequest["method"];
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: RequestBody;
  },
  bodySha256: string,
): StoreRequest {
  const owned = owner === undefined ? {} : { "x-amz-expected-bucket-owner": owner };
  return { ...request, headers: { ...request.headers, ...owned }, signing: { roleAlias, region, bodySha256 } };
}

function checksumHeader(sha256: string): Readonly<Record<string, string>> {
  return { "x-amz-checksum-sha256": base64Of(sha256) };
}

function base64Of(sha256: string): string {
  return Buffer.from(sha256, "hex").toString("base64");
}

function sha256Of(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
