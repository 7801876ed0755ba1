import { openSession } from "../cloud/open-session.ts";
import { aborted } from "../core/aborted.ts";
import type { Clock } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import type { Broker, BrokerLimits, Publication } from "../ports/broker.ts";
import type { HttpProxy } from "../ports/http-proxy.ts";

/** Steps of a connection, in order. "proxy", in place of "dns" and "tcp", where one is in the way; "key": the token is opened and the key found; "connect": TLS with that key, then CONNECT. */
export const CONNECT_STEPS = ["dns", "tcp", "proxy", "tls", "key", "connect", "publish"] as const;
export type ConnectStep = (typeof CONNECT_STEPS)[number];

/** Where the broker is, and how long one step of reaching it may take. */
type Endpoint = { readonly host: string; readonly port: number; readonly timeoutMs: number };

/** What the broker showed of itself, its own certificate first; more of it is for --json. */
type ServerFacts = {
  /** "TLSv1.3"; undefined when it ended the handshake for want of a client certificate. */
  readonly protocol: string | undefined;
  readonly chain: readonly { readonly subject: string; readonly issuer: string; readonly notAfter: string }[];
};

/** One step as it went. `detail` is for people. */
export type StepResult = {
  readonly step: ConnectStep;
  readonly ok: boolean;
  readonly ms: number;
  readonly detail: string;
};

/** What a test of the connection found. The first step that fails is the last one in `steps`. */
export type ConnectReport = {
  readonly steps: readonly StepResult[];
  /** What the broker showed of itself; undefined when it was not reached. */
  readonly server: ServerFacts | undefined;
  readonly fault: AgentError | undefined;
};

/** What a test of the connection uses. `broker` gives a session that ends with the first failed attempt. */
export type ConnectTestParts = {
  readonly endpoint: Endpoint;
  readonly proxy: HttpProxy | undefined;
  readonly publication: Publication;
  readonly network: {
    resolveHost(endpoint: Endpoint): Promise<readonly string[]>;
    openTcp(endpoint: Endpoint): Promise<void>;
    inspectServer(endpoint: Endpoint): Promise<ServerFacts>;
  };
  /** Gives where the key is, for people. Ends when `signal` aborts. */
  openKey(signal: AbortSignal): Promise<string>;
  broker(): Broker;
  readonly clock: Clock;
};

/** Goes through the steps, each timed, until one fails or `signal` aborts. */
export async function testConnection(parts: ConnectTestParts, signal: AbortSignal): Promise<ConnectReport> {
  const { endpoint, network, clock } = parts;
  const { steps, step, inTime } = timedSteps(parts, signal);
  let server: ServerFacts | undefined;
  let session: Broker | undefined;
  try {
    await reach(parts, step, inTime, signal);
    await step("tls", async () => {
      server = await inTime(network.inspectServer(endpoint));
      return `${server.protocol ?? "client certificate wanted"}, ${server.chain[0]?.subject ?? "no certificate"}`;
    });
    await step("key", () => parts.openKey(signal));
    await step("connect", async () => {
      session = parts.broker();
      return limitsText(await inTime(openSession(session, clock, signal)));
    });
    await step("publish", async () => await inTime(publish(session, parts)));
    return { steps, server, fault: undefined };
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    return { steps, server, fault: error };
  } finally {
    await session?.stop();
  }
}

type Step = (name: ConnectStep, work: () => Promise<string> | string) => Promise<void>;
type InTime = <T>(work: Promise<T>) => Promise<T>;

/** Steps as they go; `inTime` rejects when `signal` aborts first. */
function timedSteps({ endpoint, clock }: ConnectTestParts, signal: AbortSignal) {
  const steps: StepResult[] = [];
  const step: Step = async (name, work) => {
    const startMs = clock.monotonicMs();
    const note = (ok: boolean, detail: string): void => {
      steps.push({ step: name, ok, ms: Math.round((clock.monotonicMs() - startMs) * 10) / 10, detail });
    };
    try {
      if (signal.aborted) throw outOfTime(endpoint);
      note(true, await work());
    } catch (error) {
      note(false, error instanceof AgentError ? error.code : "internal.bug");
      throw error;
    }
  };
  const late = aborted(signal).then((): never => {
    throw outOfTime(endpoint);
  });
  // It is looked at while a step waits only.
  late.catch(() => undefined);
  const inTime: InTime = (work) => Promise.race([work, late]);
  return { steps, step, inTime };
}

/** The way to the broker: name and port, or the proxy in their place. */
async function reach(
  { endpoint, proxy, network }: ConnectTestParts,
  step: Step,
  inTime: InTime,
  signal: AbortSignal,
): Promise<void> {
  if (proxy !== undefined) {
    return await step("proxy", async () => {
      await inTime(proxy.check(endpoint, endpoint.timeoutMs, signal));
      return `${proxy.host}:${proxy.port}`;
    });
  }
  await step("dns", async () => (await inTime(network.resolveHost(endpoint))).join(", "));
  await step("tcp", async () => {
    await inTime(network.openTcp(endpoint));
    return `${endpoint.host}:${endpoint.port}`;
  });
}

/** Where the rows of a line begin that a terminal is too narrow for: below what the line says. */
export const DETAIL_INDENT = 9;

/** The steps and the server's certificates, a line each. */
export function connectLines({ steps, server }: ConnectReport): readonly string[] {
  return [
    ...steps.map(({ step, ok, ms, detail }) => {
      return `${step.padEnd(8)} ${ok ? "ok    " : "failed"} ${ms.toFixed(1).padStart(9)} ms  ${detail}`;
    }),
    ...(server?.chain ?? []).map(({ subject, issuer, notAfter }) => {
      return `server   ${subject}; issued by ${issuer}; valid until ${notAfter}`;
    }),
  ];
}

function limitsText({ receiveMaximum, maximumPacketBytes, topicAliasMaximum }: BrokerLimits): string {
  return `receive maximum ${receiveMaximum}, packets up to ${maximumPacketBytes} bytes, ${topicAliasMaximum} topic aliases`;
}

async function publish(session: Broker | undefined, { publication }: ConnectTestParts): Promise<string> {
  const { topic } = publication;
  const outcome = (await session?.publish(publication)) ?? { kind: "offline" };
  switch (outcome.kind) {
    case "acked":
      return topic;
    case "rejected":
      throw new AgentError("broker.refused", {
        what: `the broker refused a publish to ${topic}: PUBACK ${outcome.reason}`,
        remedy:
          "let the broker's policy allow this thing to publish to the topics of topics.record, topics.schema and topics.presence",
      });
    case "too-large":
    case "offline":
      throw new AgentError("broker.unreachable", {
        what: `no PUBACK came for a publish to ${topic}`,
        remedy: "try again; if it stays, the broker may close the connection because its policy forbids the topic",
      });
  }
}

function outOfTime({ host, port }: Endpoint): AgentError {
  return new AgentError("broker.unreachable", {
    what: `the test of ${host}:${port} did not end in time`,
    remedy: "give it longer with --timeout, and check the network connection",
  });
}
