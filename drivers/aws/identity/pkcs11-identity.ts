import { type ClientTlsContext, TlsContextOptions } from "aws-crt/dist/native/io.js";
import { AgentError } from "../../../agent/core/errors.ts";
import type { LinkCredential } from "../../../agent/ports/broker.ts";
import type { IdentityConfig } from "../../../config/schema.ts";
import { pkcs11Fault } from "./identity-faults.ts";
import type { Pkcs11Token } from "./pkcs11-token.ts";
import { type BrokerTls, contextOf, readCa, readCertificate, type TlsIdentity } from "./tls.ts";

/** What is asked of the TPM apart from the library, whose calls may never return. */
export type TpmQuestions = {
  /** The fault when it does not answer in time, or before `signal` aborts; undefined when it answers. Never rejects. */
  silence(signal?: AbortSignal): Promise<AgentError | undefined>;
  /** The fault that says for how long it is in lockout; undefined when it is not. */
  lockoutFault(): Promise<AgentError | undefined>;
};

/** Which key of which token, for which broker. */
export type Pkcs11IdentityParts = {
  readonly identity: Extract<IdentityConfig, { mode: "pkcs11" }>;
  readonly broker: BrokerTls;
  readonly tpm: TpmQuestions;
  readonly token: Pkcs11Token;
};

/** A key in a PKCS#11 token. One that is not found is looked for once more in the token as it is now. */
export class Pkcs11Identity implements TlsIdentity {
  readonly key: string;
  readonly certificateFile: string;
  readonly caFile: string;
  readonly #parts: Pkcs11IdentityParts;

  constructor(parts: Pkcs11IdentityParts) {
    const { certificateFile, tokenLabel, keyLabel } = parts.identity;
    this.key = `pkcs11:token=${tokenLabel};object=${keyLabel}`;
    this.certificateFile = certificateFile;
    this.caFile = parts.broker.caFile;
    this.#parts = parts;
  }

  async openContext(signal: AbortSignal): Promise<ClientTlsContext> {
    const { identity, tpm, token } = this.#parts;
    const trusted = readCa(this.caFile);
    const certificate = readCertificate(this.certificateFile).pem;
    const made = [identity.keyLabel, trusted, certificate].join("\0");
    const kept = token.keptContext(made);
    if (kept !== undefined) return kept;
    const silence = await tpm.silence(signal);
    if (silence !== undefined) throw silence;
    try {
      return token.keepContext(made, this.#contextNow(trusted, certificate));
    } catch (error) {
      throw await this.#behindRejection(error);
    }
  }

  tpmSilence(): Promise<AgentError | undefined> {
    return this.#parts.tpm.silence();
  }

  keyFault(errorName: string): AgentError {
    const { identity, token } = this.#parts;
    token.forgetContext();
    return pkcs11Fault(identity, errorName);
  }

  with(credential: LinkCredential): TlsIdentity {
    const { identity, broker, tpm, token } = this.#parts;
    return new Pkcs11Identity({ identity: { ...identity, ...credential }, broker, tpm, token });
  }

  /** A key that was made since the library was loaded is found by a library that is loaded anew. */
  #contextNow(trusted: string, certificate: string): ClientTlsContext {
    try {
      return this.#contextOf(trusted, certificate);
    } catch (error) {
      const isUnseen = error instanceof AgentError && error.code === "identity.key-missing";
      if (!isUnseen || !this.#parts.token.reload()) throw error;
      return this.#contextOf(trusted, certificate);
    }
  }

  #contextOf(trusted: string, certificate: string): ClientTlsContext {
    const { identity, broker, token } = this.#parts;
    return token.ask((library, pin) => {
      const options = TlsContextOptions.create_client_with_mtls_pkcs11({
        pkcs11_lib: library,
        user_pin: pin,
        token_label: identity.tokenLabel,
        private_key_object_label: identity.keyLabel,
        cert_file_contents: certificate,
      });
      return contextOf(options, trusted, broker);
    });
  }

  /** The library calls a TPM in lockout a wrong PIN, and only the TPM itself can tell. After a lockout the PIN is tried again by the next context. */
  async #behindRejection(error: unknown): Promise<unknown> {
    if (!(error instanceof AgentError) || error.code !== "identity.pin-wrong") return error;
    const { tpm, token } = this.#parts;
    const lockout = await tpm.lockoutFault().catch(() => undefined);
    if (lockout !== undefined) token.forgetRejection();
    return lockout ?? error;
  }
}
