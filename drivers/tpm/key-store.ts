import { createHash } from "node:crypto";
import { AgentError } from "../../agent/core/errors.ts";
import type { Log } from "../../agent/core/log.ts";
import type {
  CsrSubject,
  ForeignKey,
  KeyAlgorithm,
  KeyFacts,
  KeyStore,
  KeyTest,
  SealedSecret,
  SecretSealer,
  TokenAdmin,
  TpmFacts,
} from "../../agent/ports/key-store.ts";
import type { IdentityConfig } from "../../config/schema.ts";
import { tpmEnvironment } from "./environment.ts";
import { newSecret } from "./tools/seal.ts";
import { TpmCheck } from "./tpm-check.ts";
import { type KeyOperation, runWorker } from "./worker/worker-process.ts";
import { OPERATION_RESULTS } from "./worker/worker-protocol.ts";

type Pkcs11Identity = Extract<IdentityConfig, { mode: "pkcs11" }>;

/** What keys are made with. Each secret is read when it is needed and not kept; undefined where there is none. */
export type TpmKeyStoreParts = {
  readonly identity: Pkcs11Identity;
  readonly secrets: {
    pin(): string;
    /** The SO PIN of a new token. */
    officerPin(): string | undefined;
    ownerAuth(): string | undefined;
    lockoutAuth(): string | undefined;
  };
  /** The process's own, for PATH and what leads to the TPM. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  /** How long all that is left may take, ms; as long as the configuration lets each piece of work take, when absent. */
  readonly leftMs?: (() => number) | undefined;
};

/** What is out of time already is asked for so long, ms. */
const LEAST_MS = 100;

/** The keys of the token that the configuration names, and the token itself. */
export function createTpmKeyStore(parts: TpmKeyStoreParts): KeyStore & TokenAdmin & SecretSealer {
  return new TpmKeyStore(parts);
}

/** Runs one worker at a time. A PIN that was refused is never sent again: in a token of another tool every try may count towards the lockout. */
class TpmKeyStore implements KeyStore, TokenAdmin, SecretSealer {
  readonly #parts: TpmKeyStoreParts;
  readonly #place: KeyOperation["place"];
  readonly #check: TpmCheck;
  #last: Promise<unknown> = Promise.resolve();
  #silence: AgentError | undefined;
  #refused: { readonly pinHash: string; readonly fault: AgentError } | undefined;

  constructor(parts: TpmKeyStoreParts) {
    const { module, tokenLabel, storeDir, tcti, tpm } = parts.identity;
    const { environment } = parts;
    this.#parts = parts;
    this.#place = { module, tokenLabel, storeDir };
    this.#check = new TpmCheck({ tcti, environment, timeoutMs: tpm.answerTimeoutSeconds * 1000 });
  }

  async create(label: string, algorithm: KeyAlgorithm): Promise<KeyFacts> {
    return OPERATION_RESULTS.create.parse(
      await this.#withPin((pin) => ({ job: "create", ...this.#at, pin, label, algorithm })),
    );
  }

  async list(): Promise<readonly (KeyFacts | ForeignKey)[]> {
    return OPERATION_RESULTS.list.parse(await this.#run(() => ({ job: "list", ...this.#at })));
  }

  async delete(label: string, id?: number): Promise<void> {
    const which = id === undefined ? { label } : { label, id };
    OPERATION_RESULTS.delete.parse(await this.#run(() => ({ job: "delete", ...this.#at, ...which })));
  }

  async test(label: string): Promise<KeyTest> {
    return OPERATION_RESULTS.test.parse(await this.#withPin((pin) => ({ job: "test", ...this.#at, pin, label })));
  }

  async request(label: string, subject: CsrSubject): Promise<string> {
    const { uris, dnsNames, ...names } = subject;
    const copied = { ...names, uris: [...uris], dnsNames: [...dnsNames] };
    return OPERATION_RESULTS.request.parse(
      await this.#withPin((pin) => ({ job: "request", ...this.#at, pin, label, subject: copied })),
    );
  }

  async provision(): Promise<"made" | "present"> {
    const { secrets, identity } = this.#parts;
    return OPERATION_RESULTS.provision.parse(
      await this.#run(() => ({
        job: "provision",
        ...this.#at,
        pin: secrets.pin(),
        officerPin: secrets.officerPin() ?? newSecret(),
        ownerAuth: secrets.ownerAuth(),
        lockoutAuth: secrets.lockoutAuth(),
        lockout: identity.tpm.lockout,
      })),
    );
  }

