import { createDecipheriv, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import { AgentError } from "../../../core/errors.ts";
import { malformed } from "../read/malformed-record.ts";
import {
  CIPHER,
  COMMITMENT_BYTES,
  type EncryptionContext,
  FRAMED,
  frameAad,
  frameIv,
  IV_BYTES,
  LAST_FRAME,
  MESSAGE_ID_BYTES,
  MESSAGE_VERSION,
  messageKeys,
  SUITE,
  TAG_BYTES,
  type WrappedKey,
} from "./message-format.ts";

/** More than any writer has: each costs a try. */
const MAX_WRAPPED_KEYS = 8;
const MAX_CONTEXT_PAIRS = 64;

/** A message whose header has been read and not yet been believed: only `decryptMessage` tells whether it is what was written. */
export type EncryptedMessage = {
  readonly messageId: Uint8Array;
  readonly context: EncryptionContext;
  /** One to eight; each of them opens the message. */
  readonly wrappedKeys: readonly WrappedKey[];
  readonly frameBytes: number;
  /** What the tag of the header covers. */
  readonly header: Uint8Array;
  readonly commitment: Uint8Array;
  readonly headerTag: Uint8Array;
  /** The frames. */
  readonly body: Uint8Array;
};

/** Reads the header of a message. Throws `input.malformed` for what is none, is cut off, or has another version or suite. */
export function parseMessage(message: Uint8Array): EncryptedMessage {
  const reader = new MessageReader(message);
  const version = reader.u8("version");
  if (version !== MESSAGE_VERSION) throw malformed(`the encrypted payload has version ${version}, not 2`);
  const suite = reader.u16("algorithm suite");
  if (suite !== SUITE) throw malformed(`the encrypted payload has algorithm suite 0x${suite.toString(16)}, not 0x478`);
  const messageId = reader.take(MESSAGE_ID_BYTES, "message id");
  const context = contextOf(reader.sized("encryption context"));
  const wrappedKeys = wrappedKeysOf(reader);
  const type = reader.u8("content type");
  if (type !== FRAMED) throw malformed(`the encrypted payload has content type ${type}, not 2 (frames)`);
  const frameBytes = reader.u32("frame length");
  if (frameBytes === 0) throw malformed("the encrypted payload has frames of no length");
  const commitment = reader.take(COMMITMENT_BYTES, "key commitment");
  const header = message.subarray(0, reader.at);
  const headerTag = reader.take(TAG_BYTES, "tag of the header");
  const body = message.subarray(reader.at);
  return { messageId, context, wrappedKeys, frameBytes, header, commitment, headerTag, body };
}

/**
 * The plaintext of a message, which only comes out when every tag has fitted. Throws `input.refused` where `dataKey` (32 bytes) is not
 * the one that it was encrypted with or the header was changed, and `input.malformed` where a frame was changed, cut off or added.
 */
export function decryptMessage(message: EncryptedMessage, dataKey: Uint8Array): Uint8Array {
  const { messageId, header, headerTag, commitment } = message;
  const keys = messageKeys(createSecretKey(dataKey), messageId);
  if (!timingSafeEqual(keys.commitment, commitment)) {
    throw refused("the key commitment differs: another key encrypted it, or its message id or commitment was changed");
  }
  const nothing = decrypted(keys.key, frameIv(0), header, new Uint8Array(0), headerTag);
  if (nothing === undefined) throw refused("the tag of the header differs: its context or keys were changed");
  return framesOf(message, keys.key);
}

/** The fault of a message that cannot be opened with what was given. */
export function refused(what: string, cause?: unknown): AgentError {
  return new AgentError("input.refused", {
    what: `the payload cannot be decrypted: ${what}`,
    remedy:
      "give the private key whose public half the vehicle has as encode.encryption.publicKeyFile, and the payload as it came",
    cause,
  });
}

function framesOf({ messageId, frameBytes, body }: EncryptedMessage, key: KeyObject): Uint8Array {
  const reader = new MessageReader(body);
  const contents: Uint8Array[] = [];
  for (let expected = 1; ; expected += 1) {
    const mark = reader.u32("frame number");
    const isLast = mark === LAST_FRAME;
    const number = isLast ? reader.u32("number of the last frame") : mark;
    if (number !== expected)
      throw malformed(`frame ${number} of the encrypted payload stands where ${expected} must be`);
    const iv = reader.take(IV_BYTES, "initialisation vector");
    if (!frameIv(number).equals(iv)) throw malformed(`the initialisation vector of frame ${number} is not its number`);
    const length = isLast ? reader.u32("length of the last frame") : frameBytes;
    if (length > frameBytes) throw malformed(`the last frame says ${length} bytes, more than a frame has`);
    const ciphertext = reader.take(length, `content of frame ${number}`);
    const tag = reader.take(TAG_BYTES, `tag of frame ${number}`);
    const content = decrypted(key, iv, frameAad(messageId, number, isLast, length), ciphertext, tag);
    if (content === undefined) throw malformed(`the tag of frame ${number} differs: the payload was changed`);
    contents.push(content);
    if (!isLast) continue;
    if (reader.left > 0) throw malformed(`${reader.left} bytes follow the last frame of the encrypted payload`);
    return Buffer.concat(contents);
  }
}

function decrypted(
  key: KeyObject,
  iv: Uint8Array,
  aad: Uint8Array,
  ciphertext: Uint8Array,
  tag: Uint8Array,
): Buffer | undefined {
  const decipher = createDecipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(aad);
  decipher.setAuthTag(tag);
  const content = decipher.update(ciphertext);
  try {
    return Buffer.concat([content, decipher.final()]);
  } catch {
    // The only reason that `final` has: the tag differs.
    return undefined;
  }
}

function wrappedKeysOf(reader: MessageReader): readonly WrappedKey[] {
  const count = reader.u16("number of encrypted data keys");
  if (count < 1 || count > MAX_WRAPPED_KEYS) {
    throw malformed(`the encrypted payload has ${count} encrypted data keys, not 1 to ${MAX_WRAPPED_KEYS}`);
  }
  return Array.from({ length: count }, () => ({
    providerId: textOf(reader.sized("provider id"), "provider id"),
    keyName: textOf(reader.sized("key name"), "key name"),
    bytes: reader.sized("encrypted data key"),
  }));
}

function contextOf(bytes: Uint8Array): EncryptionContext {
  if (bytes.length === 0) return {};
  const reader = new MessageReader(bytes);
  const count = reader.u16("number of context pairs");
  if (count < 1 || count > MAX_CONTEXT_PAIRS) {
    throw malformed(`the encryption context has ${count} pairs, not 1 to ${MAX_CONTEXT_PAIRS}`);
  }
  const pairs = new Map<string, string>();
  for (let at = 0; at < count; at += 1) {
    const key = textOf(reader.sized("context key"), "context key");
    if (pairs.has(key)) throw malformed("the encryption context has a key twice");
    pairs.set(key, textOf(reader.sized("context value"), "context value"));
  }
  if (reader.left > 0) throw malformed(`${reader.left} bytes follow the pairs of the encryption context`);
  return Object.fromEntries(pairs);
}

function textOf(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (thrown) {
    throw malformed(`the ${what} of the encrypted payload is not UTF-8`, thrown);
  }
}

/** Reads what a message says, and throws `input.malformed` with the name of what is cut off. */
class MessageReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(length: number, what: string): Uint8Array {
    if (length > this.left) {
      throw malformed(`the encrypted payload ends at byte ${this.#bytes.length}, inside the ${what}`);
    }
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  u8(what: string): number {
    this.take(1, what);
    return this.#bytes.readUInt8(this.#at - 1);
  }

  u16(what: string): number {
    this.take(2, what);
    return this.#bytes.readUInt16BE(this.#at - 2);
  }

  u32(what: string): number {
    this.take(4, what);
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  sized(what: string): Uint8Array {
    return this.take(this.u16(what), what);
  }
}
