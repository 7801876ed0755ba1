import type { IncomingMessage } from "node:http";
import type { StoreAnswer } from "../../../agent/ports/object-store.ts";

/** What is read of an answer; errors of S3 have less than a thousand bytes. */
const MAX_ANSWER_BYTES = 65_536;
/** What may pass (RFC 9110, 15.5.9; RFC 6585, 4). */
const TEMPORARY: ReadonlySet<number> = new Set([408, 425, 429]);
/** Errors of S3 with a status of 400 that another try may not meet. */
const TEMPORARY_CODES: ReadonlySet<string | undefined> = new Set(["RequestTimeout", "OperationAborted"]);
/** An entity tag (RFC 9110, 8.8.3) of the letters that stores use: it goes into XML again. */
const ETAG = /^"[\w+/=.:-]{1,128}"$/;

/** What a store has answered. Of its error only the code is taken: its text may hold what signs the request. */
export async function answerOf(response: IncomingMessage): Promise<StoreAnswer> {
  const { statusCode: status = 0, headers } = response;
  const text = await textOf(response);
  const isError = /^\s*(?:<\?xml[^>]*\?>\s*)?<Error>/.test(text);
  // The end of an upload in parts may come as an error with status 200 (CompleteMultipartUpload of S3), sent when 200 was already.
  if (status >= 200 && status < 300 && !isError) return { kind: "done", etag: etagOf(headers.etag, text), text };
  const code = isError ? /<Code>([A-Za-z0-9.]{1,64})<\/Code>/.exec(text)?.[1] : undefined;
  const named = code === undefined ? `HTTP ${status}` : `HTTP ${status} ${code}`;
  const mayPass = status >= 500 || TEMPORARY.has(status) || TEMPORARY_CODES.has(code) || status < 300;
  if (mayPass) return { kind: "unavailable", detail: named };
  return { kind: "refused", status, code, isExpired: isExpired(status, code, text) };
}

/** S3 says AccessDenied of a presigned URL whose time is over, and why in words; ExpiredToken where the session of its signer is. */
function isExpired(status: number, code: string | undefined, text: string): boolean {
  if (code === "ExpiredToken" || code === "TokenRefreshRequired") return true;
  return status === 403 && code === "AccessDenied" && /<Message>Request has expired/.test(text);
}

/** In the header of a part or file; in the text of the end of an upload in parts. */
function etagOf(header: string | undefined, text: string): string | undefined {
  const told = header ?? /<ETag>(?:"|&quot;|&#34;)([^<&"]{1,128})(?:"|&quot;|&#34;)<\/ETag>/.exec(text)?.[1];
  if (told === undefined) return undefined;
  const etag = told.startsWith('"') ? told : `"${told}"`;
  return ETAG.test(etag) ? etag : undefined;
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    const some: unknown = chunk;
    if (!(some instanceof Uint8Array)) continue;
    bytes += some.length;
    if (bytes > MAX_ANSWER_BYTES) break;
    chunks.push(some);
  }
  return Buffer.concat(chunks).toString("utf8");
}
