import { createSecretKey, hkdfSync, type KeyObject } from "node:crypto";

/**
 * The message format of the AWS Encryption SDK, version 2, with one algorithm suite: 0x0478, AES-256-GCM with keys that HKDF with SHA-512
 * derives for each message, and key commitment (docs.aws.amazon.com/encryption-sdk: "message format reference", "algorithms reference").
 * All numbers are big-endian.
 */
export const MESSAGE_VERSION = 2;
export const SUITE = 0x0478;
/** Framed content; the other type is not written any more. */
export const FRAMED = 2;
export const MESSAGE_ID_BYTES = 32;
export const COMMITMENT_BYTES = 32;
export const DATA_KEY_BYTES = 32;
export const IV_BYTES = 12;
export const TAG_BYTES = 16;
/** In the place of a frame's number: the next one is the last. */
export const LAST_FRAME = 0xffff_ffff;
export const CIPHER = "aes-256-gcm";

const DERIVED_BYTES = 32;
const KEY_INFO = Buffer.concat([Buffer.from([SUITE >>> 8, SUITE & 0xff]), Buffer.from("DERIVEKEY")]);
const COMMITMENT_INFO = Buffer.from("COMMITKEY");
const FRAME_CONTENT = "AWSKMSEncryptionClient Frame";
const LAST_FRAME_CONTENT = "AWSKMSEncryptionClient Final Frame";

/** A data key that a wrapping key has encrypted, and the name of that key. */
export type WrappedKey = {
  /** Key namespace of the SDK's raw keyrings, "aws-kms" for a symmetric key of KMS. */
  readonly providerId: string;
  readonly keyName: string;
  readonly bytes: Uint8Array;
};

/** What a message says of what it is about: in clear, and bound to the content. */
export type EncryptionContext = Readonly<Record<string, string>>;

/** The keys of one message; no other message has them, since its id is random. */
export type MessageKeys = { readonly key: KeyObject; readonly commitment: Uint8Array };

/** The keys of the message `messageId` under a data key. */
export function messageKeys(dataKey: KeyObject, messageId: Uint8Array): MessageKeys {
  const derive = (info: Uint8Array): Uint8Array =>
    new Uint8Array(hkdfSync("sha512", dataKey, messageId, info, DERIVED_BYTES));
  return { key: createSecretKey(derive(KEY_INFO)), commitment: derive(COMMITMENT_INFO) };
}

/** The initialisation vector of frame `number`, from 1; that of the header's tag for 0. */
export function frameIv(number: number): Buffer {
  const iv = Buffer.alloc(IV_BYTES);
  iv.writeUInt32BE(number, IV_BYTES - 4);
  return iv;
}

/** What the tag of frame `number` covers beside its content of `bytes`. */
export function frameAad(messageId: Uint8Array, number: number, isLast: boolean, bytes: number): Buffer {
  const place = Buffer.alloc(12);
  place.writeUInt32BE(number, 0);
  place.writeBigUInt64BE(BigInt(bytes), 4);
  return Buffer.concat([messageId, Buffer.from(isLast ? LAST_FRAME_CONTENT : FRAME_CONTENT), place]);
}

/** Whether a payload is a message of this format: no record that is not encrypted begins so. */
export function isEncrypted(payload: Uint8Array): boolean {
  return payload[0] === MESSAGE_VERSION && payload[1] === SUITE >>> 8 && payload[2] === (SUITE & 0xff);
}
