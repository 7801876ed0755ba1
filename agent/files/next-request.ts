import type { StoreRequest } from "../ports/object-store.ts";
import type { UploadPlan } from "./upload-plan.ts";
import { checksumHeader, signsChecksum } from "./upload-url.ts";

/**
 * What is to be sent next: the file, a part of it, or the end of all parts. For a bucket also the beginning of an upload in parts, the
 * question which it has, or that it forget them.
 */
export type NextRequest = StoreRequest & {
  readonly step: "whole" | "part" | "complete" | "create" | "list" | "abort";
  /** Whether the store is told the SHA-256 of the file, or of each part. */
  readonly isChecked: boolean;
  /** SHA-256 in base64 of the part that is sent, or asked for. */
  readonly checksum?: string;
};

/** The next request of a plan that goes to presigned URLs; undefined for one that has none. `path`: where its bytes are. */
export function nextRequest(plan: UploadPlan, path: string): NextRequest | undefined {
  const { place, sizeBytes, sha256, etags } = plan;
  if (place === undefined || place.kind === "bucket") return undefined;
  if (place.kind === "whole") {
    const isChecked = signsChecksum(place.url);
    const headers = isChecked ? checksumHeader(sha256) : {};
    const body = { kind: "file", path, offset: 0, bytes: sizeBytes } as const;
    return { step: "whole", isChecked, method: "PUT", url: place.url, headers, body };
  }
  const { partBytes, urls, completeUrl } = place;
  const url = urls[etags.length];
  if (url === undefined) {
    const body = { kind: "text", text: completeText(etags) } as const;
    const headers = { "content-type": "application/xml" };
    return { step: "complete", isChecked: false, method: "POST", url: completeUrl, headers, body };
  }
  const offset = etags.length * partBytes;
  const body = { kind: "file", path, offset, bytes: Math.min(partBytes, sizeBytes - offset) } as const;
  return { step: "part", isChecked: false, method: "PUT", url, headers: {}, body };
}

/** CompleteMultipartUpload of S3. Entity tags hold nothing that XML reads: the store's answers are read so. */
function completeText(etags: readonly string[]): string {
  const parts = etags.map((etag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${etag}</ETag></Part>`);
  return `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join("")}</CompleteMultipartUpload>`;
}
