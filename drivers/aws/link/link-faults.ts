import { AgentError } from "../../../agent/core/errors.ts";
import type { LinkStatus } from "../../../agent/ports/broker.ts";
import type { HttpProxy } from "../../../agent/ports/http-proxy.ts";
import { reasonText } from "../messages/reason-codes.ts";

/** Why the link is not online, as the status shows it. */
export type LinkFault = NonNullable<LinkStatus["fault"]>;

/** What the MQTT client was doing, for the texts. */
export type LinkFacts = {
  readonly host: string;
  readonly port: number;
  readonly clientId: string;
  readonly connectTimeoutMs: number;
};

/** A fault as the status shows it. */
export function asLinkFault({ code, message, remedy }: AgentError): LinkFault {
  return { code, what: message, remedy };
}

/** None of the host's addresses answered, and one does by now. */
export function answersAgain({ host, port }: LinkFacts): LinkFault {
  const what = `the broker ${host}:${port} did not answer; it does again`;
  return { code: "broker.unreachable", what, remedy: "nothing: the agent connects by itself" };
}

/** What helps where the broker speaks no MQTT 5.0. */
export const MQTT5_WANTED =
  "use a broker that speaks MQTT 5.0, or the listener of this one that does; broker.port must be its MQTT port";

/** What a packet of the broker says of why: CONNACK or DISCONNECT. */
export type ReasonPacket = { readonly reasonCode: number; readonly reasonString?: string };

/** The way through the proxy did not open, but does when it is looked at again. */
export function proxyFailed({ host, port }: HttpProxy, errorName: string): LinkFault {
  const what = `no connection through the proxy ${host}:${port}: ${errorName}, though it gives one on a second look`;
  return { code: "proxy.unreachable", what, remedy: "if it stays, look at the log of the proxy" };
}

/** The broker takes QoS 0 alone (CONNACK Maximum QoS): no record could ever leave, since none is forgotten without its PUBACK. */
export function qos1Unsupported({ host, port }: LinkFacts): LinkFault {
  return {
    code: "broker.unfit",
    what: `the broker ${host}:${port} takes QoS 0 alone (CONNACK Maximum QoS 0): nothing can be delivered`,
    remedy: "let the broker allow QoS 1 to this client, or use another broker; what is collected is kept meanwhile",
  };
}

/** More messages came at once than can wait here, and each must be acknowledged: the broker keeps them, and delivers them on the next connection. */
export function receiveOverrun({ host, port }: LinkFacts): LinkFault {
  return {
    code: "broker.refused",
    what: `the broker ${host}:${port} sent more messages than may wait for their acknowledgement`,
    remedy: "if it stays, bound what the broker has in flight: it does not keep to a client's receive maximum",
  };
}

/** The broker's certificate is good, so the handshake failed over ours. */
export function certificateRefused(facts: LinkFacts, certificateFile: string): LinkFault {
  return {
    code: "identity.certificate-refused",
    what: `the broker ${facts.host}:${facts.port} refused the certificate ${certificateFile}`,
    remedy:
      "check that the certificate is registered and active at the broker, not revoked, and that it was issued for the key in use",
  };
}

/**
 * The broker took our certificate before and does not any more, though its life is not over. Neither AWS IoT Core nor a TLS alert that
 * the library hands on tells a revoked certificate from a deactivated one.
 */
export function certificateRevoked(facts: LinkFacts, certificateFile: string): LinkFault {
  return {
    code: "identity.certificate-revoked",
    what: `the broker ${facts.host}:${facts.port} no longer takes the certificate ${certificateFile}, which it took before: it was revoked or deactivated`,
    remedy:
      "find out why; then activate it again at the broker, or stop the agent and make a new identity with causeway provision --again",
  };
}

/** A certificate seems out of its life only because nothing has set this machine's clock. */
export function clockUnset(what: string): LinkFault {
  return {
    code: "identity.clock-unset",
    what: `${what}; nothing has set this machine's clock`,
    remedy: "let the clock be set (systemd-timesyncd, a battery-backed clock); the agent goes on by itself then",
  };
}

/** The broker closed before CONNACK, and it is not yet clear why. */
export function closedEarly(facts: LinkFacts): LinkFault {
  return {
    code: "broker.refused",
    what: `the broker ${facts.host}:${facts.port} closed the connection before CONNACK`,
    remedy: "if it stays, the broker does not accept this device's certificate: register it there",
  };
}

