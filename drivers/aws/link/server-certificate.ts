import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { DetailedPeerCertificate } from "node:tls";

/** Longest chain that is followed. */
const MAX_DEPTH = 10;

/** What a server showed of itself: names for people, times as in the certificate. */
export type ServerCertificate = {
  readonly subject: string;
  readonly issuer: string;
  /** RFC 3339, UTC. */
  readonly notBefore: string;
  readonly notAfter: string;
  readonly subjectAltName: string;
};

/** Why a server's certificate is not to be trusted. */
export type ChainProblem = {
  readonly code:
    | "broker.tls-failed"
    | "broker.certificate-expired"
    | "broker.name-mismatch"
    | "broker.certificate-untrusted";
  readonly what: string;
};

/** The certificates that the server sent, its own first. */
export function chainOf(peer: DetailedPeerCertificate): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let current: DetailedPeerCertificate | undefined = peer;
  while (current?.raw !== undefined && chain.length < MAX_DEPTH) {
    chain.push(new X509Certificate(current.raw));
    current = current.issuerCertificate === current ? undefined : current.issuerCertificate;
  }
  return chain;
}

/** What there is to know of one certificate. */
export function describeCertificate(certificate: X509Certificate): ServerCertificate {
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    notBefore: new Date(certificate.validFrom).toISOString(),
    notAfter: new Date(certificate.validTo).toISOString(),
    subjectAltName: certificate.subjectAltName ?? "",
  };
}

/**
 * Why this chain is not to be trusted for `host`, or undefined when it is: time, name, then the way to one of the authorities in
 * `trustedPem`. A check for people after a handshake went wrong; the TLS library has the say on every connection.
 */
export function chainProblem(
  chain: readonly X509Certificate[],
  host: string,
  trustedPem: string,
  nowMs: number,
): ChainProblem | undefined {
  const leaf = chain[0];
  if (leaf === undefined) return { code: "broker.tls-failed", what: "it showed no certificate" };
  const subject = oneLine(leaf.subject);
  const { notBefore, notAfter } = describeCertificate(leaf);
  if (nowMs > Date.parse(notAfter)) {
    return { code: "broker.certificate-expired", what: `its certificate (${subject}) expired on ${notAfter}` };
  }
  if (nowMs < Date.parse(notBefore)) {
    return {
      code: "broker.certificate-expired",
      what: `its certificate (${subject}) is not valid before ${notBefore}`,
    };
  }
  const matches = isIP(host) === 0 ? leaf.checkHost(host) : leaf.checkIP(host);
  if (matches === undefined) {
    const what = `its certificate is for ${leaf.subjectAltName ?? subject}, not for ${host}`;
    return { code: "broker.name-mismatch", what };
  }
  if (isTrusted(chain, authoritiesOf(trustedPem))) return undefined;
  const issuer = oneLine(chain.at(-1)?.issuer ?? leaf.issuer);
  const what = `its certificate (${subject}) was issued by an unknown authority (${issuer})`;
  return { code: "broker.certificate-untrusted", what };
}

function isTrusted(chain: readonly X509Certificate[], authorities: readonly X509Certificate[]): boolean {
  let current = chain[0];
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    if (authorities.some((authority) => isSame(authority, current) || isIssued(current, authority))) return true;
    const issuer = chain.find((candidate) => !isSame(candidate, current) && isIssued(current, candidate));
    if (issuer === undefined) return false;
    current = issuer;
  }
  return false;
}

function isSame(a: X509Certificate, b: X509Certificate): boolean {
  return a.fingerprint256 === b.fingerprint256;
}

function isIssued(subject: X509Certificate, issuer: X509Certificate): boolean {
  return subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
}

function authoritiesOf(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

function oneLine(name: string): string {
  return name.replaceAll("\n", ", ");
}
