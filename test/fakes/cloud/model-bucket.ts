import { createHash } from "node:crypto";
import type { ObjectStore, StoreAnswer, StoreRequest } from "../../../agent/ports/object-store.ts";

/** How a file is cut, bytes: the least of S3. */
export const PART = 5_242_880;

/** What a part of the file is, told by where it lies: the model never reads bytes. */
export const digestOf = (offset: number, bytes: number): string =>
  createHash("sha256").update(`${offset} ${bytes}`).digest("hex");

/**
 * What becomes of a request: taken; taken, and the answer is lost; it does not arrive; it is refused; the store forgets the upload before
 *  it.
 */
export type Fate = "taken" | "lost" | "cut" | "refused" | "forgotten";

type Kept = { readonly parts: Map<number, { readonly sha256: string; readonly bytes: number }> };

/** The slow, obvious model of a store with uploads in parts: what S3 checks is checked. */
export class ModelBucket implements ObjectStore {
  readonly uploads = new Map<string, Kept>();
  readonly steps: string[] = [];
  /** Digests of the parts of each object that was put together. */
  readonly objects: string[][] = [];
  readonly fates: Fate[] = [];
  mayList = true;
  /** Whether parts arrive at all. */
  takesParts = true;

  async send(request: StoreRequest, onBytes: (bytes: number) => void): Promise<StoreAnswer> {
    const fate = this.fates.shift() ?? "taken";
    const { body } = request;
    if (fate === "refused") return { kind: "refused", status: 403, code: "AccessDenied", isExpired: false };
    if (fate === "forgotten") this.uploads.clear();
    onBytes(body.kind === "file" ? body.bytes : 0);
    if (fate === "cut") return { kind: "unavailable", detail: "ECONNRESET" };
    const answer = this.#act(request);
    return fate === "lost" ? { kind: "unavailable", detail: "ECONNRESET" } : answer;
  }

  #act({ method, url, headers, body, signing }: StoreRequest): StoreAnswer {
    const { searchParams: query } = new URL(url);
    if (signing?.roleAlias !== "uploads") throw new Error("not signed");
    if (query.has("uploads")) {
      const id = `id+${this.uploads.size}/${this.steps.length}=`;
      this.uploads.set(id, { parts: new Map() });
      this.steps.push("create");
      if (headers["x-amz-checksum-algorithm"] !== "SHA256") throw new Error("no checksums");
      return done(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
    }
    const id = query.get("uploadId") ?? "";
    const upload = this.uploads.get(id);
    if (upload === undefined) return { kind: "refused", status: 404, code: "NoSuchUpload", isExpired: false };
    if (method === "DELETE") {
      this.uploads.delete(id);
      this.steps.push("abort");
      return done("");
    }
    if (method === "GET") return this.#list(upload, Number(query.get("part-number-marker")));
    if (body.kind === "file" && !this.takesParts) return { kind: "unavailable", detail: "HTTP 503" };
    if (body.kind === "text") return this.#complete(id, upload, body.text);
    return this.#put(upload, Number(query.get("partNumber")), { headers, body, signing });
  }

  #put(
    { parts }: Kept,
    number: number,
    { headers, body, signing }: Required<Pick<StoreRequest, "headers" | "body" | "signing">>,
  ): StoreAnswer {
    if (body.kind !== "file") throw new Error("a part without bytes");
    this.steps.push(`${number}`);
    const sha256 = digestOf(body.offset, body.bytes);
    const told = [signing.bodySha256, headers["x-amz-checksum-sha256"]];
    if (told[0] !== sha256 || told[1] !== base64Of(sha256)) throw new Error("BadDigest");
    if (body.offset !== (number - 1) * PART) throw new Error("another part");
    parts.set(number, { sha256, bytes: body.bytes });
    return { kind: "done", etag: `"e${number}"`, text: "" };
  }

  #list({ parts }: Kept, after: number): StoreAnswer {
    this.steps.push("list");
    if (!this.mayList) return { kind: "refused", status: 403, code: "AccessDenied", isExpired: false };
    const [number] = [...parts.keys()].filter((one) => one > after).toSorted((a, b) => a - b);
    const part = number === undefined ? undefined : parts.get(number);
    if (part === undefined) return done("<ListPartsResult></ListPartsResult>");
    const sum = `<ChecksumSHA256>${base64Of(part.sha256)}</ChecksumSHA256>`;
    return done(
      `<ListPartsResult><Part><PartNumber>${number}</PartNumber><ETag>&quot;e${number}&quot;</ETag>${sum}</Part></ListPartsResult>`,
    );
  }

  #complete(id: string, { parts }: Kept, text: string): StoreAnswer {
    this.steps.push("complete");
    const listed = [
      ...text.matchAll(
        /<PartNumber>(\d+)<\/PartNumber><ETag>"e(\d+)"<\/ETag><ChecksumSHA256>([^<]+)<\/ChecksumSHA256>/g,
      ),
    ];
    const sums = listed.map(([, number, etag, sum]) => {
      const part = parts.get(Number(number));
      if (part === undefined || number !== etag || base64Of(part.sha256) !== sum) throw new Error("InvalidPart");
      return part.sha256;
    });
    this.objects.push(sums);
    this.uploads.delete(id);
    return { kind: "done", etag: '"whole-5"', text: "" };
  }
}

function done(text: string): StoreAnswer {
  return { kind: "done", etag: undefined, text };
}

function base64Of(sha256: string): string {
  return Buffer.from(sha256, "hex").toString("base64");
}
