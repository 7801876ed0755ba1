import { createHash } from "node:crypto";
import forge from "node-forge";
import { binary, der, explicit, oid, primitive, sequence, setOf, tagged } from "../../../drivers/tpm/worker/der.ts";

const { asn1 } = forge;
const { Type } = asn1;
type Asn1 = forge.asn1.Asn1;

/** ecdsa-with-SHA256 (RFC 5758, 3.2). */
const ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2";
/** Attribute, extensions and purposes (RFC 5280, appendix A and 4.2.1). */
const OID = {
  commonName: "2.5.4.3",
  crlNumber: "2.5.29.20",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
} as const;

/** One subject alternative name. An IP address is IPv4, dotted. */
export type NameEntry = { readonly kind: "dns" | "ip"; readonly value: string };

/** Everything that goes into a certificate but the signature. Keys are DER SubjectPublicKeyInfo. */
export type CertificateContent = {
  readonly serial: Uint8Array;
  readonly issuer: string;
  readonly subject: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly subjectKey: Uint8Array;
  readonly issuerKey: Uint8Array;
  readonly role: "authority" | "server" | "client";
  readonly subjectAltNames: readonly NameEntry[];
};

/** DER of the TBSCertificate (RFC 5280, 4.1), version 3, to be signed with ECDSA and SHA-256. */
export function toBeSignedOf(content: CertificateContent): Uint8Array {
  const fields = [
    explicit(0, [primitive(Type.INTEGER, "\x02")]),
    primitive(Type.INTEGER, binary(content.serial)),
    signatureAlgorithm(),
    nameOf(content.issuer),
    sequence([timeOf(content.notBefore), timeOf(content.notAfter)]),
    nameOf(content.subject),
    asn1.fromDer(binary(content.subjectKey)),
    explicit(3, [sequence(extensionsOf(content))]),
  ];
  return der(sequence(fields));
}

