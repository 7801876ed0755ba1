import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { ClientTlsContext, TlsCipherPreference, type TlsContextOptions, TlsVersion } from "aws-crt/dist/native/io.js";
import { cryptoTrouble } from "../../../agent/core/crypto-trouble.ts";
import { AgentError, errnoOf, type FaultCode } from "../../../agent/core/errors.ts";
import { fileTrouble } from "../../../agent/core/file-trouble.ts";
import type { LinkCredential } from "../../../agent/ports/broker.ts";
import type { BrokerConfig } from "../../../config/schema.ts";

/** ALPN name that AWS IoT Core wants for MQTT with a client certificate on this port; other ports need none. */
const ALPN_PORT = 443;
const ALPN_NAME = "x-amzn-mqtt-ca";

/** What a connection to the broker asks of TLS: whom to trust, and how to speak. */
export type BrokerTls = Pick<BrokerConfig, "caFile" | "port" | "alpn" | "ciphers">;

/** The device's certificate and key for mutual TLS, and whom it trusts. */
export interface TlsIdentity {
  /** Where the key is, for people: "pkcs11:token=causeway;object=device" (RFC 7512) or the path of a key file. */
  readonly key: string;
  /** Path of the device's own certificate. */
  readonly certificateFile: string;
  readonly caFile: string;
  /**
   * A context with the files as they are now; the one from before as long as they are the same. The TPM is asked first whether it answers: making a
   * context keeps the calling thread, 30 to 40 ms with a software TPM, of which the login is 11 ms, and as long as a TPM hangs. Rejects with a
   * fault `identity.*`: `identity.tpm-timeout` when it does not answer in time or before `signal` aborts. After `identity.pin-wrong` it
   * rejects with the same again without asking the token.
   */
  openContext(signal: AbortSignal): Promise<ClientTlsContext>;
  /** `identity.tpm-timeout` when the TPM behind the key does not answer; undefined when it does, or the key is in a file. Never rejects. */
  tpmSilence(): Promise<AgentError | undefined>;
  /** The fault behind an aws-crt error name that tells of the token; undefined when the key is in a file. */
  keyFault(errorName: string): AgentError | undefined;
  /** Another key and certificate of the same device, over the same token. */
  with(credential: LinkCredential): TlsIdentity;
}

/** The library takes a least version or a policy, which names its own least version, but not both. */
const CIPHERS: Readonly<Record<BrokerConfig["ciphers"], TlsCipherPreference>> = {
  default: TlsCipherPreference.Default,
  "tls-1.2-2025-07": TlsCipherPreference.TLSv1_2_2025_07,
  "post-quantum": TlsCipherPreference.PQ_Default,
};

/** A context of these options, as the broker wants it. `trustedPem`: the authorities to trust. */
export function contextOf(
  options: TlsContextOptions,
  trustedPem: string,
  { port, alpn, ciphers }: BrokerTls,
): ClientTlsContext {
  options.override_default_trust_store(trustedPem);
  if (ciphers === "default") options.min_tls_version = TlsVersion.TLSv1_2;
  else options.tls_cipher_preference = CIPHERS[ciphers];
  if (alpn === "aws" || (alpn === "auto" && port === ALPN_PORT)) options.alpn_list = [ALPN_NAME];
  return new ClientTlsContext(options);
}

/** The file and what it holds: PEM text and the first certificate in it. Throws `identity.certificate-missing`. */
export function readCertificate(path: string): { readonly pem: string; readonly certificate: X509Certificate } {
  const remedy = "set identity.certificateFile to the certificate that was issued for this device, in PEM";
  const pem = readText(path, "identity.certificate-missing", "device certificate", remedy);
  return { pem, certificate: parsed(pem, path, "identity.certificate-missing", remedy) };
}

/** The certificates of the authorities to trust, as PEM. Throws `identity.ca-missing` when the file holds none. */
export function readCa(path: string): string {
  const remedy = "set broker.caFile to the broker's certificate authority in PEM (AWS IoT Core: AmazonRootCA1.pem)";
  const pem = readText(path, "identity.ca-missing", "CA file", remedy);
  parsed(pem, path, "identity.ca-missing", remedy);
  return pem;
}

function parsed(pem: string, path: string, code: FaultCode, remedy: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new AgentError(code, {
      what: `${path} holds no certificate in PEM: ${cryptoTrouble(error)}`,
      remedy,
      cause: error,
    });
  }
}

/** A text file of the identity; `thing` and `remedy` are for people. Throws `code` when it cannot be read. */
export function readText(path: string, code: FaultCode, thing: string, remedy: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const problem = errnoOf(error) === "ENOENT" ? "does not exist" : `cannot be read: ${fileTrouble(error)}`;
    throw new AgentError(code, { what: `the ${thing} ${path} ${problem}`, remedy, cause: error });
  }
}
