import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";

/** Who signs. Made at run time; nothing but the bench takes them. */
export type SigningCredentials = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
};

/** A request as it is signed. `headers`: only those that the signature covers, in small letters. */
export type SignedRequest = {
  readonly method: string;
  /** With the port where it is not 443. */
  readonly host: string;
  /** Escaped, as it is sent. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
};

/** When it is signed, and how long that counts. */
export type SignedTime = { readonly at: Date; readonly lifeSeconds: number };

/**
 * The query of a presigned URL of S3 (AWS Signature Version 4), made by AWS's own code for JavaScript as its S3RequestPresigner calls it:
 * the payload is not signed, and no header of the request but the host and those given.
 */
export async function presignedQuery(
  credentials: SigningCredentials,
  { method, host, path, query, headers }: SignedRequest,
  { at, lifeSeconds }: SignedTime,
): Promise<Readonly<Record<string, string>>> {
  const signer = new SignatureV4({
    credentials,
    region: "eu-central-1",
    service: "s3",
    sha256: Sha256,
    uriEscapePath: false,
  });
  const [hostname = "", port] = host.split(":");
  const signed = await signer.presign(
    {
      method,
      protocol: "https:",
      hostname,
      ...(port === undefined ? {} : { port: Number(port) }),
      path,
      query: { ...query },
      headers: { ...headers, host, "x-amz-content-sha256": "UNSIGNED-PAYLOAD" },
    },
    { signingDate: at, expiresIn: lifeSeconds, unhoistableHeaders: new Set(Object.keys(headers)) },
  );
  return Object.fromEntries(
    Object.entries(signed.query ?? {}).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(",") : (value ?? ""),
    ]),
  );
}
