import { readdir, readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { requestRange } from "../../drivers/os/https-source.ts";
import { MAX_MANIFEST_BYTES, manifest } from "../control/manifest.ts";
import { parseSignatures, type SignatureList } from "../control/signatures.ts";
import type { UpdateOrder } from "../control/update-desk.ts";
import { AgentError, errnoOf, messageOf } from "../core/errors.ts";
import type { ArtifactSource } from "../update-ports.ts";

const IDLE_MS = 30_000;

/** Where an update is: beside its manifest lie `<manifest>.sig`, its artifacts, and the roots `root.N.json` with theirs. */
type Place = {
  /** The bytes of what lies beside the manifest; undefined when it is not there. */
  read(name: string): Promise<Uint8Array | undefined>;
  readonly manifestName: string;
  rootNames(): Promise<readonly string[]>;
  source(name: string): ArtifactSource;
};

/** The order for the update whose manifest is a file or a URL. Nothing of it is trusted here: the agent judges. Throws `input.*`. */
export async function readOrder(given: string, ca: string | undefined, signal: AbortSignal): Promise<UpdateOrder> {
  const place = /^https?:/.test(given) ? placeAtUrl(new URL(given), ca, signal) : placeOfFile(resolve(given));
  const text = new TextDecoder().decode(await required(place, place.manifestName));
  const signatures = await signaturesOf(place, place.manifestName);
  const sources = artifactNames(text, given).map((name) => [name, place.source(name)] as const);
  const roots = [];
  for (const name of await place.rootNames()) {
    const document = new TextDecoder().decode(await required(place, name));
    roots.push({ document, signatures: await signaturesOf(place, name) });
  }
  return { origin: { kind: "local" }, manifest: text, signatures, sources: Object.fromEntries(sources), roots };
}

function placeOfFile(file: string): Place {
  const folder = dirname(file);
  return {
    manifestName: file.slice(folder.length).replace(/^\//, ""),
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

function placeAtUrl(url: URL, ca: string | undefined, signal: AbortSignal): Place {
  return {
    manifestName: url.pathname.split("/").at(-1) ?? "",
    read: async (name) => {
      try {
        return await fetchSmall(beside(url, name), ca, signal);
      } catch (error) {
        throw error instanceof AgentError ? error : missing(`${url.origin}/${name}`, messageOf(error));
      }
    },
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

async function fetchSmall(url: string, ca: string | undefined, signal: AbortSignal): Promise<Uint8Array | undefined> {
  const answer = await requestRange({ url, offset: 0, ca, idleMs: IDLE_MS }, signal);
  if (answer.kind !== "bytes") return undefined;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body) {
    bytes += chunk.length;
    if (bytes > MAX_MANIFEST_BYTES) throw missing(new URL(url).pathname, `longer than ${MAX_MANIFEST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function required(place: Place, name: string): Promise<Uint8Array> {
  const bytes = await place.read(name);
  if (bytes === undefined) throw missing(name, "not there");
  return bytes;
}

async function signaturesOf(place: Place, name: string): Promise<SignatureList> {
  const list = parseSignatures(await required(place, `${name}.sig`));
  if (list === undefined) throw missing(`${name}.sig`, "no signature file");
  return list;
}

function artifactNames(text: string, given: string): readonly string[] {
  try {
    return manifest.parse(JSON.parse(text)).artifacts.map(({ name }) => name);
  } catch {
    throw missing(given, "no manifest");
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
