import { parseDocument } from "yaml";
import type { PublicArea } from "../tools/public-area.ts";

/** CK_ATTRIBUTE_TYPE (PKCS#11 2.40), and the library's own for the TPM's blobs, which lie in the vendor's range. */
export const ATTRIBUTE = {
  class: 0x0000,
  token: 0x0001,
  private: 0x0002,
  label: 0x0003,
  keyType: 0x0100,
  subject: 0x0101,
  id: 0x0102,
  sensitive: 0x0103,
  encrypt: 0x0104,
  decrypt: 0x0105,
  wrap: 0x0106,
  unwrap: 0x0107,
  sign: 0x0108,
  signRecover: 0x0109,
  verify: 0x010a,
  verifyRecover: 0x010b,
  derive: 0x010c,
  startDate: 0x0110,
  endDate: 0x0111,
  modulus: 0x0120,
  modulusBits: 0x0121,
  publicExponent: 0x0122,
  publicKeyInfo: 0x0129,
  trusted: 0x0086,
  extractable: 0x0162,
  local: 0x0163,
  neverExtractable: 0x0164,
  alwaysSensitive: 0x0165,
  keyGenMechanism: 0x0166,
  modifiable: 0x0170,
  copyable: 0x0171,
  destroyable: 0x0172,
  ecParams: 0x0180,
  ecPoint: 0x0181,
  alwaysAuthenticate: 0x0202,
  wrapWithTrusted: 0x0210,
  wrapTemplate: 0x4000_0211,
  unwrapTemplate: 0x4000_0212,
  allowedMechanisms: 0x4000_0600,
  encryptedAuth: 0x8f00_0001,
  publicBlob: 0x8f00_0002,
  privateBlob: 0x8f00_0003,
} as const;

/** CK_OBJECT_CLASS. */
export const CLASS = { publicKey: 2, privateKey: 3 } as const;

/** CK_MECHANISM_TYPE and CK_KEY_TYPE by algorithm: RSA PKCS#1 v1.5, plain and over SHA-2; ECDSA, plain and over SHA-2. */
const KINDS = {
  rsa: { keyType: 0, generate: 0x0000, mechanisms: [0x0001, 0x0003, 0x0040, 0x0041, 0x0042] },
  ec: { keyType: 3, generate: 0x1040, mechanisms: [0x1041, 0x1044, 0x1045, 0x1046] },
} as const;

/** DER of the OBJECT IDENTIFIERs prime256v1 and secp384r1 (RFC 5480, 2.1.1.1), by the octets of a coordinate. */
const CURVE_PARAMETERS: ReadonlyMap<number, string> = new Map([
  [32, "06082a8648ce3d030107"],
  [48, "06052b81040022"],
]);

/** A value as the library stores it: strings are hexadecimal. */
type StoredValue = boolean | number | string | readonly number[];
type StoredAttributes = readonly (readonly [attribute: number, value: StoredValue])[];

/** A key pair before it is stored. `id` pairs the halves; `encryptedAuth` is the authorisation as `wrapAuth` gives it. */
export type NewKey = {
  readonly label: string;
  readonly id: Uint8Array;
  readonly area: PublicArea;
  readonly publicBlob: Uint8Array;
  readonly privateBlob: Uint8Array;
  readonly encryptedAuth: string;
};

