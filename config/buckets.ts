import { z } from "zod";

/** A name of the DNS or an address, with a port where it is not 443. */
export const hostAndPort = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[1-9]\d{0,4})?$/,
    "must be a host in small letters, with ':PORT' where it is not 443",
  );

/** Parts of S3 have at least so many bytes, but for the last. */
const MIN_PART_BYTES = 5_242_880;

const bucketConfig = z.strictObject({
  bucket: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "must be the name of a bucket (S3, bucket naming rules)"),
  region: z.string().regex(/^[a-z0-9-]{1,64}$/, "must be a region, such as eu-central-1"),
  endpoint: hostAndPort
    .optional()
    .describe("of a store that is not S3 of the region, or of a VPC; the bucket is then named in the path"),
  roleAlias: z
    .string()
    .regex(/^[\w=,@-]{1,128}$/, "must be the name of a role alias of AWS IoT")
    .describe("whose role may put objects there"),
  prefix: z
    .string()
    .regex(/^(?!\/)(?:[A-Za-z0-9!_.*'()/-]|\{thing\}){0,256}$/, "must be letters, digits and !_.*'()/-, and {thing}")
    .default("{thing}/")
    .describe(
      "of every object; {thing} is the thing name. Behind it come the id of the upload and the name of the file",
    ),
  owner: z
    .string()
    .regex(/^\d{12}$/, "must be an account number of 12 digits")
    .optional()
    .describe("account that the bucket must belong to; not checked when absent"),
  partBytes: z
    .int()
    .min(MIN_PART_BYTES)
    .max(1_000_000_000)
    .default(8_388_608)
    .describe("a longer file goes in parts of so many bytes, and goes on behind the last one after a cut"),
});

/** Where files may go with credentials of the vehicle's own, by the name that commands use. */
export const bucketsConfig = z
  .record(z.string().regex(/^[A-Za-z0-9_.-]{1,32}$/, "must be 1 to 32 letters, digits, '_', '.' or '-'"), bucketConfig)
  .refine((buckets) => Object.keys(buckets).length <= 16, "at most 16 buckets");
export type BucketConfig = z.infer<typeof bucketConfig>;
export type BucketsConfig = z.infer<typeof bucketsConfig>;
