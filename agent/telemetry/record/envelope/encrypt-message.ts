import { createCipheriv, type KeyObject } from "node:crypto";
import {
  CIPHER,
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

/** Content of one frame. Nearly every record is shorter, and then has one frame alone. */
export const FRAME_BYTES = 65_536;

/** Number, initialisation vector and tag. */
const FRAME_OVERHEAD_BYTES = 4 + IV_BYTES + TAG_BYTES;
/** Two numbers more: the mark of the last frame, and the length of its content. */
const LAST_FRAME_OVERHEAD_BYTES = FRAME_OVERHEAD_BYTES + 8;

/** A data key as it is used, and as it goes with each message. */
export type DataKey = { readonly plain: KeyObject; readonly wrapped: WrappedKey };

/**
 * `plaintext` as one message. `messageId` (32 bytes) must be random and new each time, also for the same plaintext: the key of the
 * message follows from it, and the frames are numbered from 1 in each.
 */
export function encryptMessage(
  { plain, wrapped }: DataKey,
  messageId: Uint8Array,
  context: EncryptionContext,
  plaintext: Uint8Array,
): Uint8Array {
  const { key, commitment } = messageKeys(plain, messageId);
  const header = headerOf(messageId, context, wrapped, commitment);
  const parts: Uint8Array[] = [header, encrypted(key, frameIv(0), header, new Uint8Array(0))];
  const lastNumber = Math.max(1, Math.ceil(plaintext.length / FRAME_BYTES));
  for (let number = 1; number <= lastNumber; number += 1) {
    const content = plaintext.subarray((number - 1) * FRAME_BYTES, number * FRAME_BYTES);
    const isLast = number === lastNumber;
    const iv = frameIv(number);
    const aad = frameAad(messageId, number, isLast, content.length);
    const length = isLast ? [u32(content.length)] : [];
    parts.push(...(isLast ? [u32(LAST_FRAME)] : []), u32(number), iv, ...length, encrypted(key, iv, aad, content));
  }
  return Buffer.concat(parts);
}

/** What a message has beyond a plaintext of `bytes`, bytes. */
export function messageOverheadBytes(wrapped: WrappedKey, context: EncryptionContext, bytes: number): number {
  const nothing = new Uint8Array(32);
  const frames = Math.max(1, Math.ceil(bytes / FRAME_BYTES));
  const header = headerOf(new Uint8Array(MESSAGE_ID_BYTES), context, wrapped, nothing).length + TAG_BYTES;
  return header + (frames - 1) * FRAME_OVERHEAD_BYTES + LAST_FRAME_OVERHEAD_BYTES;
}

function headerOf(
  messageId: Uint8Array,
  context: EncryptionContext,
  { providerId, keyName, bytes }: WrappedKey,
  commitment: Uint8Array,
): Buffer {
  const pairs = contextBytes(context);
  return Buffer.concat([
    Buffer.from([MESSAGE_VERSION]),
    u16(SUITE),
    messageId,
    u16(pairs.length),
    pairs,
    u16(1),
    sized(Buffer.from(providerId)),
    sized(Buffer.from(keyName)),
    sized(bytes),
    Buffer.from([FRAMED]),
    u32(FRAME_BYTES),
    commitment,
  ]);
}

/** Pairs in the order of the UTF-8 of their keys. */
function contextBytes(context: EncryptionContext): Buffer {
  const pairs = Object.entries(context).map(([key, value]) => [Buffer.from(key), Buffer.from(value)] as const);
  if (pairs.length === 0) return Buffer.alloc(0);
  pairs.sort(([left], [right]) => Buffer.compare(left, right));
  return Buffer.concat([u16(pairs.length), ...pairs.flatMap(([key, value]) => [sized(key), sized(value)])]);
}

/** Ciphertext and tag. */
function encrypted(key: KeyObject, iv: Uint8Array, aad: Uint8Array, content: Uint8Array): Buffer {
  const cipher = createCipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(aad);
  return Buffer.concat([cipher.update(content), cipher.final(), cipher.getAuthTag()]);
}

function sized(bytes: Uint8Array): Buffer {
  return Buffer.concat([u16(bytes.length), bytes]);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
