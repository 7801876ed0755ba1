import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type SignedFields, signedText } from "../../../agent/commands/canonical.ts";
import { canonicalJson } from "../../../agent/core/canonical-json.ts";
import { isSignedBy, keyObjectOf, publicKeySchema } from "../../../agent/core/public-key.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";

const FIELDS: SignedFields = {
  id: "7f3a",
  thing: "truck-0001",
  action: "doors.lock",
  arguments: { door: "all", beep: false, count: 2 },
  notBeforeMs: 1_767_225_600_000,
  expiresAtMs: 1_767_225_660_000,
  counter: 42,
};

describe("canonicalJson", () => {
  // RFC 8785, 3.2.2 and 3.2.3: its own example of input and output.
  it("writes the example of RFC 8785 as the RFC does", () => {
    const value = {
      numbers: [Number("333333333.33333329"), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '€$\u000F\nA\'B"\\\\"/',
      literals: [null, true, false],
    };
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it("sorts members by UTF-16 units, as RFC 8785 3.2.3 does in its example", () => {
    const value = { "€": 1, "\r": 2, "\ufb33": 3, "1": 4, "😀": 5, "\u0080": 6, ö: 7 };
    const keys = [...canonicalJson(value).matchAll(/:(\d)/g)].map(([, digit]) => Number(digit));
    expect(keys).toEqual([2, 4, 6, 7, 1, 5, 3]);
  });
});

describe("signedText", () => {
  it("is these bytes", () => {
    const digest = execFileSync("openssl", ["dgst", "-sha256", "-r"], {
      input: '{"beep":false,"count":2,"door":"all"}',
    });
    expect(signedText(FIELDS)).toBe(
      [
        "causeway-command 1",
        "id=7f3a",
        "thing=truck-0001",
        "action=doors.lock",
        `arguments=${digest.toString("utf8").slice(0, 64)}`,
        "not-before=1767225600000",
        "expires=1767225660000",
        "counter=42",
        "",
      ].join("\n"),
    );
  });
});

describe("isSignedBy", () => {
  const openssl = (...args: readonly string[]): void => void execFileSync("openssl", args, { stdio: "pipe" });

  function signedByOpenssl(algorithm: "ed25519" | "es256") {
    const folder = temporaryFolder();
    const at = (name: string): string => join(folder, name);
    const kind =
      algorithm === "ed25519" ? ["-algorithm", "ed25519"] : ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
    openssl("genpkey", ...kind, "-out", at("key.pem"));
    openssl("pkey", "-in", at("key.pem"), "-pubout", "-outform", "DER", "-out", at("public.der"));
    writeFileSync(at("text"), signedText(FIELDS));
    if (algorithm === "ed25519")
      openssl("pkeyutl", "-sign", "-rawin", "-inkey", at("key.pem"), "-in", at("text"), "-out", at("signature"));
    else openssl("dgst", "-sha256", "-sign", at("key.pem"), "-out", at("signature"), at("text"));
    const publicKey = readFileSync(at("public.der")).toString("base64");
    const key = publicKeySchema.parse({ id: "k", algorithm, publicKey });
    return { key: keyObjectOf(key.publicKey), signature: readFileSync(at("signature")) };
  }

  it.each(["ed25519", "es256"] as const)(
    "takes what openssl signed with %s, and none of it with a bit flipped",
    (algorithm) => {
      const { key, signature } = signedByOpenssl(algorithm);
      const text = signedText(FIELDS);
      expect(isSignedBy(key, text, signature.toString("base64"))).toBe(true);
      for (let bit = 0; bit < signature.length * 8; bit += 1) {
        const flipped = Buffer.from(signature);
        flipped[bit >> 3] ^= 1 << (bit & 7);
        expect(isSignedBy(key, text, flipped.toString("base64"))).toBe(false);
      }
      for (let at = 0; at < text.length; at += 1) {
        const altered = `${text.slice(0, at)}${text[at] === "0" ? "1" : "0"}${text.slice(at + 1)}`;
        expect(isSignedBy(key, altered, signature.toString("base64"))).toBe(false);
      }
    },
  );
});

describe("publicKeySchema", () => {
  it.each([
    ["a key for another algorithm", "es256", "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="],
    ["what is no key", "ed25519", "AAAA"],
  ])("refuses %s", (_what, algorithm, publicKey) => {
    expect(publicKeySchema.safeParse({ id: "k", algorithm, publicKey }).success).toBe(false);
  });
});
