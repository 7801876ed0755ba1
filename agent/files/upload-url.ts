import { EARLIEST_SET_MS } from "../core/clock.ts";

/** Headers that a signature may cover: those that are sent. `x-amz-checksum-sha256` has the store check the bytes. */
const CHECKSUM = "x-amz-checksum-sha256";
const SENT_HEADERS: readonly string[] = ["host", "content-length"];
/** Longest life of a signature (AWS Signature Version 4), s. */
const MAX_LIFE_SECONDS = 604_800;

/** Why a file may not go to a URL, for people; undefined where it may. Nothing of the query is in it but names of headers. `isWhole`: it is for the whole file. */
export function problemWithUrl(url: string, hosts: readonly string[], isWhole: boolean): string | undefined {
  if (!URL.canParse(url)) return "is not a URL";
  const { protocol, username, password, hash, searchParams } = new URL(url);
  if (protocol !== "https:") return "must be https";
  if (username !== "" || password !== "" || hash !== "") return "must have no user, password or fragment";
  const place = placeOf(url);
  if (!hosts.some((pattern) => matches(place, pattern))) return `leads to ${place}, which files.hosts does not list`;
  const signed = (searchParams.get("X-Amz-SignedHeaders") ?? "").split(";");
  const unknown = signed.find((name) => !["", ...SENT_HEADERS, ...(isWhole ? [CHECKSUM] : [])].includes(name));
  if (unknown === undefined) return undefined;
  return `signs a header that is not sent: ${/^[\w-]{1,64}$/.test(unknown) ? unknown : "unreadable"}`;
}

/** Whether the signature of a URL covers the SHA-256 of the file as a header, which then must go along. */
export function signsChecksum(url: string): boolean {
  return (new URL(url).searchParams.get("X-Amz-SignedHeaders") ?? "").split(";").includes(CHECKSUM);
}

/** The header for it: of the whole file, in base64. */
export function checksumHeader(sha256: string): Readonly<Record<string, string>> {
  return { [CHECKSUM]: Buffer.from(sha256, "hex").toString("base64") };
}

/** Whether the time of a presigned URL is over (X-Amz-Date and X-Amz-Expires of AWS Signature Version 4); false where it does not say. */
export function isOver(url: string, wallUs: number): boolean {
  const { searchParams } = new URL(url);
  const date = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(searchParams.get("X-Amz-Date") ?? "");
  const seconds = /^\d{1,6}$/.exec(searchParams.get("X-Amz-Expires") ?? "")?.[0];
  if (date === null || seconds === undefined || Number(seconds) > MAX_LIFE_SECONDS) return false;
  const [, year, month, day, hour, minute, second] = date;
  const fromMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return fromMs >= EARLIEST_SET_MS && wallUs / 1000 >= fromMs + Number(seconds) * 1000;
}

function placeOf(url: string): string {
  return new URL(url).host;
}

/** `*.domain` is every name below the domain, and not itself. */
function matches(place: string, pattern: string): boolean {
  return pattern.startsWith("*.")
    ? place.endsWith(pattern.slice(1)) && place.length > pattern.length - 1
    : place === pattern;
}
