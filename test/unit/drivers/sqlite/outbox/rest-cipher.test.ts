import { createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  atRest,
  fromRest,
  isAtRest,
  plainBytesOf,
  REST_OVERHEAD_BYTES,
  RestCipher,
  type RestId,
} from "../../../../../drivers/sqlite/outbox/rest-cipher.ts";

const SEED = 1515;
const id = { epoch: 2 ** 48 - 1, stream: 2, seq: 9 };
const anyId: fc.Arbitrary<RestId> = fc.oneof(
  fc.record({ epoch: fc.nat(), stream: fc.nat(3), seq: fc.nat() }),
  fc.record({ kept: fc.string() }),
);

/** As docs/encryption.md describes the format, step by step and apart from the code. */
function slowlyDecrypted(rootKey: Uint8Array, aad: string, stored: Buffer): Buffer {
  const [mark, keyId, salt, counter] = [
    stored.subarray(0, 4),
    stored.subarray(4, 8),
    stored.subarray(8, 24),
    stored.subarray(24, 30),
  ];
  expect(mark.toString("hex")).toBe("c55ea101");
  expect(keyId).toEqual(Buffer.from(hkdfSync("sha256", rootKey, "", "causeway outbox key id", 4)));
  const key = Buffer.from(hkdfSync("sha256", rootKey, salt, "causeway outbox payloads", 32));
  const decipher = createDecipheriv("aes-256-gcm", key, Buffer.concat([Buffer.alloc(6), counter]));
  decipher.setAAD(Buffer.concat([stored.subarray(0, 30), Buffer.from(aad)]));
  decipher.setAuthTag(stored.subarray(-16));
  return Buffer.concat([decipher.update(stored.subarray(30, -16)), decipher.final()]);
}

describe(`payloads at rest, seed ${SEED}`, () => {
  it("come back in this life and in later ones, with the id that they were stored with", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), anyId, (payload, any) => {
        const key = randomBytes(32);
        const stored = new RestCipher(key, true).encrypt(any, payload);
        expect(plainBytesOf(stored)).toBe(payload.length);
        expect(stored.length).toBe(payload.length + REST_OVERHEAD_BYTES);
        expect(fromRest(new RestCipher(key, false), any, stored)).toEqual(Buffer.from(payload));
      }),
      { seed: SEED, numRuns: 60 },
    );
  });

  it("have the format that is described", () => {
    const key = randomBytes(48);
    const cipher = new RestCipher(key, true);
    for (const payload of [new Uint8Array(0), randomBytes(1), randomBytes(9000)]) {
      const stored = Buffer.from(cipher.encrypt(id, payload));
      expect(slowlyDecrypted(key, "record 281474976710655 2 9", stored)).toEqual(Buffer.from(payload));
    }
    const kept = Buffer.from(cipher.encrypt({ kept: "cells/a" }, Buffer.from("x")));
    expect(slowlyDecrypted(key, "kept cells/a", kept).toString()).toBe("x");
  });

  it("do not come back with any bit changed, cut, under another id or with another key", () => {
    const key = randomBytes(32);
    const cipher = new RestCipher(key, true);
    const stored = cipher.encrypt(id, randomBytes(20));
    for (let at = 0; at < stored.length * 8; at += 1) {
      const changed = Uint8Array.from(stored);
      changed[at >> 3] ^= 1 << (at & 7);
      // Without its mark it is no such payload any more, which the checksum of the row finds.
      if (isAtRest(changed)) expect(cipher.decrypt(id, changed), `bit ${at}`).toBeUndefined();
      else expect(at).toBeLessThan(32);
    }
    for (let length = 0; length < stored.length; length += 1) {
      expect(cipher.decrypt(id, stored.subarray(0, length))).toBeUndefined();
    }
    const others = [
      { ...id, epoch: 1 },
      { ...id, stream: 1 },
      { ...id, seq: 10 },
      { kept: "record 281474976710655 2 9" },
    ];
    for (const other of others) expect(cipher.decrypt(other, stored)).toBeUndefined();
    expect(new RestCipher(randomBytes(32), true).decrypt(id, stored)).toBeUndefined();
    expect(fromRest(undefined, id, stored)).toBeUndefined();
  });

  it("never have a key and a counter in common, over calls and lives", () => {
    const key = randomBytes(32);
    const headers = Array.from({ length: 20 }, () => new RestCipher(key, true)).flatMap((cipher) =>
      Array.from({ length: 20 }, () =>
        Buffer.from(cipher.encrypt(id, Buffer.from("same")))
          .subarray(8, 30)
          .toString("hex"),
      ),
    );
    expect(new Set(headers).size).toBe(400);
  });

  it("of more lives than are kept at hand are read all the same", () => {
    const key = randomBytes(32);
    const stored = Array.from({ length: 150 }, (_, seq) =>
      new RestCipher(key, true).encrypt({ ...id, seq }, Buffer.from([seq])),
    );
    const cipher = new RestCipher(key, true);
    for (const round of [1, 2]) {
      stored.forEach((bytes, seq) =>
        expect(cipher.decrypt({ ...id, seq }, bytes), `${round}`).toEqual(Buffer.from([seq])),
      );
    }
  });

  it("are as they were where nothing is to be encrypted", () => {
    const payload = randomBytes(10);
    expect(atRest(undefined, id, payload)).toBe(payload);
    expect(atRest(new RestCipher(randomBytes(32), false), id, payload)).toBe(payload);
    expect(fromRest(undefined, id, payload)).toBe(payload);
  });
});
