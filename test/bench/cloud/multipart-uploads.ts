import { createHash, randomUUID } from "node:crypto";

/** What a store answers. */
export type StoreReply = {
  readonly status: number;
  readonly code?: string;
  readonly message?: string;
  readonly etag?: string;
  readonly text?: string;
};

/** `checksum`: SHA-256 in base64, of an upload that was made for them. */
type Part = { readonly etag: string; readonly checksum: string | undefined; readonly bytes: Buffer };
type Upload = { readonly key: string; readonly hasChecksums: boolean; readonly parts: Map<number, Part> };

const GONE = { status: 404, code: "NoSuchUpload", message: "The specified upload does not exist." } as const;

/**
 * Uploads in parts, as S3 has them: what it says where checksums are missing, wrong or too many was measured at S3 by others
 * (floci-io/floci, pull request 3093).
 */
export class MultipartUploads {
  readonly #minPartBytes: number;
  readonly #uploads = new Map<string, Upload>();

  constructor(minPartBytes: number) {
    this.#minPartBytes = minPartBytes;
  }

  /** Keys of those that are neither complete nor aborted. */
  get open(): readonly string[] {
    return [...this.#uploads.values()].map(({ key }) => key);
  }

  /** CreateMultipartUpload. */
  create(key: string, hasChecksums: boolean): string {
    const id = randomUUID();
    this.#uploads.set(id, { key, hasChecksums, parts: new Map() });
    return id;
  }

  /** AbortMultipartUpload. */
  abort(id: string): StoreReply {
    return this.#uploads.delete(id) ? { status: 204 } : GONE;
  }

  /** UploadPart. `told`: x-amz-checksum-sha256. */
  put(id: string, key: string, number: number, bytes: Buffer, told: string | undefined): StoreReply {
    const upload = this.#of(id, key);
    if (upload === undefined) return GONE;
    if (upload.hasChecksums !== (told !== undefined)) {
      const [expected, actual] = upload.hasChecksums ? ["sha256", "null"] : ["null", "sha256"];
      const message = `Checksum Type mismatch occurred, expected checksum Type: ${expected}, actual checksum Type: ${actual}`;
      return { status: 400, code: "InvalidRequest", message };
    }
    const etag = `"${createHash("md5").update(bytes).digest("hex")}"`;
    upload.parts.set(number, { etag, checksum: told, bytes });
    return { status: 200, etag };
  }

  /** ListParts: those behind `after`, at most `max`. */
  list(id: string, key: string, after: number, max: number): StoreReply {
    const upload = this.#of(id, key);
    if (upload === undefined) return GONE;
    const numbers = [...upload.parts.keys()].filter((number) => number > after).toSorted((a, b) => a - b);
    const parts = numbers.slice(0, max).map((number) => {
      const { etag, checksum, bytes } = upload.parts.get(number) ?? { etag: "", checksum: undefined, bytes: [] };
      const told = checksum === undefined ? "" : `<ChecksumSHA256>${checksum}</ChecksumSHA256>`;
      return `<Part><PartNumber>${number}</PartNumber><ETag>${etag.replaceAll('"', "&quot;")}</ETag><Size>${bytes.length}</Size>${told}</Part>`;
    });
    return { status: 200, text: `<ListPartsResult><Key>${key}</Key>${parts.join("")}</ListPartsResult>` };
  }

  /** CompleteMultipartUpload: the object, or why there is none. */
  complete(id: string, key: string, text: string): StoreReply & { readonly object?: Buffer } {
    const upload = this.#of(id, key);
    if (upload === undefined) return GONE;
    const named = [
      ...text.matchAll(
        /<Part><PartNumber>(\d+)<\/PartNumber><ETag>([^<]+)<\/ETag>(?:<ChecksumSHA256>([^<]+)<\/ChecksumSHA256>)?<\/Part>/g,
      ),
    ];
    const list = named.map(([, number, etag, checksum]) => ({
      found: upload.parts.get(Number(number)),
      etag,
      checksum,
    }));
    if (list.length === 0) return { status: 400, code: "MalformedXML" };
    if (upload.hasChecksums && list.some(({ checksum }) => checksum === undefined)) {
      const message =
        "The upload was created using a sha256 checksum. The complete request must include the checksum for each part.";
      return { status: 400, code: "InvalidRequest", message };
    }
    if (list.some(({ found, etag, checksum }) => found?.etag !== etag || found?.checksum !== checksum)) {
      return { status: 400, code: "InvalidPart" };
    }
    const bodies = list.flatMap(({ found }) => (found === undefined ? [] : [found.bytes]));
    if (bodies.slice(0, -1).some(({ length }) => length < this.#minPartBytes)) {
      return { status: 400, code: "EntityTooSmall" };
    }
    this.#uploads.delete(id);
    const etag = `&quot;${createHash("md5").update(text).digest("hex")}-${bodies.length}&quot;`;
    const result = `<CompleteMultipartUploadResult><Key>${key}</Key><ETag>${etag}</ETag></CompleteMultipartUploadResult>`;
    return { status: 200, text: result, object: Buffer.concat(bodies) };
  }

  #of(id: string, key: string): Upload | undefined {
    const upload = this.#uploads.get(id);
    return upload?.key === key ? upload : undefined;
  }
}
