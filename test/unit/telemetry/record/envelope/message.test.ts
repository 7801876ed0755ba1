import { execFileSync } from "node:child_process";
import { constants, createSecretKey, publicEncrypt, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { AlgorithmSuiteIdentifier, buildClient, CommitmentPolicy, RawRsaKeyringNode } from "@aws-crypto/client-node";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AgentError } from "../../../../../agent/core/errors.ts";
import { decryptMessage, parseMessage } from "../../../../../agent/telemetry/record/envelope/decrypt-message.ts";
import {
  type DataKey,
  encryptMessage,
  messageOverheadBytes,
} from "../../../../../agent/telemetry/record/envelope/encrypt-message.ts";
import { privateKeyUnwrapper } from "../../../../../agent/telemetry/record/read/key-unwrapper.ts";
import { temporaryFolder } from "../../../../fakes/core/folder.ts";
import { wrappingPair } from "../../../../fakes/telemetry/encryption.ts";

const SEED = 20_261_129;
const pair = wrappingPair();
const unwrapper = privateKeyUnwrapper(pair.privateKey);
const context = { thing: "truck-1", epoch: "123", stream: "telemetry", seq: "7", größe: "Ä€😀" };
const { encrypt, decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
/** Below, at and beyond one frame of ours (65,536) and of theirs (4096). */
const SIZES = [0, 1, 4095, 4096, 4097, 65_535, 65_536, 65_537, 120_000, 131_072, 200_000];

function keyring(): RawRsaKeyringNode {
  const rsaKey = { publicKey: pair.publicKey, privateKey: pair.privateKey };
  return new RawRsaKeyringNode({ rsaKey, oaepHash: "sha256", keyName: "test-key", keyNamespace: "causeway" });
}

function newKey(): DataKey {
  const secret = randomBytes(32);
  const { RSA_PKCS1_OAEP_PADDING: padding } = constants;
  const bytes = publicEncrypt({ key: pair.publicKey, padding, oaepHash: "sha256" }, secret);
  return { plain: createSecretKey(secret), wrapped: { providerId: "causeway", keyName: "test-key", bytes } };
}

/** Bytes that follow from the seed and the length. */
function contentOf(length: number): Uint8Array {
  let state = SEED + length;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

async function opened(message: Uint8Array): Promise<Uint8Array> {
  const parsed = parseMessage(message);
  const [{ bytes, providerId, keyName }] = parsed.wrappedKeys;
  return decryptMessage(parsed, await unwrapper.unwrap(bytes, providerId, keyName));
}

/** The fault that opening gives; undefined where it gives a plaintext. */
async function faultOf(message: Uint8Array): Promise<AgentError | undefined> {
  try {
    await opened(message);
    return undefined;
  } catch (thrown) {
    if (thrown instanceof AgentError) return thrown;
    throw thrown;
  }
}

describe(`messages of the AWS Encryption SDK, seed ${SEED}`, () => {
  it.each(SIZES)("are read by the SDK: %d bytes", async (size) => {
    const message = encryptMessage(newKey(), randomBytes(32), context, contentOf(size));
    const { plaintext, messageHeader } = await decrypt(keyring(), message);
    expect(Buffer.compare(plaintext, contentOf(size))).toBe(0);
    expect(messageHeader.suiteId).toBe(0x0478);
    expect({ ...messageHeader.encryptionContext }).toEqual(context);
  });

  it.each(SIZES)("of the SDK are read: %d bytes", async (size) => {
    const { result } = await encrypt(keyring(), contentOf(size), {
      encryptionContext: context,
      suiteId: AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY,
    });
    expect(parseMessage(result).context).toEqual(context);
    expect(Buffer.compare(await opened(result), contentOf(size))).toBe(0);
  });

  it("of the SDK without a context are read, and with a suite that signs refused", async () => {
    const suites = AlgorithmSuiteIdentifier;
    const plain = { suiteId: suites.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY };
    const { result } = await encrypt(keyring(), contentOf(10), plain);
    expect(parseMessage(result).context).toEqual({});
    expect(await opened(result)).toEqual(Buffer.from(contentOf(10)));
    const signing = { suiteId: suites.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY_ECDSA_P384 };
    const signed = await encrypt(keyring(), contentOf(10), signing);
    expect((await faultOf(signed.result))?.message).toContain("algorithm suite 0x578, not 0x478");
  });

  it("have a data key that openssl unwraps with the private key", () => {
    const folder = temporaryFolder();
    const { plain, wrapped } = newKey();
    const [parsed] = parseMessage(
      encryptMessage({ plain, wrapped }, randomBytes(32), context, contentOf(5)),
    ).wrappedKeys;
    writeFileSync(join(folder, "key.pem"), pair.privateKey, { mode: 0o600 });
    const options = ["rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha256"];
    const args = ["pkeyutl", "-decrypt", "-inkey", join(folder, "key.pem"), ...options.flatMap((o) => ["-pkeyopt", o])];
    expect(execFileSync("openssl", args, { input: parsed.bytes })).toEqual(plain.export());
  });

  it("grow by exactly what is said", () => {
    const key = newKey();
    for (const size of SIZES) {
      const message = encryptMessage(key, randomBytes(32), context, contentOf(size));
      expect(message.length - size).toBe(messageOverheadBytes(key.wrapped, context, size));
    }
  });
});

describe("a message that was changed", () => {
  const key = newKey();
  const message = encryptMessage(key, randomBytes(32), { thing: "t", seq: "1" }, contentOf(40));

  it("is refused with a reason, whichever bit of whichever byte", async () => {
    const reasons = new Map<string, number>();
    for (let at = 0; at < message.length; at += 1) {
      for (const bit of [0x01, 0x80]) {
        const changed = Uint8Array.from(message);
        changed[at] ^= bit;
        const fault = await faultOf(changed);
        expect(fault, `byte ${at}, bit ${bit}`).toBeDefined();
        expect(["input.malformed", "input.refused"]).toContain(fault?.code);
        reasons.set(fault?.message ?? "", (reasons.get(fault?.message ?? "") ?? 0) + 1);
      }
    }
    // A byte of the wrapped key, of the rest of the header, and of the frame are told apart.
    expect(reasons.size).toBeGreaterThan(10);
  });

  it("is refused at every length that it is cut to, and with anything behind it", async () => {
    for (let length = 0; length < message.length; length += 1) {
      const fault = await faultOf(message.subarray(0, length));
      expect(fault?.code, `${length} bytes`).toBe("input.malformed");
      expect(fault?.message).toContain("ends at byte");
    }
    expect((await faultOf(Buffer.concat([message, Buffer.from([0])])))?.message).toContain("1 bytes follow");
  });

  it("is refused with frames left out, twice, or in another order", async () => {
    const long = encryptMessage(key, randomBytes(32), {}, contentOf(150_000));
    const frame = 4 + 12 + 65_536 + 16;
    const start = long.length - (150_000 - 2 * 65_536) - 40 - 2 * frame;
    const [header, first, second] = [
      long.subarray(0, start),
      long.subarray(start, start + frame),
      long.subarray(start + frame, start + 2 * frame),
    ];
    const last = long.subarray(start + 2 * frame);
    expect(await faultOf(Buffer.concat([header, first, second, last]))).toBeUndefined();
    for (const frames of [[first, last], [second, last], [second, first, last], [first, first, second, last], [last]]) {
      expect((await faultOf(Buffer.concat([header, ...frames])))?.message).toMatch(
        /frame \d+ of the encrypted payload stands/,
      );
    }
  });

  it("is refused with another key, wrapped or not", async () => {
    const other = wrappingPair();
    const parsed = parseMessage(message);
    expect(() => decryptMessage(parsed, randomBytes(32))).toThrow("another key encrypted it");
    const [{ bytes }] = parsed.wrappedKeys;
    await expect(privateKeyUnwrapper(other.privateKey).unwrap(bytes, "", "")).rejects.toThrow(
      "wrapped for another RSA key",
    );
  });

  it("is never anything but an AgentError or the plaintext, whatever bytes come", async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 200 }).map((tail) => Uint8Array.from([2, 4, 0x78, ...tail])),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (any) => {
        expect(await faultOf(any)).toBeDefined();
      }),
      { seed: SEED, numRuns: 300 },
    );
  });
});

describe("no two messages", () => {
  it("have a key in common, though data key and plaintext are the same", () => {
    const key = newKey();
    const messages = Array.from({ length: 50 }, () => encryptMessage(key, randomBytes(32), context, contentOf(64)));
    const parsed = messages.map((one) => parseMessage(one));
    for (const part of [parsed.map(({ commitment }) => commitment), parsed.map(({ body }) => body.subarray(24, 88))]) {
      expect(new Set(part.map((bytes) => Buffer.from(bytes).toString("hex"))).size).toBe(50);
    }
  });
});
