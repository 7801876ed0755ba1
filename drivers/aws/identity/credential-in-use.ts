import type { HttpProxyOptions } from "aws-crt/dist/native/http.js";
import type { ClientTlsContext } from "aws-crt/dist/native/io.js";
import type { Clock } from "../../../agent/core/clock.ts";
import type { HttpProxy } from "../../../agent/ports/http-proxy.ts";
import { tunnelThrough } from "../client.ts";
import { Diagnosis } from "../link/diagnosis.ts";
import type { LinkFacts } from "../link/link-faults.ts";
import type { TlsIdentity } from "./tls.ts";

/** What one connection is made with. `tunnel` is the way as it was found open, undefined where there is no proxy. */
export type OpenCredential = {
  readonly identity: TlsIdentity;
  readonly context: ClientTlsContext;
  readonly tunnel: HttpProxyOptions | undefined;
};

/** The first identity, and the way to the broker. `decisive` as in `DiagnosisParts`. */
export type CredentialInUseParts = {
  readonly identity: TlsIdentity;
  readonly facts: LinkFacts;
  readonly proxy: HttpProxy | undefined;
  readonly decisive: boolean;
  readonly clock: Clock;
};

/** The identity that connections are made with, its TLS context as long as that is good, and the diagnosis of its failures. */
export class CredentialInUse {
  readonly #parts: CredentialInUseParts;
  #identity: TlsIdentity;
  #context: ClientTlsContext | undefined;
  #diagnosis: Diagnosis;

  constructor(parts: CredentialInUseParts) {
    this.#parts = parts;
    this.#identity = parts.identity;
    this.#diagnosis = this.#diagnosisOf(parts.decisive);
  }

  get identity(): TlsIdentity {
    return this.#identity;
  }

  get diagnosis(): Diagnosis {
    return this.#diagnosis;
  }

  /** Asks the way and makes a context, of `other` or of the identity in use where none is kept. Rejects with the fault. */
  async open(signal: AbortSignal, other?: TlsIdentity): Promise<OpenCredential> {
    const { proxy, facts } = this.#parts;
    const identity = other ?? this.#identity;
    const tunnel = await tunnelThrough(proxy, facts, signal);
    const kept = other === undefined ? this.#context : undefined;
    return { identity, context: kept ?? (await identity.openContext(signal)), tunnel };
  }

  /** Keeps the context of the identity in use for the next connections. */
  keep({ context }: OpenCredential): void {
    this.#context = context;
  }

  /** The next context is made anew. */
  forgetContext(): void {
    this.#context = undefined;
  }

  /** Another identity is on trial: its first failure decides. */
  beginTrial({ identity, context }: OpenCredential): void {
    this.#assume(identity, context, true);
  }

  /** The broker has taken the identity on trial: what follows is judged like any other connection. */
  endTrial(): void {
    this.#diagnosis = this.#diagnosisOf(false);
    this.#diagnosis.noteSuccess();
  }

  /** The identity that was in use before a trial is again. */
  restore(identity: TlsIdentity): void {
    this.#assume(identity, undefined, false);
  }

  #assume(identity: TlsIdentity, context: ClientTlsContext | undefined, decisive: boolean): void {
    this.#diagnosis.endAttempt();
    this.#identity = identity;
    this.#context = context;
    this.#diagnosis = this.#diagnosisOf(decisive);
  }

  #diagnosisOf(decisive: boolean): Diagnosis {
    const { facts, proxy, clock } = this.#parts;
    return new Diagnosis({ facts, proxy, identity: this.#identity, decisive, clock });
  }
}
