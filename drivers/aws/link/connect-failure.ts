import { connackFault, type LinkFacts, type LinkFault, MQTT5_WANTED, type ReasonPacket } from "./link-faults.ts";

/** How a connection attempt failed, as aws-crt tells it. */
export type ConnectFailure = {
  /** "AWS_IO_SOCKET_CLOSED" */
  readonly errorName: string;
  readonly connack: ReasonPacket | undefined;
};

/**
 * What a failed attempt says. "known": the fault is clear. "opaque": something about the TLS handshake, and only a look at the
 * server's certificate tells whose fault it is. "closed": the other side closed without a word before CONNACK, which is how a
 * refused client certificate looks, and also a link that broke at that moment.
 */
export type FailureDiagnosis =
  | { readonly kind: "known"; readonly fault: LinkFault }
  | { readonly kind: "opaque" | "closed" };

/** A close without a word before CONNACK. */
const CLOSED: ReadonlySet<string> = new Set([
  "AWS_IO_SOCKET_CLOSED",
  "AWS_IO_BROKEN_PIPE",
  "AWS_IO_SOCKET_CONNECT_ABORTED",
  "AWS_IO_TLS_CLOSED_GRACEFUL",
  "AWS_IO_TLS_CLOSED_ABORT",
  "AWS_ERROR_MQTT_UNEXPECTED_HANGUP",
]);

/** Errors whose cause is clear. Names are those of aws-crt 1.33 (aws-c-io, aws-c-mqtt), each seen or provoked. */
const KNOWN: ReadonlyMap<string, (facts: LinkFacts) => LinkFault> = new Map([
  ["AWS_IO_DNS_INVALID_NAME", unresolved],
  ["AWS_IO_DNS_NO_ADDRESS_FOR_HOST", unresolved],
  ["AWS_IO_DNS_QUERY_FAILED", unresolved],
  ["AWS_IO_DNS_QUERY_AGAIN", unresolved],
  ["AWS_IO_DNS_HOST_REMOVED_FROM_CACHE", unresolved],
  ["AWS_IO_SOCKET_CONNECTION_REFUSED", connectionRefused],
  ["AWS_IO_SOCKET_TIMEOUT", noAnswer],
  ["AWS_IO_TLS_NEGOTIATION_TIMEOUT", noTlsAnswer],
  ["AWS_ERROR_MQTT5_CONNACK_TIMEOUT", noConnack],
  ["AWS_ERROR_MQTT5_DECODE_PROTOCOL_ERROR", noMqtt5],
]);

const CHECK_NETWORK = "check broker.host, broker.port, the network connection and firewalls on the way";

/** Reads one failed attempt. */
export function diagnoseFailure({ errorName, connack }: ConnectFailure, facts: LinkFacts): FailureDiagnosis {
  if (connack !== undefined) return { kind: "known", fault: connackFault(connack, facts) };
  if (CLOSED.has(errorName)) return { kind: "closed" };
  const faultOf = KNOWN.get(errorName);
  if (faultOf !== undefined) return { kind: "known", fault: faultOf(facts) };
  if (errorName.startsWith("AWS_IO_TLS_")) return { kind: "opaque" };
  return { kind: "known", fault: unreachable(`no connection to ${facts.host}:${facts.port}: ${errorName}`) };
}

/** Whether an error is of the first connection, which leads to the proxy where there is one, or of its answer. */
export function isBeforeTls(errorName: string): boolean {
  return /^AWS_(IO_(DNS|SOCKET_(CONNECTION_REFUSED|TIMEOUT|NO_ROUTE))|ERROR_HTTP)/.test(errorName);
}

function unreachable(what: string, remedy = CHECK_NETWORK): LinkFault {
  return { code: "broker.unreachable", what, remedy };
}

function unresolved({ host }: LinkFacts): LinkFault {
  return unreachable(
    `the host name ${host} cannot be resolved`,
    "check broker.host, the network connection and the DNS servers of this machine",
  );
}

function connectionRefused({ host, port }: LinkFacts): LinkFault {
  return unreachable(`the broker ${host}:${port} refused the TCP connection`);
}

function noAnswer({ host, port, connectTimeoutMs }: LinkFacts): LinkFault {
  return unreachable(`the broker ${host}:${port} did not answer within ${connectTimeoutMs} ms`);
}

function noTlsAnswer({ host, port }: LinkFacts): LinkFault {
  const what = `${host}:${port} took the TCP connection but gave no TLS answer`;
  return { code: "broker.tls-failed", what, remedy: CHECK_NETWORK };
}

function noConnack({ host, port, connectTimeoutMs }: LinkFacts): LinkFault {
  return unreachable(
    `the broker ${host}:${port} gave no CONNACK within ${connectTimeoutMs} ms`,
    "check that broker.port is the broker's MQTT port; a broker under load may need a longer broker.connectTimeoutMs",
  );
}

function noMqtt5({ host, port }: LinkFacts): LinkFault {
  const what = `${host}:${port} answered CONNECT with what is no CONNACK of MQTT 5.0; so do brokers that speak MQTT 3.1.1 alone`;
  return { code: "broker.unfit", what, remedy: MQTT5_WANTED };
}
