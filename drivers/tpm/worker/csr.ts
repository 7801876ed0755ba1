import { createPublicKey } from "node:crypto";
import asn1 from "node-forge/lib/asn1.js";
import type { CsrSubject, KeyAlgorithm } from "../../../agent/ports/key-store.ts";
import { binary, der, explicit, oid, primitive, sequence, setOf, tagged } from "./der.ts";

const { Type } = asn1;
type Asn1 = asn1.Asn1;

/** Signature algorithms (RFC 5758, 3.2 and RFC 4055, 5), by key. */
const SIGNATURE = {
  "ec-p256": "1.2.840.10045.4.3.2",
  "ec-p384": "1.2.840.10045.4.3.3",
  "rsa-2048": "1.2.840.113549.1.1.11",
  "rsa-3072": "1.2.840.113549.1.1.11",
} as const;
/** Attribute types of names (RFC 5280, appendix A), the extension request (RFC 2985, 5.4.2) and the SAN extension (RFC 5280, 4.2.1.6). */
const OID = {
  country: "2.5.4.6",
  organization: "2.5.4.10",
  organizationalUnit: "2.5.4.11",
  commonName: "2.5.4.3",
  serialNumber: "2.5.4.5",
  extensionRequest: "1.2.840.113549.1.9.14",
  subjectAltName: "2.5.29.17",
} as const;

/** The key that a request is for. `sign` gives the signature as X.509 wants it: ECDSA as DER sequence of r and s, RSA as PKCS#1 v1.5. */
export type RequestKey = {
  readonly algorithm: KeyAlgorithm;
  readonly publicKeyPem: string;
  sign(toBeSigned: Uint8Array): Uint8Array;
};

/** A certification request (PKCS#10, RFC 2986) as PEM. */
export function certificationRequest(subject: CsrSubject, key: RequestKey): string {
  const publicKey = createPublicKey(key.publicKeyPem).export({ type: "spki", format: "der" });
  const information = sequence([
    primitive(Type.INTEGER, "\x00"),
    nameOf(subject),
    asn1.fromDer(binary(publicKey)),
    explicit(0, attributesOf(subject)),
  ]);
  const signature = key.sign(der(information));
  const body = der(
    sequence([information, algorithmOf(key.algorithm), primitive(Type.BITSTRING, `\x00${binary(signature)}`)]),
  );
  const lines =
    Buffer.from(body)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE REQUEST-----\n${lines.join("\n")}\n-----END CERTIFICATE REQUEST-----\n`;
}

function nameOf({ country, organization, organizationalUnit, commonName, serialNumber }: CsrSubject): Asn1 {
  // countryName and serialNumber are PrintableString by definition (RFC 5280, appendix A).
  return sequence([
    ...relativeName(OID.country, Type.PRINTABLESTRING, country),
    ...relativeName(OID.organization, Type.UTF8, organization),
    ...relativeName(OID.organizationalUnit, Type.UTF8, organizationalUnit),
    ...relativeName(OID.commonName, Type.UTF8, commonName),
    ...relativeName(OID.serialNumber, Type.PRINTABLESTRING, serialNumber),
  ]);
}

function relativeName(id: string, type: asn1.Type, value: string | undefined): Asn1[] {
  if (value === undefined) return [];
  return [setOf([sequence([oid(id), primitive(type, binary(Buffer.from(value, "utf8")))])])];
}

/** The extensions that are asked for; no attribute at all when there is no alternative name. */
function attributesOf({ uris, dnsNames }: CsrSubject): Asn1[] {
  // uniformResourceIdentifier is [6], dNSName is [2], both IA5String.
  const names = [...uris.map((uri) => tagged(6, uri)), ...dnsNames.map((name) => tagged(2, name))];
  if (names.length === 0) return [];
  const value = primitive(Type.OCTETSTRING, asn1.toDer(sequence(names)).getBytes());
  const extensions = sequence([sequence([oid(OID.subjectAltName), value])]);
  return [sequence([oid(OID.extensionRequest), setOf([extensions])])];
}

/** RSA signature algorithms carry a NULL parameter, ECDSA ones none (RFC 4055, 5; RFC 5758, 3.2). */
function algorithmOf(algorithm: KeyAlgorithm): Asn1 {
  const parameters = algorithm.startsWith("rsa-") ? [primitive(Type.NULL, "")] : [];
  return sequence([oid(SIGNATURE[algorithm]), ...parameters]);
}