/** The two rows of a key pair: the public half and the private one, with all attributes that the library looks for. */
export function keyRows(key: NewKey): readonly [StoredAttributes, StoredAttributes] {
  const { area } = key;
  const has = (word: string): boolean => area.attributes.includes(word);
  const stays = has("fixedtpm") && has("fixedparent");
  const common = commonAttributes(key);
  const publicHalf: StoredAttributes = [
    ...common,
    [ATTRIBUTE.class, CLASS.publicKey],
    [ATTRIBUTE.private, false],
    [ATTRIBUTE.encrypt, has("decrypt")],
    [ATTRIBUTE.verify, has("sign")],
    [ATTRIBUTE.verifyRecover, false],
    [ATTRIBUTE.wrap, false],
    [ATTRIBUTE.trusted, false],
    [ATTRIBUTE.wrapTemplate, ""],
  ];
  const privateHalf: StoredAttributes = [
    ...common,
    [ATTRIBUTE.class, CLASS.privateKey],
    [ATTRIBUTE.private, true],
    [ATTRIBUTE.sign, has("sign")],
    [ATTRIBUTE.decrypt, has("decrypt")],
    [ATTRIBUTE.sensitive, true],
    [ATTRIBUTE.alwaysSensitive, stays],
    [ATTRIBUTE.extractable, !stays],
    [ATTRIBUTE.neverExtractable, stays],
    [ATTRIBUTE.alwaysAuthenticate, false],
    [ATTRIBUTE.signRecover, false],
    [ATTRIBUTE.unwrap, false],
    [ATTRIBUTE.wrapWithTrusted, false],
    [ATTRIBUTE.unwrapTemplate, ""],
    [ATTRIBUTE.privateBlob, hex(key.privateBlob)],
    [ATTRIBUTE.encryptedAuth, hex(Buffer.from(key.encryptedAuth))],
  ];
  return [publicHalf, privateHalf];
}

function commonAttributes({ label, id, area, publicBlob }: NewKey): StoredAttributes {
  const kind = KINDS[area.numbers.kind];
  return [
    [ATTRIBUTE.token, true],
    [ATTRIBUTE.label, hex(Buffer.from(label))],
    [ATTRIBUTE.id, hex(id)],
    [ATTRIBUTE.keyType, kind.keyType],
    [ATTRIBUTE.keyGenMechanism, kind.generate],
    [ATTRIBUTE.allowedMechanisms, kind.mechanisms],
    [ATTRIBUTE.local, area.attributes.includes("sensitivedataorigin")],
    [ATTRIBUTE.derive, false],
    [ATTRIBUTE.modifiable, false],
    [ATTRIBUTE.copyable, false],
    [ATTRIBUTE.destroyable, true],
    [ATTRIBUTE.subject, ""],
    [ATTRIBUTE.startDate, ""],
    [ATTRIBUTE.endDate, ""],
    [ATTRIBUTE.publicKeyInfo, ""],
    [ATTRIBUTE.publicBlob, hex(publicBlob)],
    ...numbersOf(area),
  ];
}

function numbersOf({ numbers }: PublicArea): StoredAttributes {
  if (numbers.kind === "rsa") {
    return [
      [ATTRIBUTE.modulus, hex(numbers.modulus)],
      [ATTRIBUTE.modulusBits, numbers.modulus.length * 8],
      [ATTRIBUTE.publicExponent, hex(numbers.exponent)],
    ];
  }
  // An OCTET STRING (04) with the uncompressed point (04): PKCS#11 2.40, 2.3.3. Its length is below 128, so one octet.
  const point = Buffer.concat([Buffer.of(0x04), numbers.x, numbers.y]);
  return [
    [ATTRIBUTE.ecParams, CURVE_PARAMETERS.get(numbers.x.length) ?? ""],
    [ATTRIBUTE.ecPoint, hex(Buffer.concat([Buffer.of(0x04, point.length), point]))],
  ];
}

/** The library's own YAML: a map from attribute to value with explicit tags. */
export function attributesText(attributes: StoredAttributes): string {
  const entries = attributes.map(([attribute, value]) => `  ? !!int "${attribute}"\n  : ${valueText(value)},\n`);
  return `---\n!!map {\n${entries.join("")}}\n...\n`;
}

function valueText(value: StoredValue): string {
  if (typeof value === "string") return `!!str "${value}"`;
  if (typeof value === "number") return `!!int "${value}"`;
  if (typeof value === "boolean") return `!!bool "${value}"`;
  return `!!seq [\n${value.map((item) => `    !!int "${item}",\n`).join("")}  ]`;
}

/** Reads the library's YAML, which may name an attribute twice, and that of tpm2_ptool; the last value counts. Throws when it is no map. */
export function parseAttributes(text: string): ReadonlyMap<unknown, unknown> {
  const document = parseDocument(text, { uniqueKeys: false, logLevel: "silent" });
  const value: unknown = document.toJS({ mapAsMap: true });
  if (document.errors.length > 0 || !(value instanceof Map))
    throw new Error("the attributes of a stored object are no YAML map");
  return value;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
