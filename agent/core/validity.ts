import { type Clock, isBelievable } from "./clock.ts";
import { AgentError } from "./errors.ts";
import { formatDuration } from "./quantity.ts";

/** Life of a certificate: RFC 3339, UTC. */
export type Validity = { readonly notBefore: string; readonly notAfter: string };

/**
 * Why a certificate of our own cannot be used now, by this machine's clock; undefined when its life has begun and is not over.
 *
 * `identity.clock-unset` when it only seems to begin in the future because nothing has set the clock yet, `identity.certificate-not-yet-valid`,
 * `identity.certificate-expired`. `name` says which certificate it is, for people.
 */
export function validityFault(name: string, { notBefore, notAfter }: Validity, clock: Clock): AgentError | undefined {
  const nowMs = clock.wallUs() / 1000;
  const now = new Date(nowMs).toISOString();
  if (nowMs > Date.parse(notAfter)) {
    return new AgentError("identity.certificate-expired", {
      what: `${name} expired on ${notAfter}; this machine's clock says ${now}`,
      remedy: "have a new one issued (causeway csr, then causeway cert install), or correct the clock",
    });
  }
  if (nowMs >= Date.parse(notBefore)) return undefined;
  if (!isBelievable(clock.quality())) {
    return new AgentError("identity.clock-unset", {
      what: `${name} is valid from ${notBefore}, and nothing has set this machine's clock, which says ${now}`,
      remedy:
        "let the clock be set (a time service such as systemd-timesyncd or chrony, a battery-backed clock); the agent goes on by itself then",
    });
  }
  return new AgentError("identity.certificate-not-yet-valid", {
    what: `${name} is not valid before ${notBefore}; this machine's clock says ${now}`,
    remedy: "correct the clock of this machine, or that of the authority that issued the certificate",
  });
}

/** What is left of a life, for people, as far as the clock can say it: a saved one is behind, and one that nobody has set says nothing. */
export function leftUntil(notAfter: string, clock: Clock): string {
  const leftMs = Date.parse(notAfter) - clock.wallUs() / 1000;
  if (leftMs <= 0) return "nothing";
  const quality = clock.quality();
  if (quality === "unsynchronised") return "unknown, since nothing has set the clock";
  return `${quality === "saved" ? "at most " : ""}${formatDuration(leftMs)}`;
}
