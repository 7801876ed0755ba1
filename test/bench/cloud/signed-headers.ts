import type { IncomingMessage } from "node:http";
import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";
import type { SigningCredentials } from "./presigned-urls.ts";

/** Who may sign, until when, and for which keys. */
export type Session = {
  readonly credentials: SigningCredentials;
  /** ms since the Unix epoch. */
  readonly expiresAtMs: number;
  /** Of every key that its policy allows. */
  readonly keyPrefix: string;
};

/** Why a request is not taken: status, code and text of S3. */
export type Denial = { readonly status: number; readonly code: string; readonly message: string };

/** A request may be so much older or newer than the clock of S3, ms. */
const SKEW_MS = 900_000;
const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/, ]+)\/(\d{8})\/([^/, ]+)\/s3\/aws4_request, ?SignedHeaders=([^, ]+), ?Signature=([0-9a-f]{64})$/;

/** Whether it is signed by its headers. */
export function hasSignedHeaders(request: IncomingMessage): boolean {
  return request.headers.authorization !== undefined;
}

/**
 * Why S3 would not take a request that is signed by its headers; undefined for a good one. The signature is computed again by AWS's own code
 * for JavaScript. `region`: of the bucket.
 */
export async function denialOf(
  request: IncomingMessage,
  sessions: readonly Session[],
  { region, nowMs }: { readonly region: string; readonly nowMs: number },
): Promise<Denial | undefined> {
  const [, accessKeyId, , signedRegion, names = "", signature] =
    AUTHORIZATION.exec(request.headers.authorization ?? "") ?? [];
  if (signature === undefined)
    return denied(400, "AuthorizationHeaderMalformed", "The authorization header is malformed");
  if (signedRegion !== region) {
    return denied(400, "AuthorizationHeaderMalformed", `the region '${signedRegion}' is wrong; expecting '${region}'`);
  }
  const session = sessions.find(({ credentials }) => credentials.accessKeyId === accessKeyId);
  if (session === undefined)
    return denied(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist");
  const { credentials, expiresAtMs } = session;
  if (headerOf(request, "x-amz-security-token") !== (credentials.sessionToken ?? "")) {
    return denied(400, "InvalidToken", "The provided token is malformed or otherwise invalid.");
  }
  const signedNames = names.split(";");
  const unsigned = Object.keys(request.headers).filter(
    (name) => name.startsWith("x-amz-") && !signedNames.includes(name),
  );
  if (unsigned.length > 0 || !signedNames.includes("host")) {
    return denied(
      403,
      "AccessDenied",
      `There were headers present in the request which were not signed: ${unsigned.join(", ")}`,
    );
  }
  const signedAt = dateOf(headerOf(request, "x-amz-date"));
  if (!(Math.abs(signedAt.getTime() - nowMs) <= SKEW_MS)) {
    return denied(
      403,
      "RequestTimeTooSkewed",
      "The difference between the request time and the current time is too large.",
    );
  }
  if (nowMs >= expiresAtMs) return denied(400, "ExpiredToken", "The provided token has expired.");
  if ((await signatureOf(request, signedNames, { credentials, region, signedAt })) === signature) return undefined;
  return denied(403, "SignatureDoesNotMatch", `StringToSign of ${accessKeyId}`);
}

type Signing = { readonly credentials: SigningCredentials; readonly region: string; readonly signedAt: Date };

async function signatureOf(
  request: IncomingMessage,
  signedNames: readonly string[],
  { credentials, region, signedAt }: Signing,
): Promise<string | undefined> {
  const url = new URL(request.url ?? "/", "https://bench");
  const signer = new SignatureV4({ credentials, region, service: "s3", sha256: Sha256, uriEscapePath: false });
  const signed = await signer.sign(
    {
      method: request.method ?? "",
      protocol: "https:",
      hostname: "bench",
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: Object.fromEntries(signedNames.map((name) => [name, headerOf(request, name)])),
    },
    { signingDate: signedAt },
  );
  return AUTHORIZATION.exec(signed.headers.authorization ?? "")?.[5];
}

function dateOf(text: string): Date {
  return new Date(text.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z"));
}

function headerOf(request: IncomingMessage, name: string): string {
  return String(request.headers[name] ?? "");
}

function denied(status: number, code: string, message: string): Denial {
  return { status, code, message };
}
