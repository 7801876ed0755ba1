import { createSecretKey } from "node:crypto";
import { describe, expect, it } from "vitest";
import { AgentError } from "../../../../../agent/core/errors.ts";
import { encryptMessage } from "../../../../../agent/telemetry/record/envelope/encrypt-message.ts";
import {
  type KeyUnwrapper,
  privateKeyUnwrapper,
  rememberKeys,
} from "../../../../../agent/telemetry/record/read/key-unwrapper.ts";
import { encryptedRecordReader } from "../../../../../agent/telemetry/record/read/record-decrypter.ts";
import { createRecordReader } from "../../../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../../../config/proto/descriptor.ts";
import { encrypterOf, wrappingPair } from "../../../../fakes/telemetry/encryption.ts";
import { encoderOf, idOf, logOf } from "../../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../../fakes/telemetry/table.ts";

const pair = wrappingPair();
const table = tableOf([{ name: "Engine", signals: [{ name: "Speed", bits: 16 }] }]);
const records = createRecordReader(readDescriptor());
const reader = encryptedRecordReader(records, privateKeyUnwrapper(pair.privateKey));
const claimed = { thing: "truck-1", ...idOf(9) };

function payloadOf(encrypter = encrypterOf(pair)): Uint8Array {
  const [draft] = encoderOf(table, { compression: "zstd" }, encrypter).samples(
    logOf(table, [{ signal: 0, timeUs: 1_767_225_600_000_000, raw: 4711 }]),
    [],
  );
  return draft.seal(idOf(9));
}

describe("an encrypted record", () => {
  it("reads as the same record that is not encrypted, which is read too", async () => {
    const encrypted = await reader.decode(payloadOf(), claimed);
    const [clear] = encoderOf(table).samples(
      logOf(table, [{ signal: 0, timeUs: 1_767_225_600_000_000, raw: 4711 }]),
      [],
    );
    expect(encrypted).toEqual(records.decode(clear.seal(idOf(9))));
    expect(await reader.decode(clear.seal(idOf(9)))).toEqual(encrypted);
  });

  it.each([
    ["thing", { ...claimed, thing: "truck-2" }],
    ["epoch", { ...claimed, epoch: 4 }],
    ["stream", { ...claimed, stream: "event" as const }],
    ["seq", { ...claimed, seq: 10 }],
  ])("is refused where it came under another %s, before any key is asked", async (what, other) => {
    let asked = 0;
    const unwrapper: KeyUnwrapper = { unwrap: () => Promise.reject(new Error(`asked ${(asked += 1)}`)) };
    const fault = await encryptedRecordReader(records, unwrapper)
      .decode(payloadOf(), other)
      .catch((thrown: unknown) => thrown);
    expect(fault).toBeInstanceOf(AgentError);
    expect(String(fault)).toContain(`its context says ${what} `);
    expect(asked).toBe(0);
  });

  it("is refused where its context names another record than the one inside", async () => {
    const [draft] = encoderOf(table).samples(logOf(table, [{ signal: 0, timeUs: 1, raw: 1 }]), []);
    const encrypter = encrypterOf(pair);
    const swapped = encrypter.encrypt(idOf(10), draft.seal(idOf(9)));
    await expect(reader.decode(swapped)).rejects.toThrow("its context says seq 10, and it came as 9");
    await expect(reader.decode(swapped, { ...claimed, seq: 10 })).rejects.toThrow("its context says seq 10");
  });

  it("is refused without a context", async () => {
    const key = {
      plain: createSecretKey(Buffer.alloc(32, 7)),
      wrapped: { providerId: "p", keyName: "k", bytes: new Uint8Array(9) },
    };
    const [draft] = encoderOf(table).samples(logOf(table, [{ signal: 0, timeUs: 1, raw: 1 }]), []);
    const message = encryptMessage(key, new Uint8Array(32).fill(3), {}, draft.seal(idOf(9)));
    const known: KeyUnwrapper = { unwrap: () => Promise.resolve(key.plain.export()) };
    await expect(encryptedRecordReader(records, known).decode(message)).rejects.toThrow(
      "its context says thing nothing",
    );
  });

  it("is refused with a key that no RSA key is, or that is none", () => {
    expect(() => privateKeyUnwrapper("no key")).toThrow("the private key cannot be used");
    expect(() => privateKeyUnwrapper(pair.publicKey)).toThrow("the private key cannot be used");
  });
});

describe("the keys of records", () => {
  it("are asked once for many records, up to the bound, and again after a failure", async () => {
    const asked: string[] = [];
    let isAway = true;
    const slow: KeyUnwrapper = {
      unwrap: (wrapped) => {
        asked.push(Buffer.from(wrapped).toString());
        if (!isAway) return Promise.resolve(new Uint8Array(32).fill(wrapped[0] ?? 0));
        return Promise.reject(new AgentError("input.unavailable", { what: "KMS is away", remedy: "wait" }));
      },
    };
    const keys = rememberKeys(slow, 2);
    const unwrap = (name: string): Promise<Uint8Array> => keys.unwrap(Buffer.from(name), "p", "k");
    await expect(unwrap("a")).rejects.toThrow("KMS is away");
    isAway = false;
    await Promise.all([unwrap("a"), unwrap("a"), unwrap("a")]);
    expect(asked).toEqual(["a", "a"]);
    await unwrap("b");
    await unwrap("a");
    await unwrap("c");
    await unwrap("a");
    expect(asked).toEqual(["a", "a", "b", "c"]);
    await unwrap("b");
    expect(asked).toEqual(["a", "a", "b", "c", "b"]);
  });

  it("are refused when they have not 256 bits", async () => {
    const short: KeyUnwrapper = { unwrap: () => Promise.resolve(new Uint8Array(16)) };
    await expect(rememberKeys(short, 5).unwrap(new Uint8Array(1), "p", "k")).rejects.toThrow(
      "its data key has 16 bytes",
    );
  });
});
