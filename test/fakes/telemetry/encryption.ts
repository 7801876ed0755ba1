import { createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";
import type { Clock } from "../../../agent/core/clock.ts";
import type { Log } from "../../../agent/core/log.ts";
import { RecordEncrypter } from "../../../agent/telemetry/record/envelope/record-encrypter.ts";
import { type PayloadEncryption, payloadEncryption } from "../../../config/encryption.ts";
import { ManualClock } from "../core/clock.ts";
import { MemoryLog } from "../core/log.ts";

/** An RSA key pair as PEM, made for this run. */
export type WrappingPair = { readonly publicKey: string; readonly privateKey: string };

/** A new key pair of so many bits. */
export function wrappingPair(bits = 2048): WrappingPair {
  return generateKeyPairSync("rsa", {
    modulusLength: bits,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
}

/** The settings of encryption with all defaults, but for `change`. */
export function encryptionOf(change: Partial<PayloadEncryption> = {}): PayloadEncryption {
  return { ...payloadEncryption.parse({ publicKeyFile: "key.pem", keyName: "test-key" }), ...change };
}

/** What encrypts for the thing of `encoderOf`, with random bytes of the system. */
export function encrypterOf(
  { publicKey }: WrappingPair,
  change: Partial<PayloadEncryption> = {},
  clock: Pick<Clock, "monotonicMs"> = new ManualClock(),
  log: Log = new MemoryLog(),
): RecordEncrypter {
  return new RecordEncrypter({
    thing: "truck-1",
    settings: encryptionOf(change),
    publicKey: createPublicKey(publicKey),
    clock,
    randomBytes,
    log,
  });
}
