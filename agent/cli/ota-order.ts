import { readdir, readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type BackoffBounds, backoffMs } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import { AgentError, errnoOf, messageOf } from "../core/errors.ts";
import { shownUrl } from "../core/shown-url.ts";
import { parseSignatures, type SignatureList } from "../core/signatures.ts";
import type { ArtifactSource, RangeAnswer } from "../ports/update.ts";
import { MAX_MANIFEST_BYTES, manifest } from "../updates/trust/manifest.ts";
import type { UpdateOrder } from "../updates/update-verifier.ts";

/** What may pass by itself is tried again so often, after these pauses. */
const RETRIES = 2;
const PAUSES: BackoffBounds = { minMs: 500, maxMs: 1000 };

/** How servers are asked: for a whole file, which rejects with what the network or TLS says. */
export type ServerAccess = {
  request(url: string, signal: AbortSignal): Promise<RangeAnswer>;
  readonly clock: Pick<Clock, "sleep">;
};

/** Where an update is: beside its manifest lie `<manifest>.sig`, its artifacts, and the roots `root.N.json` with theirs. */
type OrderSource = {
  /** The bytes of what lies beside the manifest; undefined when it is not there. */
  read(name: string): Promise<Uint8Array | undefined>;
  readonly manifestName: string;
  /** What lies beside the manifest, for people. */
  shown(name: string): string;
  rootNames(): Promise<readonly string[]>;
  source(name: string): ArtifactSource;
};

/** The order for the update whose manifest is a file or a URL. Nothing of it is trusted here: the agent judges. Throws `input.*`. */
export async function readOrder(given: string, access: ServerAccess, signal: AbortSignal): Promise<UpdateOrder> {
  const place = /^https?:/.test(given) ? placeAtUrl(urlOf(given), access, signal) : placeOfFile(resolve(given));
  const text = new TextDecoder().decode(await required(place, place.manifestName));
  const signatures = await signaturesOf(place, place.manifestName);
  const sources = artifactNames(text, place.shown(place.manifestName)).map(
    (name) => [name, place.source(name)] as const,
  );
  const roots = [];
  for (const name of await place.rootNames()) {
    const document = new TextDecoder().decode(await required(place, name));
    roots.push({ document, signatures: await signaturesOf(place, name) });
  }
  return { origin: { kind: "local" }, manifest: text, signatures, sources: Object.fromEntries(sources), roots };
}

function placeOfFile(file: string): OrderSource {
  const folder = dirname(file);
  return {
    manifestName: file.slice(folder.length).replace(/^\//, ""),
    shown: (name) => join(folder, name),
    read: async (name) => {
      try {
        return await readFile(join(folder, name));
      } catch (error) {
        if (errnoOf(error) === "ENOENT") return undefined;
        throw missing(join(folder, name), messageOf(error));
      }
    },
    rootNames: async () => (await readdir(folder)).filter(isRootName).sort(byNumber),
    source: (name) => ({ kind: "file", path: join(folder, name) }),
  };
}

function urlOf(given: string): URL {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url?.protocol === "https:") return url;
  const what = url === undefined ? "the URL of the manifest cannot be read" : `${shownUrl(given)} is not https`;
  throw new AgentError("input.malformed", { what, remedy: "name it as https://SERVER/PATH/manifest.json" });
}

function placeAtUrl(url: URL, access: ServerAccess, signal: AbortSignal): OrderSource {
  return {
    manifestName: url.pathname.split("/").at(-1) ?? "",
    shown: (name) => shownUrl(beside(url, name)),
    read: (name) => fetchSmall(beside(url, name), access, signal),
    // A server does not list what it has.
    rootNames: async () => [],
    source: (name) => ({ kind: "url", url: beside(url, name) }),
  };
}

/** The query stays: it may hold what lets the request in. */
function beside(url: URL, name: string): string {
  const other = new URL(url);
  other.pathname = other.pathname.replace(/[^/]*$/, name);
  return other.href;
}

/** The bytes of a small file; undefined where the server has none of that name. What may pass by itself is tried again. */
async function fetchSmall(url: string, access: ServerAccess, signal: AbortSignal): Promise<Uint8Array | undefined> {
  for (let retries = 0; ; retries++) {
    const outcome = await fetchOnce(url, access, signal).catch((error: unknown) => ({ why: whyNot(error, url) }));
    if (outcome === undefined || outcome instanceof Uint8Array) return outcome;
    signal.throwIfAborted();
    if (retries === RETRIES) {
      throw new AgentError("input.unavailable", { what: outcome.why, remedy: "try again when the server answers" });
    }
    await access.clock.sleep(backoffMs(retries, PAUSES), signal);
  }
}

async function fetchOnce(
  url: string,
  access: ServerAccess,
  signal: AbortSignal,
): Promise<Uint8Array | { readonly why: string } | undefined> {
  const answer = await access.request(url, signal);
  switch (answer.kind) {
    case "bytes":
      return await collect(answer.body, shownUrl(url));
    case "unavailable":
      return { why: answer.detail };
    case "range-refused":
      return { why: `${shownUrl(url)}: a part was sent, and the whole was asked for` };
    case "denied":
      if (answer.status === 404 || answer.status === 410) return undefined;
      throw new AgentError("input.refused", { what: answer.detail, remedy: remedyOf(answer.status) });
  }
}

function remedyOf(status: number | undefined): string {
  switch (status) {
    case 401:
      return "the server asks who you are: name a URL that lets its holder in, or a file";
    case 403:
      return "have the URL signed anew, if it is signed: it may have expired, and it fits one file alone; a public one is refused where the file is not there, too";
    case undefined:
      return "name the manifest by the https URL that it is at";
    default:
      return status >= 300 && status < 400
        ? "name the manifest by the https URL that it is at in the end"
        : "see what the server says to this status, or name a file";
  }
}

async function collect(body: AsyncIterable<Uint8Array>, place: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MAX_MANIFEST_BYTES) throw missing(place, `longer than ${MAX_MANIFEST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** What the network or TLS says, with the server and the path; a fault of ours as it is. */
function whyNot(thrown: unknown, url: string): string {
  if (thrown instanceof AgentError) throw thrown;
  return `${shownUrl(url)}: ${messageOf(thrown)}`;
}

async function required(place: OrderSource, name: string): Promise<Uint8Array> {
  const bytes = await place.read(name);
  if (bytes === undefined) throw missing(place.shown(name), "not there");
  return bytes;
}

async function signaturesOf(place: OrderSource, name: string): Promise<SignatureList> {
  const list = parseSignatures(await required(place, `${name}.sig`));
  if (list === undefined) throw missing(place.shown(`${name}.sig`), "no signature file");
  return list;
}

function artifactNames(text: string, shown: string): readonly string[] {
  try {
    return manifest.parse(JSON.parse(text)).artifacts.map(({ name }) => name);
  } catch {
    throw missing(shown, "no manifest");
  }
}

function isRootName(name: string): boolean {
  return /^root\.\d{1,9}\.json$/.test(name);
}

function byNumber(a: string, b: string): number {
  return Number(a.split(".")[1]) - Number(b.split(".")[1]);
}

function missing(name: string, problem: string): AgentError {
  return new AgentError("input.missing", {
    what: `${name}: ${problem}`,
    remedy: "name the manifest; its .sig file and its artifacts must lie beside it",
  });
}
