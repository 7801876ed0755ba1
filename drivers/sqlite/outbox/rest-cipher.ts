import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject, randomBytes } from "node:crypto";

/** What a payload begins with once it is encrypted: no record does, whatever its form and compression. */
export const REST_MARK = Buffer.from([0xc5, 0x5e, 0xa1, 0x01]);
const KEY_ID_BYTES = 4;
const SALT_BYTES = 16;
const COUNTER_BYTES = 6;
const TAG_BYTES = 16;
const IV_BYTES = 12;
const HEADER_BYTES = REST_MARK.length + KEY_ID_BYTES + SALT_BYTES + COUNTER_BYTES;
const KEY_BYTES = 32;
const CIPHER = "aes-256-gcm";
/** Keys of earlier lives that are kept at hand while their records are read. */
const KNOWN_KEYS = 64;
const NO_SALT = new Uint8Array(0);

/** By how much a payload grows. */
export const REST_OVERHEAD_BYTES = HEADER_BYTES + TAG_BYTES;

/** Whose payload it is: bound to the ciphertext, so that none can be put in the place of another. */
export type RestId =
  | { readonly epoch: number; readonly stream: number; readonly seq: number }
  | { readonly kept: string };

/**
 * Encrypts what is stored, by AES-256-GCM: mark, id of the key, salt of this life, counter, ciphertext and tag.
 *
 * The key of a life follows from the root key and a salt that is random and new with each life, and the counter only ever goes up. So no
 * key meets two plaintexts with one initialisation vector: not where a transaction is undone and the same id gets other bytes, which
 * the log may still have, and not where the file was put back to an earlier state.
 */
export class RestCipher {
  /** Says which root key it is, and nothing of it. */
  readonly keyId: Buffer;
  /** Whether new payloads are encrypted; what is encrypted is read in any case. */
  readonly encrypts: boolean;
  readonly #rootKey: KeyObject;
  readonly #salt = randomBytes(SALT_BYTES);
  // As objects: a key of bytes is made into one with each use, which takes three times as long as what is encrypted.
  readonly #key: KeyObject;
  readonly #earlier = new Map<string, KeyObject>();
  #counter = 0;

  /** `rootKey` has at least 256 bits that nobody can guess. */
  constructor(rootKey: Uint8Array, encrypts: boolean) {
    this.#rootKey = createSecretKey(rootKey);
    this.encrypts = encrypts;
    this.keyId = Buffer.from(hkdfSync("sha256", this.#rootKey, NO_SALT, "causeway outbox key id", KEY_ID_BYTES));
    this.#key = this.#keyOf(this.#salt);
  }

  /** The payload as it is stored. */
  encrypt(id: RestId, payload: Uint8Array): Uint8Array {
    this.#counter += 1;
    const counter = Buffer.alloc(COUNTER_BYTES);
    counter.writeUIntBE(this.#counter, 0, COUNTER_BYTES);
    const header = Buffer.concat([REST_MARK, this.keyId, this.#salt, counter]);
    const cipher = createCipheriv(CIPHER, this.#key, ivOf(counter), { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.concat([header, aadOf(id)]));
    return Buffer.concat([header, cipher.update(payload), cipher.final(), cipher.getAuthTag()]);
  }

  /** The payload again; undefined where it was changed, is that of another id, or has another key. */
  decrypt(id: RestId, stored: Uint8Array): Uint8Array | undefined {
    if (stored.length < REST_OVERHEAD_BYTES) return undefined;
    const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.length);
    const header = bytes.subarray(0, HEADER_BYTES);
    if (!header.subarray(REST_MARK.length, REST_MARK.length + KEY_ID_BYTES).equals(this.keyId)) return undefined;
    const salt = header.subarray(REST_MARK.length + KEY_ID_BYTES, HEADER_BYTES - COUNTER_BYTES);
    const iv = ivOf(header.subarray(HEADER_BYTES - COUNTER_BYTES));
    const decipher = createDecipheriv(CIPHER, this.#keyFor(salt), iv, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.concat([header, aadOf(id)]));
    decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
    const payload = decipher.update(bytes.subarray(HEADER_BYTES, bytes.length - TAG_BYTES));
    try {
      return Buffer.concat([payload, decipher.final()]);
    } catch {
      // The only reason that `final` has: the tag differs.
      return undefined;
    }
  }

  #keyFor(salt: Buffer): KeyObject {
    if (this.#salt.equals(salt)) return this.#key;
    const name = salt.toString("latin1");
    const key = this.#earlier.get(name) ?? this.#keyOf(salt);
    if (this.#earlier.size >= KNOWN_KEYS && !this.#earlier.has(name)) this.#earlier.clear();
    this.#earlier.set(name, key);
    return key;
  }

  #keyOf(salt: Uint8Array): KeyObject {
    const key = hkdfSync("sha256", this.#rootKey, salt, "causeway outbox payloads", KEY_BYTES);
    return createSecretKey(new Uint8Array(key));
  }
}

/** Whether a stored payload is encrypted. */
export function isAtRest(stored: Uint8Array): boolean {
  return REST_MARK.every((byte, at) => stored[at] === byte);
}

/** Bytes of the payload in what is stored. */
export function plainBytesOf(stored: Uint8Array): number {
  return isAtRest(stored) ? stored.length - REST_OVERHEAD_BYTES : stored.length;
}

/** What is to be stored of a payload. One that comes from another database and is encrypted already stays as it is. */
export function atRest(cipher: RestCipher | undefined, id: RestId, payload: Uint8Array): Uint8Array {
  return cipher?.encrypts === true && !isAtRest(payload) ? cipher.encrypt(id, payload) : payload;
}

/** The payload in what is stored; undefined where that is encrypted and `cipher` does not open it. */
export function fromRest(cipher: RestCipher | undefined, id: RestId, stored: Uint8Array): Uint8Array | undefined {
  return isAtRest(stored) ? cipher?.decrypt(id, stored) : stored;
}

function ivOf(counter: Uint8Array): Buffer {
  const iv = Buffer.alloc(IV_BYTES);
  iv.set(counter, IV_BYTES - COUNTER_BYTES);
  return iv;
}

function aadOf(id: RestId): Buffer {
  if ("kept" in id) return Buffer.from(`kept ${id.kept}`);
  return Buffer.from(`record ${id.epoch} ${id.stream} ${id.seq}`);
}
