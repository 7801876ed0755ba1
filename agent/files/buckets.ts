import type { BucketConfig, BucketsConfig } from "../../config/buckets.ts";

/** What the name of an object is made of. */
export type ObjectSubject = { readonly thing: string; readonly upload: string; readonly name: string };

/**
 * The URL of an object, escaped as AWS Signature Version 4 wants it. It has an id of the upload in it, so that nothing is ever put over
 * something else. A bucket with a dot in its name has no certificate for a host of its own: it is named in the path.
 */
export function objectUrl({ bucket, region, endpoint, prefix }: BucketConfig, subject: ObjectSubject): string {
  const { thing, upload, name } = subject;
  const key = [...prefix.replaceAll("{thing}", thing).split("/"), upload, name].filter((part) => part !== "");
  const path = key.map(escaped).join("/");
  if (endpoint !== undefined) return `https://${endpoint}/${bucket}/${path}`;
  const host = `s3.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
  return bucket.includes(".") ? `https://${host}/${bucket}/${path}` : `https://${bucket}.${host}/${path}`;
}

/** A bucket of the configuration; undefined where it has none of the name. */
export function bucketOf(buckets: BucketsConfig | undefined, name: string): BucketConfig | undefined {
  return buckets !== undefined && Object.hasOwn(buckets, name) ? buckets[name] : undefined;
}

/** RFC 3986: all but unreserved characters. A name of dots alone would be taken for a step in the path. */
function escaped(part: string): string {
  const safe = encodeURIComponent(part).replace(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return /^\.{1,2}$/.test(safe) ? safe.replaceAll(".", "_") : safe;
}
