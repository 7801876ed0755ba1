import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type CertificateContent,
  type NameEntry,
  revocationListOf,
  signedPemOf,
  toBeSignedOf,
} from "./certificate-encoding.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const AUTHORITY_NAME = "Causeway bench CA";

/** What a certificate is asked for. Without `publicKeyPem` the authority makes the key pair too (EC P-256). */
export type CertificateRequest = {
  readonly commonName: string;
  /** SubjectPublicKeyInfo as PEM, for a key that stays where it is. */
  readonly publicKeyPem?: string;
  readonly subjectAltNames?: readonly NameEntry[];
  readonly usage: "server" | "client";
  /** Life from now, days; 365 when absent. Below zero makes one that has already expired. */
  readonly days?: number;
  /** How long it has been valid already, ms; an hour when absent, which forgives a slow clock at the other end. Below zero makes one that is not yet valid. */
  readonly backdateMs?: number;
};

/** A certificate, and the private key (PKCS #8) when the authority made it. */
export type IssuedCertificate = { readonly certificatePem: string; readonly privateKeyPem: string | undefined };

/** A throw-away certificate authority (EC P-256, ECDSA with SHA-256) that both ends of the bench trust. */
export interface Authority {
  /** Its own certificate, PEM. */
  readonly caFile: string;
  issue(request: CertificateRequest): Promise<IssuedCertificate>;
}

/** An authority that can take back what it issued. */
export interface RevokingAuthority extends Authority {
  /** The revocation list, PEM; there from the start. */
  readonly crlFile: string;
  /** Puts a certificate (PEM) on the list and writes the file anew. */
  revoke(certificatePem: string): void;
}

/** Makes a new authority whose files are `folder`/ca.pem and `folder`/ca.key (0600). `folder` is made when it is missing. */
export function createAuthority(folder: string): RevokingAuthority {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const key = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const keyPem = key.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const now = Date.now();
  const issuerKey = spkiOf(key.publicKey.export({ type: "spki", format: "pem" }).toString());
  const content: CertificateContent = {
    serial: newSerial(),
    issuer: AUTHORITY_NAME,
    subject: AUTHORITY_NAME,
    notBefore: new Date(now - HOUR_MS),
    notAfter: new Date(now + 3650 * DAY_MS),
    subjectKey: issuerKey,
    issuerKey,
    role: "authority",
    subjectAltNames: [],
  };
  const caFile = join(folder, "ca.pem");
  writeFileSync(caFile, signed(content, keyPem), { mode: 0o644 });
  writeFileSync(join(folder, "ca.key"), keyPem, { mode: 0o600 });
  const crlFile = join(folder, "crl.pem");
  const serials: Uint8Array[] = [];
  const publish = (): void => {
    const thisUpdate = new Date(Date.now() - HOUR_MS);
    const nextUpdate = new Date(Date.now() + 3650 * DAY_MS);
    const number = serials.length + 1;
    const list = revocationListOf({ issuer: AUTHORITY_NAME, issuerKey, number, thisUpdate, nextUpdate, serials });
    writeFileSync(`${crlFile}.new`, signedPemOf("X509 CRL", list, sign("sha256", list, createPrivateKey(keyPem))));
    renameSync(`${crlFile}.new`, crlFile);
  };
  publish();
  return {
    caFile,
    crlFile,
    issue: (request) => Promise.resolve(issueWith(request, issuerKey, keyPem)),
    revoke: (certificatePem) => {
      serials.push(Buffer.from(new X509Certificate(certificatePem).serialNumber, "hex"));
      publish();
    },
  };
}

/** Writes `folder`/`name`.pem, and `name`.key (0600) when there is a private key; gives both paths. */
export function writeIdentity(
  folder: string,
  name: string,
  issued: IssuedCertificate,
): { readonly certificateFile: string; readonly keyFile: string } {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const certificateFile = join(folder, `${name}.pem`);
  const keyFile = join(folder, `${name}.key`);
  writeFileSync(certificateFile, issued.certificatePem, { mode: 0o644 });
  if (issued.privateKeyPem !== undefined) writeFileSync(keyFile, issued.privateKeyPem, { mode: 0o600 });
  return { certificateFile, keyFile };
}

function issueWith(request: CertificateRequest, issuerKey: Uint8Array, authorityKeyPem: string): IssuedCertificate {
  const made = request.publicKeyPem === undefined ? generateKeyPairSync("ec", { namedCurve: "prime256v1" }) : undefined;
  const publicKeyPem = made?.publicKey.export({ type: "spki", format: "pem" }).toString() ?? request.publicKeyPem ?? "";
  const notAfter = Date.now() + (request.days ?? 365) * DAY_MS;
  const content: CertificateContent = {
    serial: newSerial(),
    issuer: AUTHORITY_NAME,
    subject: request.commonName,
    notBefore: new Date(Math.min(Date.now(), notAfter) - (request.backdateMs ?? HOUR_MS)),
    notAfter: new Date(notAfter),
    subjectKey: spkiOf(publicKeyPem),
    issuerKey,
    role: request.usage,
    subjectAltNames: request.subjectAltNames ?? [],
  };
  return {
    certificatePem: signed(content, authorityKeyPem),
    privateKeyPem: made?.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

function signed(content: CertificateContent, keyPem: string): string {
  const toBeSigned = toBeSignedOf(content);
  return signedPemOf("CERTIFICATE", toBeSigned, sign("sha256", toBeSigned, createPrivateKey(keyPem)));
}

function spkiOf(publicKeyPem: string): Uint8Array {
  return createPublicKey(publicKeyPem).export({ type: "spki", format: "der" });
}

/** 16 random bytes, positive: RFC 5280, 4.1.2.2 wants it unique and at most 20 octets. */
function newSerial(): Uint8Array {
  const serial = randomBytes(16);
  serial[0] = (serial[0] & 0x7f) | 0x40;
  return serial;
}