/** An established connection ended. `disconnect` is the broker's DISCONNECT packet, when it sent one. */
export function connectionLost(errorName: string, disconnect: ReasonPacket | undefined, facts: LinkFacts): LinkFault {
  const broker = `${facts.host}:${facts.port}`;
  if (disconnect === undefined) {
    return {
      code: "broker.unreachable",
      what: `the connection to ${broker} was lost (${errorName})`,
      remedy:
        "the agent connects again by itself and sends what it kept; if it comes again and again after the same time, set broker.keepAliveSeconds below what a device on the way allows",
    };
  }
  const what = `the broker ${broker} ended the connection: ${reasonText(disconnect.reasonCode, disconnect.reasonString)}`;
  const remedy = disconnect.reasonCode === 0x8e ? oneNameEach(facts) : remedyFor(disconnect.reasonCode, facts);
  return { code: codeOf(disconnect.reasonCode), what, remedy };
}

/** The broker sends us away again and again soon after it took us, `last` for the last time. Only DISCONNECT 0x8E proves another client. */
export function sessionContested(last: LinkFault, facts: LinkFacts): LinkFault {
  const isProven = last.remedy === oneNameEach(facts);
  return {
    code: "broker.session-contested",
    what: `${last.what}; so it went several times in a row: another client seems to connect as ${facts.clientId}`,
    remedy: isProven
      ? last.remedy
      : `see whether another client connects as ${facts.clientId}; if there is none, something on the way ends young connections`,
  };
}

function oneNameEach({ clientId }: LinkFacts): string {
  return `another client connects as ${clientId}: stop it, or give each device its own thing name and certificate; a copied certificate is to be revoked`;
}

/** Reason codes that a person has to act on at the broker: bad credentials, not authorised, banned, bad method (MQTT 5.0, 2.4). */
const NOT_AUTHORISED: ReadonlySet<number> = new Set([0x86, 0x87, 0x8a, 0x8c]);

/** What the broker cannot do, and no waiting changes: MQTT 5.0, QoS 1. */
const UNFIT: ReadonlySet<number> = new Set([0x84, 0x9b]);

function codeOf(reasonCode: number): LinkFault["code"] {
  if (UNFIT.has(reasonCode)) return "broker.unfit";
  return NOT_AUTHORISED.has(reasonCode) ? "broker.not-authorised" : "broker.refused";
}

/** A filter that the broker does not grant; `reason` is its reason code for people. */
export function subscriptionRefused({
  filter,
  reason,
}: {
  readonly filter: string;
  readonly reason: string;
}): AgentError {
  return new AgentError("broker.refused", {
    what: `the broker refused the subscription to ${filter}: ${reason}`,
    remedy: "let the broker's policy allow this thing to subscribe to the filter and to receive its topics",
  });
}

/** The session was stopped before a new identity was tried. */
export function sessionStopped({ host, port }: LinkFacts): LinkFault {
  return {
    code: "broker.unreachable",
    what: `the session with ${host}:${port} was stopped`,
    remedy: "start the agent again",
  };
}

/** The session stays away from the broker for a while. */
export function sessionPaused({ host, port }: LinkFacts): LinkFault {
  return {
    code: "broker.unreachable",
    what: `the session with ${host}:${port} is paused: the vehicle sleeps`,
    remedy: "the agent connects again by itself when the vehicle wakes",
  };
}

/** Nothing spoke against a new identity, but there was no connection with it in time. */
export function notTakenInTime({ host, port }: LinkFacts, withinMs: number): LinkFault {
  const what = `the broker ${host}:${port} did not take the new identity within ${withinMs} ms`;
  return { code: "broker.unreachable", what, remedy: "the agent tries it again later by itself" };
}

/** The broker refused the connection with this CONNACK. */
export function connackFault({ reasonCode, reasonString }: ReasonPacket, facts: LinkFacts): LinkFault {
  const { host, port } = facts;
  return {
    code: codeOf(reasonCode),
    what: `the broker ${host}:${port} refused the connection: CONNACK ${reasonText(reasonCode, reasonString)}`,
    remedy: remedyFor(reasonCode, facts),
  };
}

function remedyFor(reasonCode: number, facts: LinkFacts): string {
  switch (reasonCode) {
    case 0x85:
      return `let the broker's policy allow the client id ${facts.clientId}`;
    case 0x84:
      return MQTT5_WANTED;
    case 0x86:
    case 0x87:
    case 0x8a:
    case 0x8c:
      return `let the broker's policy allow the client id ${facts.clientId} with this certificate to connect, and to leave its will on the presence topic; the thing may also have been disabled there`;
    case 0x9b:
      return "let the broker allow QoS 1: records and the will are sent with it";
    case 0x90:
    case 0x9a:
      return "let the broker allow a retained will of QoS 1 on topics.presence, or change that topic";
    default:
      return "the agent connects again by itself";
  }
}
