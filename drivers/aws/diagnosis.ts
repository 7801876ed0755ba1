import { type Clock, isBelievable } from "../../agent/core/clock.ts";
import { AgentError, messageOf } from "../../agent/core/errors.ts";
import { validityFault } from "../../agent/core/validity.ts";
import { isPkcs11Error } from "./identity-faults.ts";
import {
  asLinkFault,
  type ConnectFailure,
  certificateRefused,
  certificateRevoked,
  clockUnset,
  closedEarly,
  judgeFailure,
  type LinkFacts,
  type LinkFault,
} from "./link-faults.ts";
import { inspectServer } from "./probe.ts";
import { describeCertificate } from "./server-certificate.ts";
import { readCa, readCertificate, type TlsIdentity } from "./tls.ts";

/**
 * A TLS library that rejects a server's certificate hides the moment for 10 to 30 s (s2n-tls "blinding"; measured 17 to 30 s), so that
 * an attempt that takes longer than this is looked into while it lasts.
 */
const SLOW_ATTEMPT_MS = 3000;
/**
 * Closed connections in a row, before CONNACK and with a good server certificate, that make a refused client certificate of it. AWS
 * IoT Core and mosquitto (TLS 1.2) refuse one without any message; one such close may as well be a link that broke.
 */
const CLOSES_THAT_REFUSE = 3;

/** What a diagnosis is made of. `decisive` takes the first closed connection for a refusal. */
export type DiagnosisParts = {
  readonly facts: LinkFacts;
  readonly identity: TlsIdentity;
  readonly decisive: boolean;
  readonly clock: Clock;
};

/** Finds the cause of failed connection attempts where the SDK's error leaves it open, by a look at the server's certificate and ours. */
export class Diagnosis {
  readonly #parts: DiagnosisParts;
  #closesInARow = 0;
  /** The broker has taken this certificate before. */
  #wasTaken = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: DiagnosisParts) {
    this.#parts = parts;
  }

  /** An attempt begins. When it is slow, `report` hears of a TPM that does not answer, or of a bad server certificate. */
  watchAttempt(report: (fault: LinkFault) => void): void {
    this.endAttempt();
    this.#timer = setTimeout(() => {
      void this.#slowFault().then((fault) => {
        if (fault !== undefined) report(fault);
      });
    }, SLOW_ATTEMPT_MS);
    this.#timer.unref();
  }

  endAttempt(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  noteSuccess(): void {
    this.endAttempt();
    this.#closesInARow = 0;
    this.#wasTaken = true;
  }

  /** The fault behind a failed attempt. Never rejects. */
  async explain(failure: ConnectFailure): Promise<LinkFault> {
    this.endAttempt();
    const { facts, identity, decisive, clock } = this.#parts;
    if (isPkcs11Error(failure.errorName)) {
      const fault = identity.keyFault(failure.errorName);
      if (fault !== undefined) return asLinkFault(fault);
    }
    const verdict = judgeFailure(failure, facts);
    this.#closesInARow = verdict.kind === "closed" ? this.#closesInARow + 1 : 0;
    if (verdict.kind === "known") return verdict.fault;
    const server = await this.#serverFault();
    if (server !== undefined) {
      this.#closesInARow = 0;
      return server;
    }
    const own = ownCertificateFault(identity.certificateFile, clock);
    if (own !== undefined) return asLinkFault(own);
    const isRefusal = verdict.kind === "opaque" || decisive;
    if (!isRefusal && this.#closesInARow < CLOSES_THAT_REFUSE) return closedEarly(facts);
    const refused = this.#wasTaken ? certificateRevoked : certificateRefused;
    return refused(facts, identity.certificateFile);
  }

  /** Why an attempt takes long: a TPM that hangs in the handshake, where no error comes of it, or a server whose certificate is rejected. */
  async #slowFault(): Promise<LinkFault | undefined> {
    const [silence, server] = await Promise.all([this.#parts.identity.tpmSilence(), this.#serverFault()]);
    if (silence !== undefined) return asLinkFault(silence);
    return server?.code === "broker.unreachable" ? undefined : server;
  }

  /** What is wrong on the way to the server or with its certificate; undefined when that is good. */
  async #serverFault(): Promise<LinkFault | undefined> {
    const { facts, identity } = this.#parts;
    try {
      const endpoint = { host: facts.host, port: facts.port, timeoutMs: facts.connectTimeoutMs };
      await inspectServer(endpoint, readCa(identity.caFile));
      return undefined;
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      return error.code === "broker.certificate-expired" && !isBelievable(this.#parts.clock.quality())
        ? clockUnset(error.message)
        : asLinkFault(error);
    }
  }
}

/** What a look at our own certificate says: whether it is there, and its time by this machine's clock. */
function ownCertificateFault(path: string, clock: Clock): AgentError | undefined {
  try {
    const { certificate } = readCertificate(path);
    return validityFault(`the device certificate ${path}`, describeCertificate(certificate), clock);
  } catch (error) {
    if (error instanceof AgentError) return error;
    return new AgentError("identity.certificate-missing", {
      what: `the device certificate ${path} cannot be read: ${messageOf(error)}`,
      remedy: "set identity.certificateFile to the certificate that was issued for this device, in PEM",
      cause: error,
    });
  }
}
