import { type Clock, isBelievable } from "../../../agent/core/clock.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import { fileTrouble } from "../../../agent/core/file-trouble.ts";
import { validityFault } from "../../../agent/core/validity.ts";
import type { HttpProxy } from "../../../agent/ports/http-proxy.ts";
import { isPkcs11Error } from "../identity/identity-faults.ts";
import { readCa, readCertificate, type TlsIdentity } from "../identity/tls.ts";
import { type ConnectFailure, diagnoseFailure, isBeforeTls } from "./connect-failure.ts";
import {
  answersAgain,
  asLinkFault,
  certificateRefused,
  certificateRevoked,
  clockUnset,
  closedEarly,
  type LinkFacts,
  type LinkFault,
  proxyFailed,
} from "./link-faults.ts";
import { inspectServer, openTcp, resolveHost } from "./probe.ts";
import { describeCertificate } from "./server-certificate.ts";

/**
 * A TLS library that rejects a server's certificate hides the moment for 10 to 30 s (s2n-tls "blinding"; measured 17 to 30 s), so that
 * an attempt that takes longer than this is looked into while it lasts.
 */
const SLOW_ATTEMPT_MS = 3000;
/**
 * After its answer is due, an attempt through a proxy is given up, ms: the library waits for that of a proxy without end. It is longer
 * than a rejected certificate is hidden.
 */
const LONGEST_PROXIED_MS = 45_000;
/**
 * Closed connections in a row, before CONNACK and with a good server certificate, that make a refused client certificate of it. AWS
 * IoT Core and mosquitto (TLS 1.2) refuse one without any message; one such close may as well be a link that broke.
 */
const CLOSES_THAT_REFUSE = 3;

