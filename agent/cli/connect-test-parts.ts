import type { AgentConfig } from "../../config/schema.ts";
import { readCa, type TlsIdentity } from "../../drivers/aws/identity/tls.ts";
import { inspectServer, openTcp, resolveHost } from "../../drivers/aws/link/probe.ts";
import { createTopics } from "../cloud/topics.ts";
import { isBornInTpm } from "../core/key-faults.ts";
import { composeProxy } from "../daemon/compose-proxy.ts";
import { openIdentity } from "../daemon/open-identity.ts";
import type { ConnectTestParts } from "./connect-test.ts";
import { type CliContext, note } from "./context.ts";
import { keyInUse, openToken } from "./open-token.ts";
import { singleSession } from "./single-session.ts";
import { verboseLog } from "./verbose-log.ts";

/** The test of the connection with the identity in use. */
export function connectTestParts(config: AgentConfig, clientId: string, context: CliContext): ConnectTestParts {
  const { broker, thingName, topics } = config;
  const { clock, environment } = context;
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
    broker: () => singleSession(config, clientId, opened ?? identity, context),
  };
}

/** What is wrong with the key in use, as an addition to its name; empty for a good one. */
async function problemsOf(config: AgentConfig, context: CliContext): Promise<string> {
  if (config.identity.mode === "file") return "";
  const token = await openToken(context, { wantsPin: true });
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
