import type { Command } from "commander";
import { loadConfig } from "../../../config/load.ts";
import type { AgentConfig } from "../../../config/schema.ts";
import { readCa, type TlsIdentity } from "../../../drivers/aws/identity/tls.ts";
import { inspectServer, openTcp, resolveHost } from "../../../drivers/aws/link/probe.ts";
import { createBroker } from "../../../drivers/aws/mqtt5.ts";
import { createTopics } from "../../cloud/topics.ts";
import { EXIT, FAULTS } from "../../core/errors.ts";
import { isBornInTpm } from "../../core/key-faults.ts";
import { composeProxy } from "../../daemon/compose-proxy.ts";
import { openIdentity } from "../../daemon/open-identity.ts";
import type { Broker } from "../../ports/broker.ts";
import { type ConnectReport, type ConnectTestParts, testConnection } from "../connect-test.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { keyInUse, openToken } from "../open-token.ts";
import { isRunning } from "../running-agent.ts";
import { verboseLog } from "../verbose-log.ts";

/** `causeway connect test`: every step on the way to the broker, timed, with the daemon up or down. */
export function registerConnect(program: Command, context: CliContext): void {
  program
    .command("connect")
    .description("the connection to the broker")
    .command("test")
    .description("DNS and TCP, or the proxy, TLS, key, CONNECT and one publish, each timed; names the first that fails")
    .option("--client-id <id>", "MQTT client id; the thing name with -connect-test when absent")
    .addHelpText(
      "after",
      `
The daemon's own client id would end its session, so that the test takes another. Where the broker's policy allows no other,
stop the daemon and give --client-id with the thing name. The publish goes to topics.record with the stream "test".

Example:
  causeway connect test --json`,
    )
    .action(async (options: { readonly clientId?: string }) => {
      const config = await loadConfig(context.options().config);
      const clientId = options.clientId ?? `${config.thingName}-connect-test`;
      if (clientId === config.thingName && (await isRunning(config, context.clock))) {
        note(
          context,
          `warning: the daemon is running as ${clientId}: this test ends its session, and it connects again`,
        );
      }
      const { timeoutMs } = context.options();
      const signal = AbortSignal.any([context.signal, AbortSignal.timeout(timeoutMs)]);
      const report = await testConnection(connectTestParts(config, clientId, context), signal);
      show(report, config, clientId, context);
    });
}

/** What the test of the connection with the identity in use is made of. */
export function connectTestParts(config: AgentConfig, clientId: string, context: CliContext): ConnectTestParts {
  const { broker, thingName, topics } = config;
  const { clock } = context;
  const { environment } = context;
  const { verbose } = context.options();
  const identity = openIdentity({ config, environment, log: verboseLog(context), verbose }).inUse;
  let opened: TlsIdentity | undefined;
  const proxy = composeProxy({ config, environment })(broker.host);
  const endpoint = { host: broker.host, port: broker.port, timeoutMs: broker.connectTimeoutMs };
  return {
    endpoint,
    proxy,
    clock,
    publication: {
      topic: createTopics(topics, thingName).test,
      payload: new TextEncoder().encode(`connect test of ${thingName}`),
      retain: false,
      contentType: "text/plain",
      messageExpirySeconds: 60,
      userProperties: [["stream", "test"]],
    },
    network: { resolveHost, openTcp, inspectServer: (to) => inspectServer(to, readCa(broker.caFile), proxy) },
    openKey: async (signal) => {
      opened = await withOpenKey(identity, signal);
      return `${opened.key}${await problemsOf(config, context)}`;
    },
    broker: (): Broker =>
      createBroker(
        { config: { ...broker, sessionExpirySeconds: 0 }, clientId, will: undefined, once: true },
        { identity: opened ?? identity, proxy, clock, log: verboseLog(context) },
      ),
  };
}

/** What is wrong with the key in use, as an addition to its name; empty for a good one. */
async function problemsOf(config: AgentConfig, context: CliContext): Promise<string> {
  if (config.identity.mode === "file") return "";
  const token = await openToken(context);
  const key = await keyInUse(token);
  if (isBornInTpm(key)) return "";
  note(context, `warning: the key "${key.label}" is not fit to be the device's: ${key.problems.join("; ")}`);
  return `, UNFIT: ${key.problems.join("; ")}`;
}

/** The same identity with its context made now, so that opening the token has a time of its own. */
async function withOpenKey(identity: TlsIdentity, signal: AbortSignal): Promise<TlsIdentity> {
  const { key, certificateFile, caFile } = identity;
  const context = await identity.openContext(signal);
  return {
    key,
    certificateFile,
    caFile,
    openContext: () => Promise.resolve(context),
    tpmSilence: () => identity.tpmSilence(),
    keyFault: (errorName) => identity.keyFault(errorName),
    with: (credential) => identity.with(credential),
  };
}

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

function show(report: ConnectReport, config: AgentConfig, clientId: string, context: CliContext): void {
  const { steps, server, fault } = report;
  context.finish(fault === undefined ? EXIT.ok : FAULTS[fault.code].exit);
  if (context.options().json) {
    const { host, port } = config.broker;
    const reason =
      fault === undefined ? {} : { fault: { code: fault.code, what: fault.message, remedy: fault.remedy } };
    printJson(context, { schemaVersion: 1, ok: fault === undefined, host, port, clientId, steps, server, ...reason });
    return;
  }
  for (const line of connectLines(report)) printLine(context, line);
  if (fault !== undefined) throw fault;
}