/** Whose attempts, and to which broker. `decisive` takes the first closed connection for a rejection. */
export type DiagnosisParts = {
  readonly facts: LinkFacts;
  readonly proxy: HttpProxy | undefined;
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
  #timers: readonly NodeJS.Timeout[] = [];

  constructor(parts: DiagnosisParts) {
    this.#parts = parts;
  }

  /**
   * An attempt begins. When it is slow, `report` hears of a TPM that does not answer, or of a bad server certificate; and that the attempt
   * is over, where a proxy lets it wait without end.
   */
  watchAttempt(report: (fault: LinkFault, isOver: boolean) => void): void {
    this.endAttempt();
    const { proxy, facts } = this.#parts;
    const slow = setTimeout(() => {
      void this.#slowFault().then((fault) => {
        if (fault !== undefined) report(fault, fault.code.startsWith("proxy."));
      });
    }, SLOW_ATTEMPT_MS);
    this.#timers = [slow.unref()];
    if (proxy === undefined) return;
    const ms = LONGEST_PROXIED_MS + facts.connectTimeoutMs;
    const end = setTimeout(() => report(proxyFailed(proxy, `nothing came of it in ${ms} ms`), true), ms);
    this.#timers = [slow, end.unref()];
  }

  endAttempt(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
  }

  noteSuccess(): void {
    this.endAttempt();
    this.#closesInARow = 0;
    this.#wasTaken = true;
  }

  /** The fault behind a failed attempt. Never rejects. */
  async explain(failure: ConnectFailure): Promise<LinkFault> {
    this.endAttempt();
    return this.#keyFault(failure) ?? (await this.#proxyFault(failure)) ?? (await this.#connectFault(failure));
  }

  #keyFault({ errorName }: ConnectFailure): LinkFault | undefined {
    if (!isPkcs11Error(errorName)) return undefined;
    const fault = this.#parts.identity.keyFault(errorName);
    return fault === undefined ? undefined : asLinkFault(fault);
  }

  async #connectFault(failure: ConnectFailure): Promise<LinkFault> {
    const { facts, identity, clock } = this.#parts;
    const verdict = diagnoseFailure(failure, facts);
    this.#closesInARow = verdict.kind === "closed" ? this.#closesInARow + 1 : 0;
    if (verdict.kind === "known") return isOfName(failure) ? await this.#addressFault(verdict.fault) : verdict.fault;
    const server = await this.#serverFault();
    if (server !== undefined) {
      this.#closesInARow = 0;
      return server;
    }
    const own = ownCertificateFault(identity.certificateFile, clock);
    return own === undefined ? this.#certificateFault(verdict.kind) : asLinkFault(own);
  }

  /**
   * What the library says of a name: it forgets the addresses of one when none of them answered, and says then that it has none (measured: a host
   * that drops every SYN is "no answer" and "no address" in turn). Both have one cause, which is looked for here.
   */
  async #addressFault(said: LinkFault): Promise<LinkFault> {
    const { facts, proxy } = this.#parts;
    if (proxy !== undefined) return said;
    const endpoint = { host: facts.host, port: facts.port, timeoutMs: facts.connectTimeoutMs };
    try {
      await resolveHost(endpoint);
      await openTcp(endpoint);
      return answersAgain(facts);
    } catch (error) {
      if (error instanceof AgentError) return asLinkFault(error);
      throw error;
    }
  }

  /** The server's certificate is good, and so is ours by what can be seen of it here. */
  #certificateFault(kind: "opaque" | "closed"): LinkFault {
    const { facts, identity, decisive } = this.#parts;
    const isRejection = kind === "opaque" || decisive || this.#closesInARow >= CLOSES_THAT_REFUSE;
    if (!isRejection) return closedEarly(facts);
    const refused = this.#wasTaken ? certificateRevoked : certificateRefused;
    return refused(facts, identity.certificateFile);
  }

  /** Why an attempt takes long: a TPM that hangs in the handshake, where no error comes of it, or a server whose certificate is rejected. */
  async #slowFault(): Promise<LinkFault | undefined> {
    const [silence, server] = await Promise.all([this.#parts.identity.tpmSilence(), this.#serverFault()]);
    if (silence !== undefined) return asLinkFault(silence);
    return server?.code === "broker.unreachable" ? undefined : server;
  }

  /** What the proxy says when it is asked for a tunnel; the library hands no answer of it on. Undefined where none is in the way, or it is not the cause. */
  async #proxyFault({ errorName, connack }: ConnectFailure): Promise<LinkFault | undefined> {
    const { proxy, facts } = this.#parts;
    if (proxy === undefined || connack !== undefined || errorName.startsWith("AWS_ERROR_MQTT5_")) return undefined;
    try {
      await proxy.check(facts, facts.connectTimeoutMs);
      return isBeforeTls(errorName) ? proxyFailed(proxy, errorName) : undefined;
    } catch (error) {
      if (error instanceof AgentError) return asLinkFault(error);
      throw error;
    }
  }

  /** What is wrong on the way to the server or with its certificate; undefined when that is good. */
  async #serverFault(): Promise<LinkFault | undefined> {
    const { facts, identity, proxy } = this.#parts;
    try {
      const endpoint = { host: facts.host, port: facts.port, timeoutMs: facts.connectTimeoutMs };
      await inspectServer(endpoint, readCa(identity.caFile), proxy);
      return undefined;
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      return error.code === "broker.certificate-expired" && !isBelievable(this.#parts.clock.quality())
        ? clockUnset(error.message)
        : asLinkFault(error);
    }
  }
}

function isOfName({ errorName, connack }: ConnectFailure): boolean {
  return connack === undefined && errorName.startsWith("AWS_IO_DNS_");
}

/** What a look at our own certificate says: whether it is there, and its time by this machine's clock. */
function ownCertificateFault(path: string, clock: Clock): AgentError | undefined {
  try {
    const { certificate } = readCertificate(path);
    return validityFault(`the device certificate ${path}`, describeCertificate(certificate), clock);
  } catch (error) {
    if (error instanceof AgentError) return error;
    return new AgentError("identity.certificate-missing", {
      what: `the device certificate ${path} cannot be read: ${fileTrouble(error)}`,
      remedy: "set identity.certificateFile to the certificate that was issued for this device, in PEM",
      cause: error,
    });
  }
}
