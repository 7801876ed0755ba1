const MAX_TEXT_CHARACTERS = 2000;
const MAX_DEPTH = 12;
const REDACTED = "redacted";

/** Names of what is a secret, or says who or where the vehicle is. Names of files that hold secrets stay: which one is configured is the question. */
const SECRET_NAME =
  /^(?:vin|serial|parameters|.*(?:pin|password|passphrase|secret|token|credential|privateKey|signature|authorisation|authorization|cookie)s?)$/i;
const PEM = /-----BEGIN [A-Z0-9 ]+-----[\s\S]*?(?:-----END [A-Z0-9 ]+-----|$)/g;
/** A vehicle identification number: 17 capital letters and digits without I, O and Q, both among them (ISO 3779). */
const VIN = /\b(?=[A-Z0-9]*\d)(?=[A-Z0-9]*[A-Z])[A-HJ-NPR-Z0-9]{17}\b/g;
/** User and query of a URL: a presigned one carries its right there. */
const URL_PARTS = /\b([a-z][a-z0-9+.-]*:\/\/)(?:[^\s/?#@"']*@)?([^\s?#"']*)(?:[?#][^\s"']*)?/gi;

/** A copy of JSON-like data without secrets: by name, and by form (PEM, VIN, the user and query of URLs) in every text. Long texts are cut. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth > MAX_DEPTH) return "too deep";
  if (Array.isArray(value)) return value.map((item: unknown) => redact(item, depth + 1));
  const members = Object.entries(value).map(([name, member]: [string, unknown]) => {
    const isSecret = SECRET_NAME.test(name) && member !== undefined && typeof member !== "boolean";
    return [name, isSecret ? REDACTED : redact(member, depth + 1)] as const;
  });
  return Object.fromEntries(members);
}

function redactText(text: string): string {
  return text.slice(0, MAX_TEXT_CHARACTERS).replace(PEM, REDACTED).replace(URL_PARTS, "$1$2").replace(VIN, REDACTED);
}
