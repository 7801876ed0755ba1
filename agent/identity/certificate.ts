import { createPublicKey, X509Certificate } from "node:crypto";
import asn1 from "node-forge/lib/asn1.js";
import type { Clock } from "../core/clock.ts";
import { AgentError, messageOf } from "../core/errors.ts";
import { validityFault } from "../core/validity.ts";
import type { KeyFacts } from "../ports/key-store.ts";

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
/** A chain is short; more is not one. */
const MAX_CERTIFICATES = 10;
/** Extension and purpose (RFC 5280, 4.2.1.3 and 4.2.1.12). */
const KEY_USAGE = "2.5.29.15";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
/** Bit 0 of keyUsage, the highest of its first octet. */
const DIGITAL_SIGNATURE = 0x80;
/** A certificate's extensions are under the explicit tag 3 (RFC 5280, 4.1). */
const EXTENSIONS_TAG = 3;

/** A device certificate and those of its authorities that came with it, the issuer of each after it. */
export type CertificateChain = { readonly leaf: X509Certificate; readonly authorities: readonly X509Certificate[] };

/** What people and the cloud want to know of a certificate. */
export type CertificateFacts = {
  readonly subject: string;
  readonly issuer: string;
  readonly serialNumber: string;
  /** RFC 3339, UTC. */
  readonly notBefore: string;
  readonly notAfter: string;
  readonly subjectAltName: string;
  /** SHA-256 of the DER, lower-case hexadecimal: the certificate id of AWS IoT. */
  readonly certificateId: string;
};

/** Reads PEM with one certificate or a chain. `source` names it in messages. Throws `identity.certificate-unfit`. */
export function parseChain(pem: string, source: string): CertificateChain {
  const blocks = pem.match(BLOCK) ?? [];
  if (blocks.length > MAX_CERTIFICATES) throw unfit(source, `it holds ${blocks.length} certificates`);
  const certificates = blocks.map((block) => parsed(block, source));
  const [leaf, ...authorities] = certificates;
  if (leaf === undefined) throw unfit(source, "it holds no certificate in PEM");
  return { leaf, authorities };
}

export function certificateFacts(certificate: X509Certificate): CertificateFacts {
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    serialNumber: certificate.serialNumber,
    notBefore: new Date(certificate.validFrom).toISOString(),
    notAfter: new Date(certificate.validTo).toISOString(),
    subjectAltName: certificate.subjectAltName ?? "",
    certificateId: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
  };
}

/** Throws `identity.certificate-mismatch` when the certificate is for another key. */
export function requireMatch({ leaf }: CertificateChain, key: KeyFacts, source: string): void {
  if (createPublicKey(key.publicKeyPem).equals(leaf.publicKey)) return;
  throw new AgentError("identity.certificate-mismatch", {
    what: `${source} is not for the key "${key.label}" in the TPM: it was issued for another public key`,
    remedy: "have a certificate issued for the request of that key: causeway csr",
  });
}

/**
 * Whether a device can authenticate itself with the chain: each certificate signed by the next one, a leaf that may sign and authenticate a client,
 * within its life. Throws `identity.certificate-unfit` and what `validityFault` gives.
 */
export function requireUsable(chain: CertificateChain, source: string, clock: Clock): void {
  const { leaf, authorities } = chain;
  if (leaf.ca) throw unfit(source, "its first certificate is that of an authority");
  authorities.reduce((issued, authority) => {
    if (issued.checkIssued(authority) && issued.verify(authority.publicKey)) return authority;
    throw unfit(
      source,
      `"${oneLine(issued.subject)}" was not issued by "${oneLine(authority.subject)}", which comes after it`,
    );
  }, leaf);
  const purposes: readonly string[] | undefined = leaf.keyUsage;
  if (purposes !== undefined && purposes.length > 0 && !purposes.includes(CLIENT_AUTH)) {
    throw unfit(source, "its extended key usage does not allow client authentication");
  }
  if (!allowsSignature(leaf)) throw unfit(source, "its key usage does not allow digital signatures");
  const fault = validityFault(source, certificateFacts(leaf), clock);
  if (fault !== undefined) throw fault;
}

/** node:crypto tells the extended key usage only. A certificate without the extension may be used for everything. */
function allowsSignature(certificate: X509Certificate): boolean {
  const toBeSigned = childrenOf(asn1.fromDer(certificate.raw.toString("binary")))[0];
  const extensions = childrenOf(toBeSigned).find(
    ({ tagClass, type }) => tagClass === asn1.Class.CONTEXT_SPECIFIC && Number(type) === EXTENSIONS_TAG,
  );
  const usage = childrenOf(childrenOf(extensions)[0])
    .map((extension) => childrenOf(extension))
    .find(([id]) => typeof id?.value === "string" && asn1.derToOid(id.value) === KEY_USAGE)
    ?.at(-1)?.value;
  if (typeof usage !== "string") return true;
  // BIT STRING inside the OCTET STRING: tag, length, count of unused bits, bits.
  return ((usage.charCodeAt(3) || 0) & DIGITAL_SIGNATURE) !== 0;
}

function childrenOf(node: asn1.Asn1 | undefined): readonly asn1.Asn1[] {
  return node !== undefined && typeof node.value !== "string" ? node.value : [];
}

function parsed(block: string, source: string): X509Certificate {
  try {
    return new X509Certificate(block);
  } catch (error) {
    throw unfit(source, messageOf(error), error);
  }
}

function unfit(source: string, problem: string, cause?: unknown): AgentError {
  return new AgentError("identity.certificate-unfit", {
    what: `${source} cannot be the device's certificate: ${problem}`,
    remedy: "give the device's own certificate in PEM, then those of the authorities that issued it, in order",
    cause,
  });
}

function oneLine(name: string): string {
  return name.replaceAll("\n", ", ");
}