/** The certificate or the revocation list as PEM, from its signed part and the DER ECDSA signature over it. */
export function signedPemOf(kind: "CERTIFICATE" | "X509 CRL", toBeSigned: Uint8Array, signature: Uint8Array): string {
  const bitString = primitive(Type.BITSTRING, `\x00${binary(signature)}`);
  const body = der(sequence([asn1.fromDer(binary(toBeSigned)), signatureAlgorithm(), bitString]));
  const lines =
    Buffer.from(body)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${kind}-----\n${lines.join("\n")}\n-----END ${kind}-----\n`;
}

/** What goes into a certificate revocation list but the signature. `number` grows with every list. */
export type RevocationContent = {
  readonly issuer: string;
  readonly issuerKey: Uint8Array;
  readonly number: number;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly serials: readonly Uint8Array[];
};

/** DER of the TBSCertList (RFC 5280, 5.1), version 2, to be signed with ECDSA and SHA-256. */
export function revocationListOf(content: RevocationContent): Uint8Array {
  const { issuer, issuerKey, number, thisUpdate, nextUpdate, serials } = content;
  const revoked = serials.map((serial) => sequence([primitive(Type.INTEGER, binary(serial)), timeOf(thisUpdate)]));
  const extensions = [
    extension(OID.authorityKeyIdentifier, false, sequence([tagged(0, keyIdOf(issuerKey))])),
    extension(OID.crlNumber, false, primitive(Type.INTEGER, asn1.integerToDer(number).getBytes())),
  ];
  return der(
    sequence([
      primitive(Type.INTEGER, "\x01"),
      signatureAlgorithm(),
      nameOf(issuer),
      timeOf(thisUpdate),
      timeOf(nextUpdate),
      ...(revoked.length === 0 ? [] : [sequence(revoked)]),
      explicit(0, [sequence(extensions)]),
    ]),
  );
}

/** The parts of a certification request (PKCS #10, RFC 2986, 4): DER of what was signed and of the SubjectPublicKeyInfo, and the signature. */
export type RequestParts = {
  readonly signed: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
};

/** Takes a certification request apart. Throws when it is not one. */
export function requestPartsOf(pem: string): RequestParts {
  const body = /-----BEGIN CERTIFICATE REQUEST-----([\s\S]+?)-----END CERTIFICATE REQUEST-----/.exec(pem)?.[1];
  if (body === undefined) throw new Error("no certification request in PEM");
  // Taken apart by hand: the parser of the package also reads what is inside bit strings, and loses how it came.
  const [request] = elementsOf(Buffer.from(body, "base64"));
  const [info, , signature] = request === undefined ? [] : elementsOf(request.content);
  const publicKey = info === undefined ? undefined : elementsOf(info.content)[2];
  if (info === undefined || publicKey === undefined || signature === undefined) throw new Error("no PKCS #10");
  // The first octet of a bit string counts the unused bits of its last one.
  return { signed: info.whole, publicKey: publicKey.whole, signature: signature.content.subarray(1) };
}

type Element = { readonly whole: Uint8Array; readonly content: Uint8Array };

/** The elements one after another in these bytes (DER: X.690, 8.1). */
function elementsOf(bytes: Uint8Array): readonly Element[] {
  const elements: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at + 1];
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    const start = at + 2 + lengthBytes;
    const length = first < 0x80 ? first : Buffer.from(bytes.subarray(at + 2, start)).readUIntBE(0, lengthBytes);
    elements.push({ whole: bytes.subarray(at, start + length), content: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return elements;
}

function extensionsOf(content: CertificateContent): Asn1[] {
  const isAuthority = content.role === "authority";
  const constraints = isAuthority ? [primitive(Type.BOOLEAN, "\xff")] : [];
  // keyCertSign and cRLSign are bits 5 and 6, digitalSignature is bit 0 (RFC 5280, 4.2.1.3); the first octet counts unused bits.
  const usage = isAuthority ? "\x01\x06" : "\x07\x80";
  const extensions = [
    extension(OID.basicConstraints, true, sequence(constraints)),
    extension(OID.keyUsage, true, primitive(Type.BITSTRING, usage)),
    extension(OID.subjectKeyIdentifier, false, primitive(Type.OCTETSTRING, keyIdOf(content.subjectKey))),
    extension(OID.authorityKeyIdentifier, false, sequence([tagged(0, keyIdOf(content.issuerKey))])),
  ];
  if (!isAuthority) {
    const purpose = content.role === "server" ? OID.serverAuth : OID.clientAuth;
    extensions.push(extension(OID.extendedKeyUsage, false, sequence([oid(purpose)])));
  }
  if (content.subjectAltNames.length > 0) {
    extensions.push(extension(OID.subjectAltName, false, sequence(content.subjectAltNames.map(alternative))));
  }
  return extensions;
}

function extension(id: string, critical: boolean, value: Asn1): Asn1 {
  const flag = critical ? [primitive(Type.BOOLEAN, "\xff")] : [];
  return sequence([oid(id), ...flag, primitive(Type.OCTETSTRING, asn1.toDer(value).getBytes())]);
}

/** dNSName is [2], iPAddress is [7] (RFC 5280, 4.2.1.6). */
function alternative(name: NameEntry): Asn1 {
  if (name.kind === "dns") return tagged(2, name.value);
  return tagged(7, String.fromCharCode(...addressBytes(name.value)));
}

/** The bytes of an IPv4 or IPv6 address (RFC 5280, 4.2.1.6). */
function addressBytes(address: string): readonly number[] {
  if (!address.includes(":")) return address.split(".").map(Number);
  const [head, tail = []] = address.split("::").map((side) => side.split(":").filter((group) => group !== ""));
  const gap = address.includes("::") ? Array.from({ length: 8 - head.length - tail.length }, () => "0") : [];
  return [...head, ...gap, ...tail]
    .map((group) => Number.parseInt(group, 16))
    .flatMap((group) => [group >> 8, group & 255]);
}

/** One RDN with a common name (RFC 5280, 4.1.2.4), as UTF8String. */
function nameOf(commonName: string): Asn1 {
  const attribute = sequence([oid(OID.commonName), primitive(Type.UTF8, forge.util.encodeUtf8(commonName))]);
  return sequence([setOf([attribute])]);
}

/** SHA-1 over the key bits, as RFC 5280, 4.2.1.2 suggests; the last 65 bytes of an EC P-256 SubjectPublicKeyInfo are the point. */
function keyIdOf(spki: Uint8Array): string {
  return createHash("sha1").update(spki.subarray(-65)).digest("binary");
}

function signatureAlgorithm(): Asn1 {
  return sequence([oid(ECDSA_WITH_SHA256)]);
}

/** UTCTime up to 2049, GeneralizedTime after it (RFC 5280, 4.1.2.5). */
function timeOf(date: Date): Asn1 {
  return date.getUTCFullYear() < 2050
    ? primitive(Type.UTCTIME, asn1.dateToUtcTime(date))
    : primitive(Type.GENERALIZEDTIME, asn1.dateToGeneralizedTime(date));
}
