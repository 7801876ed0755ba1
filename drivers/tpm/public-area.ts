import { createPublicKey } from "node:crypto";
import type { KeyAlgorithm, KeyFacts } from "../../agent/ports.ts";

/** TPMA_OBJECT by bit (TPM 2.0 part 2, 8.3.2), as tpm2-tools spells it. */
const ATTRIBUTE_BITS = [
  [1, "fixedtpm"],
  [2, "stclear"],
  [4, "fixedparent"],
  [5, "sensitivedataorigin"],
  [6, "userwithauth"],
  [7, "adminwithpolicy"],
  [10, "noda"],
  [11, "encryptedduplication"],
  [16, "restricted"],
  [17, "decrypt"],
  [18, "sign"],
] as const;
/** TPM_ALG_ID and TPM_ECC_CURVE (TPM 2.0 part 2, 6.3 and 6.4). */
const ALG_RSA = 0x0001;
const ALG_NULL = 0x0010;
const ALG_ECC = 0x0023;
const CURVE_P256 = 0x0003;
/** RSA exponent 0 stands for the default, 2^16 + 1 (TPM 2.0 part 2, 12.2.3.5). */
const DEFAULT_EXPONENT = 0x10001;

/** What each attribute that a key must have is for; without it the sentence is true. */
const REQUIRED = [
  ["fixedtpm", "it could be moved to another TPM (no fixedtpm)"],
  ["fixedparent", "it could be moved to another parent (no fixedparent)"],
  ["sensitivedataorigin", "it was not made in the TPM (no sensitivedataorigin)"],
  ["userwithauth", "it can be used without its authorisation value (no userwithauth)"],
  ["noda", "each power cut after its use brings the TPM nearer to its lockout (no noda)"],
  ["sign", "it cannot sign (no sign)"],
] as const;

/** Public area of a key as a TPM holds it. `numbers`: x and y, or modulus and exponent, big-endian. */
export type PublicArea = {
  readonly algorithm: KeyAlgorithm;
  readonly attributes: readonly string[];
  readonly publicKeyPem: string;
  readonly numbers:
    | { readonly kind: "ec"; readonly x: Uint8Array; readonly y: Uint8Array }
    | { readonly kind: "rsa"; readonly modulus: Uint8Array; readonly exponent: Uint8Array };
};

/** Reads a TPM2B_PUBLIC (TPM 2.0 part 2, 12.2.5). Undefined when it is neither an EC P-256 nor an RSA-2048 key. Throws a RangeError when it is cut off. */
export function parsePublicArea(bytes: Uint8Array): PublicArea | undefined {
  const reader = new Reader(bytes);
  reader.u16();
  const type = reader.u16();
  reader.u16();
  const attributes = attributeWords(reader.u32());
  reader.sized();
  // Symmetric algorithm of a parent; anything but NULL has key bits and a mode after it.
  if (reader.u16() !== ALG_NULL) reader.skip(4);
  if (reader.u16() !== ALG_NULL) reader.skip(2);
  if (type === ALG_ECC) return ecArea(reader, attributes);
  return type === ALG_RSA ? rsaArea(reader, attributes) : undefined;
}

/** TPMA_OBJECT words of the public area of any object. */
export function attributesOf(bytes: Uint8Array): readonly string[] {
  const reader = new Reader(bytes);
  reader.skip(6);
  return attributeWords(reader.u32());
}

/** Sentences about what is wrong with a key of these attributes; none for a key that never leaves its TPM and cannot lock it. */
export function flawsOf(attributes: readonly string[]): readonly string[] {
  return REQUIRED.filter(([attribute]) => !attributes.includes(attribute)).map(([, flaw]) => flaw);
}

/** What the port tells about a key with this public area. */
export function factsOf(label: string, area: PublicArea): KeyFacts {
  const { algorithm, attributes, publicKeyPem } = area;
  return { label, algorithm, publicKeyPem, attributes, flaws: flawsOf(attributes) };
}

function attributeWords(bits: number): readonly string[] {
  return ATTRIBUTE_BITS.filter(([bit]) => ((bits >>> bit) & 1) === 1).map(([, word]) => word);
}

function ecArea(reader: Reader, attributes: readonly string[]): PublicArea | undefined {
  const curve = reader.u16();
  if (reader.u16() !== ALG_NULL) reader.skip(2);
  const [x, y] = [padded(reader.sized()), padded(reader.sized())];
  if (curve !== CURVE_P256) return undefined;
  const publicKeyPem = pemOf({ kty: "EC", crv: "P-256", x: base64url(x), y: base64url(y) });
  return { algorithm: "ec-p256", attributes, publicKeyPem, numbers: { kind: "ec", x, y } };
}

/** Coordinates are 32 octets (SEC 1, 2.3.7); a TPM may leave out leading zeros. */
function padded(coordinate: Uint8Array): Uint8Array {
  const whole = new Uint8Array(32);
  whole.set(coordinate, 32 - coordinate.length);
  return whole;
}

function rsaArea(reader: Reader, attributes: readonly string[]): PublicArea | undefined {
  const bits = reader.u16();
  const exponentValue = reader.u32() || DEFAULT_EXPONENT;
  const modulus = reader.sized();
  if (bits !== 2048) return undefined;
  const exponent = Buffer.from(exponentValue.toString(16).padStart(6, "0"), "hex");
  const publicKeyPem = pemOf({ kty: "RSA", n: base64url(modulus), e: base64url(exponent) });
  return { algorithm: "rsa-2048", attributes, publicKeyPem, numbers: { kind: "rsa", modulus, exponent } };
}

function pemOf(key: Readonly<Record<string, string>>): string {
  return createPublicKey({ key, format: "jwk" }).export({ type: "spki", format: "pem" }).toString();
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

/** Reads big-endian numbers and sized buffers one after the other. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
  }

  skip(length: number): void {
    this.#at += length;
  }

  u16(): number {
    this.#at += 2;
    return this.#bytes.readUInt16BE(this.#at - 2);
  }

  u32(): number {
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  sized(): Uint8Array {
    const length = this.u16();
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new RangeError("the public area is cut off");
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
