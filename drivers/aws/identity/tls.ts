import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { ClientTlsContext, TlsCipherPreference, TlsContextOptions, TlsVersion } from "aws-crt/dist/native/io.js";
import { AgentError, errnoOf, type FaultCode, messageOf } from "../../../agent/core/errors.ts";
import type { LinkCredential } from "../../../agent/ports/broker.ts";
import type { BrokerConfig, IdentityConfig } from "../../../config/schema.ts";
import { pkcs11Fault } from "./identity-faults.ts";
import { Pkcs11Token } from "./pkcs11-token.ts";

type Pkcs11Identity = Extract<IdentityConfig, { mode: "pkcs11" }>;
type FileIdentity = Extract<IdentityConfig, { mode: "file" }>;

/** ALPN name that AWS IoT Core wants for MQTT with a client certificate on this port; other ports need none. */
const ALPN_PORT = 443;
const ALPN_NAME = "x-amzn-mqtt-ca";

/** What is asked of the TPM apart from the library, whose calls may never return. */
export type TpmQuestions = {
  /** The fault when it does not answer in time, or before `signal` aborts; undefined when it answers. Never rejects. */
  silence(signal?: AbortSignal): Promise<AgentError | undefined>;
  /** The fault that says for how long it is in lockout; undefined when it is not. */
  lockoutFault(): Promise<AgentError | undefined>;
};

/** What a connection to the broker asks of TLS: whom to trust, and how to speak. */
export type BrokerTls = Pick<BrokerConfig, "caFile" | "port" | "alpn" | "ciphers">;

/** How a TLS identity is reached. `readPin` is called at most once. `verbose` lets the TPM libraries write to stderr. */
export type TlsParts = {
  readonly identity: IdentityConfig;
  readonly broker: BrokerTls;
  readonly readPin: () => string;
  /** Refuses a token store that others could read or exchange. */
  readonly checkStore: (storeDir: string) => void;
  readonly tpm: TpmQuestions;
  readonly verbose: boolean;
  /** Folder of this user's own, for `TlsIdentity.with` to find keys that were made since the process began. */
  readonly copyFolder?: string;
};

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

/** The identity that the configuration names. Opens nothing yet. */
export function createTlsIdentity(parts: TlsParts): TlsIdentity {
  const { identity, broker, readPin, checkStore, verbose, copyFolder } = parts;
  if (identity.mode === "file") return fileIdentity(identity, broker);
  return pkcs11Identity(identity, parts, new Pkcs11Token({ identity, readPin, checkStore, verbose, copyFolder }));
}

/** A key in a PKCS#11 token. One that is not found is looked for once more in the token as it is now. */
function pkcs11Identity(identity: Pkcs11Identity, parts: TlsParts, token: Pkcs11Token): TlsIdentity {
  const { certificateFile, tokenLabel, keyLabel } = identity;
  const { broker, tpm } = parts;
  const { caFile } = broker;
  const contextFor = (trusted: string, certificate: string): ClientTlsContext =>
    token.ask((library, pin) => {
      const options = TlsContextOptions.create_client_with_mtls_pkcs11({
        pkcs11_lib: library,
        user_pin: pin,
        token_label: tokenLabel,
        private_key_object_label: keyLabel,
        cert_file_contents: certificate,
      });
      return contextOf(options, trusted, broker);
    });
  /** A key that was made since the library was loaded is found by a library that is loaded anew. */
  const contextNow = (trusted: string, certificate: string): ClientTlsContext => {
    try {
      return contextFor(trusted, certificate);
    } catch (error) {
      const isUnseen = error instanceof AgentError && error.code === "identity.key-missing";
      if (!isUnseen || !token.reload()) throw error;
      return contextFor(trusted, certificate);
    }
  };
  /** The library calls a TPM in lockout a wrong PIN, and only the TPM itself can tell. After a lockout the PIN is tried again by the next context. */
  const behindRefusal = async (error: unknown): Promise<unknown> => {
    if (!(error instanceof AgentError) || error.code !== "identity.pin-wrong") return error;
    const lockout = await tpm.lockoutFault().catch(() => undefined);
    if (lockout !== undefined) token.forgetRefusal();
    return lockout ?? error;
  };
  return {
    key: `pkcs11:token=${tokenLabel};object=${keyLabel}`,
    certificateFile,
    caFile,
    openContext: async (signal) => {
      const trusted = readCa(caFile);
      const certificate = readCertificate(certificateFile).pem;
      const made = [keyLabel, trusted, certificate].join("\0");
      const kept = token.keptContext(made);
      if (kept !== undefined) return kept;
      const silence = await tpm.silence(signal);
      if (silence !== undefined) throw silence;
      try {
        return token.keepContext(made, contextNow(trusted, certificate));
      } catch (error) {
        throw await behindRefusal(error);
      }
    },
    tpmSilence: () => tpm.silence(),
    keyFault: (errorName) => {
      token.forgetContext();
      return pkcs11Fault(identity, errorName);
    },
    with: (credential) => pkcs11Identity({ ...identity, ...credential }, parts, token),
  };
}

/** A key in a file, as a claim certificate has one, or a machine on a bench. */
export function fileIdentity(files: Pick<FileIdentity, "certificateFile" | "keyFile">, broker: BrokerTls): TlsIdentity {
  const { certificateFile, keyFile } = files;
  const { caFile } = broker;
  return {
    key: keyFile,
    certificateFile,
    caFile,
    openContext: async () => {
      const trusted = readCa(caFile);
      const { pem } = readCertificate(certificateFile);
      const remedy = "set identity.keyFile to a readable file";
      const keyPem = readText(keyFile, "identity.key-missing", "private key", remedy);
      try {
        return contextOf(TlsContextOptions.create_client_with_mtls(pem, keyPem), trusted, broker);
      } catch (thrown) {
        throw new AgentError("identity.key-missing", {
          what: `the key ${keyFile} cannot be used with the certificate ${certificateFile}: ${messageOf(thrown)}`,
          remedy: "give identity.keyFile the key that the certificate was issued for",
          cause: thrown,
        });
      }
    },
    tpmSilence: () => Promise.resolve(undefined),
    keyFault: () => undefined,
    with: (credential) =>
      fileIdentity({ certificateFile: credential.certificateFile, keyFile: credential.keyLabel }, broker),
  };
}

/** The library takes a least version or a policy, which names its own least version, but not both. */
const CIPHERS: Readonly<Record<BrokerConfig["ciphers"], TlsCipherPreference>> = {
  default: TlsCipherPreference.Default,
  "tls-1.2-2025-07": TlsCipherPreference.TLSv1_2_2025_07,
  "post-quantum": TlsCipherPreference.PQ_Default,
};

function contextOf(
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
      what: `${path} holds no certificate in PEM: ${messageOf(error)}`,
      remedy,
      cause: error,
    });
  }
}

function readText(path: string, code: FaultCode, thing: string, remedy: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const problem = errnoOf(error) === "ENOENT" ? "does not exist" : `cannot be read: ${messageOf(error)}`;
    throw new AgentError(code, { what: `the ${thing} ${path} ${problem}`, remedy, cause: error });
  }
}
