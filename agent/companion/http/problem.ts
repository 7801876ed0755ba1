import type { Context } from "hono";

/** What can be wrong with a request, its HTTP status, and the sentence for it. */
const PROBLEMS = {
  "not-signed-in": [401, "Sign in first."],
  "forbidden-origin": [403, "This request did not come from the page."],
  "role-forbids": [403, "You may see this vehicle, and not command it."],
  "not-found": [404, "There is nothing here for you."],
  "method-not-allowed": [405, "This cannot be done here."],
  "too-large": [413, "The request is too large."],
  "not-json": [415, "Send application/json."],
  "bad-request": [400, "The request is not what it should be."],
  "key-missing": [400, "Send an Idempotency-Key of 16 to 64 letters, digits, '-' or '_'."],
  "key-reused": [422, "This Idempotency-Key stands for another command."],
  "too-many": [429, "Too many requests. Wait a minute."],
  unavailable: [503, "Something that is needed does not answer. Try again."],
} as const;
export type ProblemCode = keyof typeof PROBLEMS;

/** An answer as problem details (RFC 9457). `detail` is ours, and quotes nothing of the request. */
export function problem(context: Context, code: ProblemCode, detail?: string): Response {
  const [status, title] = PROBLEMS[code];
  const retry: Record<string, string> = code === "too-many" ? { "retry-after": "60" } : {};
  const body = JSON.stringify({
    type: "about:blank",
    title,
    status,
    code,
    ...(detail === undefined ? {} : { detail }),
  });
  return context.body(body, status, { "content-type": "application/problem+json", ...retry });
}
