import { createPublicKey } from "node:crypto";
import { type ForeignKey, KEY_ALGORITHMS, type KeyAlgorithm, type KeyFacts } from "../../../agent/ports/key-store.ts";

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
/** What follows a scheme's id (TPM 2.0 part 2, 11.2): nothing after NULL and RSAES, hash and count after ECDAA, a hash after all others. */
const SCHEME_OCTETS: ReadonlyMap<number, number> = new Map([
  [ALG_NULL, 0],
  [0x0015, 0],
  [0x001a, 4],
]);
/** The curves that we use: their names, and the octets of a coordinate (SEC 1, 2.3.7). */
const CURVES: ReadonlyMap<
  number,
  { readonly algorithm: KeyAlgorithm; readonly name: string; readonly octets: number }
> = new Map([
  [0x0003, { algorithm: "ec-p256", name: "P-256", octets: 32 }],
  [0x0004, { algorithm: "ec-p384", name: "P-384", octets: 48 }],
]);
/** The lengths of RSA keys that we use, bits. */
const RSA_KEYS: ReadonlyMap<number, KeyAlgorithm> = new Map([
  [2048, "rsa-2048"],
  [3072, "rsa-3072"],
]);
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

/** Public area of an object that is no key of ours; `kind` says what it is, "on the curve 0x0010". */
export type ForeignArea = {
  readonly algorithm: "other";
  readonly attributes: readonly string[];
  readonly kind: string;
};

/** Reads a TPM2B_PUBLIC (TPM 2.0 part 2, 12.2.5). Throws a RangeError when it is cut off. */
export function parsePublicArea(bytes: Uint8Array): PublicArea | ForeignArea {
  const reader = new Reader(bytes);
  reader.u16();
  const type = reader.u16();
  reader.u16();
  const attributes = attributeWords(reader.u32());
  if (type !== ALG_ECC && type !== ALG_RSA) return { algorithm: "other", attributes, kind: `of the type ${hex(type)}` };
  reader.sized();
  // Symmetric algorithm of a parent; anything but NULL has key bits and a mode after it.
  if (reader.u16() !== ALG_NULL) reader.skip(4);
  reader.skip(SCHEME_OCTETS.get(reader.u16()) ?? 2);
  return type === ALG_ECC ? ecArea(reader, attributes) : rsaArea(reader, attributes);
}

/** TPMA_OBJECT words of the public area of any object. */
export function attributesOf(bytes: Uint8Array): readonly string[] {
  const reader = new Reader(bytes);
  reader.skip(6);
  return attributeWords(reader.u32());
}

/** Sentences about what is wrong with a key of these attributes; none for a key that never leaves its TPM and cannot lock it. */
export function keyProblemsOf(attributes: readonly string[]): readonly string[] {
  return REQUIRED.filter(([attribute]) => !attributes.includes(attribute)).map(([, problem]) => problem);
}

/** What the port tells about a key with this public area. */
export function factsOf({ label, id }: NamedKey, area: PublicArea): KeyFacts {
  const { algorithm, attributes, publicKeyPem } = area;
  return { label, id, algorithm, publicKeyPem, attributes, problems: keyProblemsOf(attributes) };
}

/** What the port tells about a key that cannot be the device's. */
export function foreignFacts(
  { label, id }: NamedKey,
  { attributes, kind }: Omit<ForeignArea, "algorithm">,
): ForeignKey {
  return {
    label,
    id,
    algorithm: "other",
    attributes,
    problems: [`it is ${kind}, and not one of ${KEY_ALGORITHMS.join(", ")}`],
  };
}

type NamedKey = Pick<KeyFacts, "label" | "id">;

function attributeWords(bits: number): readonly string[] {
  return ATTRIBUTE_BITS.filter(([bit]) => ((bits >>> bit) & 1) === 1).map(([, word]) => word);
}

function ecArea(reader: Reader, attributes: readonly string[]): PublicArea | ForeignArea {
  const id = reader.u16();
  if (reader.u16() !== ALG_NULL) reader.skip(2);
  const curve = CURVES.get(id);
  if (curve === undefined) return { algorithm: "other", attributes, kind: `on the curve ${hex(id)}` };
  const { algorithm, name, octets } = curve;
  const [x, y] = [padded(reader.sized(), octets), padded(reader.sized(), octets)];
  const publicKeyPem = pemOf({ kty: "EC", crv: name, x: base64url(x), y: base64url(y) });
  return { algorithm, attributes, publicKeyPem, numbers: { kind: "ec", x, y } };
}

/** A TPM may leave out leading zeros. */
function padded(coordinate: Uint8Array, octets: number): Uint8Array {
  const whole = new Uint8Array(octets);
  whole.set(coordinate, octets - coordinate.length);
  return whole;
}

function rsaArea(reader: Reader, attributes: readonly string[]): PublicArea | ForeignArea {
  const bits = reader.u16();
  const exponentValue = reader.u32() || DEFAULT_EXPONENT;
  const modulus = reader.sized();
  const algorithm = RSA_KEYS.get(bits);
  if (algorithm === undefined) return { algorithm: "other", attributes, kind: `of RSA with ${bits} bits` };
  const exponent = Buffer.from(exponentValue.toString(16).padStart(6, "0"), "hex");
  const publicKeyPem = pemOf({ kty: "RSA", n: base64url(modulus), e: base64url(exponent) });
  return { algorithm, attributes, publicKeyPem, numbers: { kind: "rsa", modulus, exponent } };
}

function pemOf(key: Readonly<Record<string, string>>): string {
  return createPublicKey({ key, format: "jwk" }).export({ type: "spki", format: "pem" }).toString();
}

/** As the standard writes ids: "0x0010". */
function hex(id: number): string {
  return `0x${id.toString(16).padStart(4, "0")}`;
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
