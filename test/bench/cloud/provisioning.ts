import { createHash, createPublicKey, randomBytes, verify, X509Certificate } from "node:crypto";
import { z } from "zod";
import type { Authority } from "./certificate-authority.ts";
import { requestPartsOf } from "./certificate-encoding.ts";

/** How far a certificate is (AWS IoT: certificate status). */
export type CertificateState = "PENDING_ACTIVATION" | "ACTIVE" | "INACTIVE" | "REVOKED";

/** A certificate that the service issued. `principal` is its common name, by which the broker knows its holder. */
export type CloudCertificate = {
  readonly certificateId: string;
  readonly certificatePem: string;
  readonly principal: string;
  state: CertificateState;
  thing: string | undefined;
};

/** What the service does with a request; mutable, so that a test can change it on the way. */
export type ProvisioningSettings = {
  /** Life of the next certificates, days; a fraction makes short ones. */
  certificateDays: number;
  /** How long ago the next certificates became valid, ms. */
  backdateMs: number;
  /** Life of an ownership token, ms; an hour at AWS. */
  tokenLifeMs: number;
  /** Serial numbers that the pre-provisioning hook lets in. */
  readonly allowedSerials: Set<string>;
};

/** Body of a rejection. */
export type ProvisioningError = {
  readonly statusCode: number;
  readonly errorCode: string;
  readonly errorMessage: string;
};
export type ProvisioningAnswer =
  | { readonly accepted: Readonly<Record<string, unknown>> }
  | { readonly rejected: ProvisioningError };

/** A template that makes a thing for a serial number, and one that gives a thing that is there a further certificate. */
export const TEMPLATES = { fleet: "causeway-fleet", rotation: "causeway-rotation" } as const;

const csrRequest = z.object({ certificateSigningRequest: z.string().max(10_000) });
const registerRequest = z.object({
  certificateOwnershipToken: z.string(),
  parameters: z.record(z.string(), z.string()).default({}),
});

type Token = { readonly certificate: CloudCertificate; readonly expiresAtMs: number };

/** Fleet provisioning: certificates from requests, ownership tokens, templates with their hook. */
export class Provisioning {
  readonly certificates = new Map<string, CloudCertificate>();
  readonly settings: ProvisioningSettings = {
    certificateDays: 30,
    backdateMs: 60_000,
    tokenLifeMs: 3_600_000,
    allowedSerials: new Set(),
  };
  /** Every ownership token that was handed out: secrets, which must show up nowhere else. */
  readonly issuedTokens: string[] = [];
  readonly #authority: Authority;
  readonly #tokens = new Map<string, Token>();

  constructor(authority: Authority) {
    this.#authority = authority;
  }

  /** CreateCertificateFromCsr. The certificate can do nothing until it is registered. */
  async createFromCsr(body: unknown): Promise<ProvisioningAnswer> {
    const parsed = csrRequest.safeParse(body);
    const publicKeyPem = parsed.success ? checkedKey(parsed.data.certificateSigningRequest) : undefined;
    if (publicKeyPem === undefined) return rejected(400, "InvalidCertificateSigningRequest", "the CSR is not valid");
    const principal = randomBytes(16).toString("hex");
    const { certificateDays: days, backdateMs } = this.settings;
    const issued = await this.#authority.issue({
      commonName: principal,
      usage: "client",
      publicKeyPem,
      days,
      backdateMs,
    });
    const { certificatePem } = issued;
    const certificateId = certificateIdOf(certificatePem);
    const certificate: CloudCertificate = {
      certificateId,
      certificatePem,
      principal,
      state: "PENDING_ACTIVATION",
      thing: undefined,
    };
    this.certificates.set(certificateId, certificate);
    const certificateOwnershipToken = randomBytes(32).toString("base64");
    this.issuedTokens.push(certificateOwnershipToken);
    this.#tokens.set(certificateOwnershipToken, {
      certificate,
      expiresAtMs: Date.now() + this.settings.tokenLifeMs,
    });
    return { accepted: { certificateId, certificatePem, certificateOwnershipToken } };
  }

  /** RegisterThing. `admit` gives the certificate the thing's permissions at the broker. */
  async registerThing(
    template: string,
    body: unknown,
    admit: (certificate: CloudCertificate, thing: string) => Promise<void>,
  ): Promise<ProvisioningAnswer> {
    const parsed = registerRequest.safeParse(body);
    if (!parsed.success) return rejected(400, "InvalidPayload", "Message cannot be parsed");
    const { certificateOwnershipToken, parameters } = parsed.data;
    const token = this.#tokens.get(certificateOwnershipToken);
    if (token === undefined || token.expiresAtMs <= Date.now()) {
      return rejected(400, "InvalidCertificateOwnershipToken", "the token is unknown, used or expired");
    }
    const thing = this.#thingOf(template, parameters);
    if (typeof thing !== "string") return thing;
    this.#tokens.delete(certificateOwnershipToken);
    token.certificate.state = "ACTIVE";
    token.certificate.thing = thing;
    await admit(token.certificate, thing);
    return { accepted: { thingName: thing, deviceConfiguration: { fleet: "bench" } } };
  }

  /** Certificates of a thing in this state. */
  of(thing: string, state: CertificateState): readonly CloudCertificate[] {
    return [...this.certificates.values()].filter((one) => one.thing === thing && one.state === state);
  }

  #thingOf(template: string, parameters: Readonly<Record<string, string>>): string | ProvisioningAnswer {
    if (template === TEMPLATES.fleet) {
      const { SerialNumber: serial } = parameters;
      if (serial === undefined) return rejected(400, "InvalidParameters", "SerialNumber is missing");
      return this.settings.allowedSerials.has(serial)
        ? serial
        : rejected(403, "AccessDenied", "the pre-provisioning hook refused the request");
    }
    if (template === TEMPLATES.rotation) {
      const { ThingName: thing } = parameters;
      const isKnown = [...this.certificates.values()].some((one) => one.thing === thing);
      return thing !== undefined && isKnown
        ? thing
        : rejected(403, "AccessDenied", "only a thing that is registered may rotate its certificate");
    }
    return rejected(404, "ResourceNotFound", `there is no template ${template}`);
  }
}

/** AWS IoT names a certificate by the SHA-256 of its DER, lower-case hexadecimal. */
export function certificateIdOf(certificatePem: string): string {
  return createHash("sha256").update(new X509Certificate(certificatePem).raw).digest("hex");
}

/** The public key of a request whose signature is its own, as PEM; undefined for anything else. */
function checkedKey(csrPem: string): string | undefined {
  try {
    const { signed, publicKey, signature } = requestPartsOf(csrPem);
    const key = createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" });
    return verify("sha256", signed, key, signature)
      ? key.export({ type: "spki", format: "pem" }).toString()
      : undefined;
  } catch {
    // What a device sends may be anything: the answer is the rejection.
    return undefined;
  }
}

function rejected(statusCode: number, errorCode: string, errorMessage: string): ProvisioningAnswer {
  return { rejected: { statusCode, errorCode, errorMessage } };
}
