/** A file that an upload holds: its bytes stay as they are until it is released, whatever becomes of where they came from. */
export type HeldFile = { readonly sizeBytes: number /** 64 hexadecimal digits. */; readonly sha256: string };

/** Where the bytes of a file come from: a file of this machine, or memory. */
export type HeldSource =
  | {
      readonly kind: "file";
      readonly path: string /** Others may write to it later: what it has now is copied. */;
      readonly mayChange: boolean;
    }
  | { readonly kind: "bytes"; readonly content: Uint8Array };

/** A held file has fewer bytes than it had: no other try finds them. */
export class ShortFile extends Error {
  constructor() {
    super("the file is shorter than it was");
  }
}

/** Files that wait to be uploaded, by the id of their upload. Calls reject with the system's error. */
export interface HeldFiles {
  /** Holds the bytes that `source` has now; what is more than `maxBytes` is "too-large". Resolves when they outlive a power cut. */
  hold(id: string, source: HeldSource, maxBytes: number): Promise<HeldFile | "too-large">;
  /** Where the bytes of an upload are; whether they are is found when they are read. */
  pathOf(id: string): string;
  /** SHA-256 of a part of it, 64 hexadecimal digits; rejects with `ShortFile` where it is shorter. */
  digestOf(id: string, offset: number, bytes: number): Promise<string>;
  /** One that is gone already is no error. */
  release(id: string): Promise<void>;
  /** Releases all but these: what a power cut left. */
  keepOnly(ids: ReadonlySet<string>): Promise<void>;
}

/** What a request carries. */
export type RequestBody =
  | { readonly kind: "file"; readonly path: string; readonly offset: number; readonly bytes: number }
  | { readonly kind: "text"; readonly text: string };

/** Whose credentials sign the headers of a request, and what they say of its body: its SHA-256, 64 hexadecimal digits. */
export type RequestSigning = { readonly roleAlias: string; readonly region: string; readonly bodySha256: string };

/** One request to an object store. The query of `url` is a secret where there is no `signing`: in no message, log or answer. */
export type StoreRequest = {
  readonly method: "PUT" | "POST" | "GET" | "DELETE";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: RequestBody;
  readonly signing?: RequestSigning;
};

/**
 * "done": it has it, with its name for this version of the bytes where it gave one; `text` is the beginning of what it said. "refused": it will not take it as it was asked; `code`
 * is the store's word for why (S3 error codes), where it gave one. "unavailable": another try may find it better. Nothing in it
 * tells the query of the URL, but `text` may, which is of the store and is to go nowhere.
 */
export type StoreAnswer =
  | { readonly kind: "done"; readonly etag: string | undefined; readonly text?: string }
  | {
      readonly kind: "refused";
      readonly status: number;
      readonly code: string | undefined;
      readonly isExpired: boolean;
    }
  | { readonly kind: "unavailable"; readonly detail: string };

/** A server that keeps what is put there. */
export interface ObjectStore {
  /**
   * Sends one request. `onBytes` is told of bytes of the body as they are about to go out, repeats too. Rejects with the error of reading
   * the file alone, `ShortFile` where it is shorter: what the network does is "unavailable".
   */
  send(request: StoreRequest, onBytes: (bytes: number) => void, signal: AbortSignal): Promise<StoreAnswer>;
}
