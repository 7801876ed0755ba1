import { createCipheriv, createHash, randomBytes } from "node:crypto";

/** Bytes of the AES key under which the authorisations of a token's keys are stored. */
const WRAPPING_KEY_BYTES = 32;
const SALT_BYTES = 32;
const IV_BYTES = 12;
/** 128 random bits, hexadecimal: guessing is hopeless, so that no limit on guesses is needed. */
const AUTH_BYTES = 16;
/** TPM authorisations are cut to this many hexadecimal digits by the library. */
const SEAL_AUTH_DIGITS = 32;

/** A new authorisation value or PIN. */
export function newSecret(): string {
  return randomBytes(AUTH_BYTES).toString("hex");
}

/** A new wrapping key, hexadecimal, as it is sealed in the TPM. */
export function newWrappingKey(): string {
  return randomBytes(WRAPPING_KEY_BYTES).toString("hex");
}

export function newSalt(): string {
  return randomBytes(SALT_BYTES).toString("hex");
}

/** The authorisation of a seal object that belongs to a PIN (libtpm2_pkcs11: SHA-256 over PIN and salt, the first half of its digits). */
export function sealAuth(pin: string, salt: string): string {
  return createHash("sha256").update(pin).update(salt).digest("hex").slice(0, SEAL_AUTH_DIGITS);
}

/** A key's authorisation as the library stores it: "iv:tag:ciphertext" of AES-256-GCM under the wrapping key. */
export function wrapAuth(auth: string, wrappingKey: string): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", Buffer.from(wrappingKey, "hex"), iv);
  const ciphertext = Buffer.concat([cipher.update(auth), cipher.final()]);
  return [iv, cipher.getAuthTag(), ciphertext].map((part) => part.toString("hex")).join(":");
}