  async inspect(): Promise<TpmFacts> {
    return OPERATION_RESULTS.inspect.parse(await this.#run(() => ({ job: "inspect", ...this.#at })));
  }

  async clearLockout(): Promise<void> {
    const { secrets } = this.#parts;
    OPERATION_RESULTS["clear-lockout"].parse(
      await this.#run(() => ({ job: "clear-lockout", ...this.#at, lockoutAuth: secrets.lockoutAuth() })),
    );
  }

  async seal(content: string): Promise<SealedSecret> {
    return OPERATION_RESULTS.seal.parse(await this.#withPin((pin) => ({ job: "seal", ...this.#at, pin, content })));
  }

  async unseal({ publicBlob, privateBlob, salt }: SealedSecret): Promise<string> {
    const sealed = { publicBlob, privateBlob, salt };
    return OPERATION_RESULTS.unseal.parse(await this.#withPin((pin) => ({ job: "unseal", ...this.#at, pin, sealed })));
  }

  get #at(): { readonly place: KeyOperation["place"] } {
    return { place: this.#place };
  }

  async #withPin(jobOf: (pin: string) => KeyOperation): Promise<unknown> {
    let pinHash = "";
    try {
      return await this.#run(() => {
        const pin = this.#parts.secrets.pin();
        pinHash = createHash("sha256").update(pin).digest("hex");
        if (this.#refused?.pinHash === pinHash) throw this.#refused.fault;
        return jobOf(pin);
      });
    } catch (error) {
      if (error instanceof AgentError && error.code === "identity.pin-wrong") this.#refused = { pinHash, fault: error };
      throw error;
    }
  }

  /** `jobOf` is called when the calls before are done, so that no secret waits in memory. */
  #run(jobOf: () => KeyOperation): Promise<unknown> {
    const next = this.#last.then(() => this.#work(jobOf()));
    this.#last = next.catch(() => undefined);
    return next;
  }

  async #work(job: KeyOperation): Promise<unknown> {
    const { identity, log } = this.#parts;
    await this.#requireAnswer();
    const startMs = performance.now();
    const response = await runWorker(job, {
      environment: this.#environment(),
      timeoutMs: Math.min(identity.keyTimeoutSeconds * 1000, this.#leftMs()),
      onStderr: (text) => log.debug("identity.tpm-said", { job: job.job, text: text.slice(0, 2000) }),
    });
    const ms = Math.round(performance.now() - startMs);
    if (response.kind === "done") {
      log.debug("identity.key-work-done", { job: job.job, ms });
      return response.result;
    }
    throw new AgentError(response.code, { what: response.what, remedy: response.remedy });
  }

  /** Whoever is out of time does not wait for the same silence once more. */
  async #requireAnswer(): Promise<void> {
    const leftMs = this.#leftMs();
    if (leftMs === LEAST_MS && this.#silence !== undefined) throw this.#silence;
    const signal = Number.isFinite(leftMs) ? AbortSignal.timeout(Math.ceil(leftMs)) : undefined;
    this.#silence = await this.#check.silence(signal);
    if (this.#silence !== undefined) throw this.#silence;
  }

  #leftMs(): number {
    return Math.max(LEAST_MS, this.#parts.leftMs?.() ?? Number.POSITIVE_INFINITY);
  }

  #environment(): Readonly<Record<string, string | undefined>> {
    const { identity, environment } = this.#parts;
    return { ...tpmEnvironment({ tcti: identity.tcti, environment }), TPM2_PKCS11_STORE: identity.storeDir };
  }
}
