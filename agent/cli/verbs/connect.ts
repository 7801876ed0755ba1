import type { Command } from "commander";
import { loadConfig } from "../../../config/load.ts";
import type { AgentConfig } from "../../../config/schema.ts";
import { AgentError, AS_SERVICE_USER, EXIT, errnoOf, FAULTS } from "../../core/errors.ts";
import { type AgentsWord, agentsWord, wordLines } from "../agents-word.ts";
import { asServiceUser, ranQuietly } from "../as-service-user.ts";
import { type ConnectReport, connectLines, DETAIL_INDENT, testConnection } from "../connect-test.ts";
import { connectTestParts } from "../connect-test-parts.ts";
import { type CliContext, faultJson, note, printJson, printText } from "../context.ts";
import { isRunning } from "../running-agent.ts";

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

Run it as root or as the user of the service. Root becomes that user by itself, and gets the PIN by systemd-run where it is a systemd
credential of the service. For another user, who may not use the key, the running agent says at the end how its own connection is.

Example:
  causeway connect test --json`,
    )
    .action((options: { readonly clientId?: string }) => test(context, options.clientId));
}

async function test(context: CliContext, givenId: string | undefined): Promise<void> {
  const config = await readableConfig(context);
  if (config === undefined) return;
  await asServiceUser(config, context, true);
  if (await ranQuietly(context, context.options().timeoutMs)) return;
  const clientId = givenId ?? `${config.thingName}-connect-test`;
  if (clientId === config.thingName && (await isRunning(config, context.clock))) {
    note(context, `warning: the daemon is running as ${clientId}: this test ends its session, and it connects again`);
  }
  const { timeoutMs } = context.options();
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(timeoutMs)]);
  const report = await testConnection(connectTestParts(config, clientId, context), signal);
  const word = report.fault?.code === "identity.not-permitted" ? await agentsWord(context) : undefined;
  show(report, { config, clientId, word }, context);
}

/** Undefined where this user may not read it and the running agent has said for him what there is to say. */
async function readableConfig(context: CliContext): Promise<AgentConfig | undefined> {
  try {
    return await loadConfig(context.options().config);
  } catch (thrown) {
    if (!(thrown instanceof AgentError) || errnoOf(thrown.cause) !== "EACCES") throw thrown;
    const word = await agentsWord(context);
    if (word === undefined) {
      throw new AgentError("agent.not-permitted", { what: thrown.message, remedy: AS_SERVICE_USER, cause: thrown });
    }
    context.finish(word.isOk ? EXIT.ok : EXIT.degraded);
    if (context.options().json) printJson(context, { schemaVersion: 1, ok: word.isOk, steps: [], agent: word });
    else for (const line of wordLines(word)) printText(context, line, DETAIL_INDENT);
    return undefined;
  }
}

/** Of which connection a test was. `word` stands for its end where this user could not come so far. */
type Tested = { readonly config: AgentConfig; readonly clientId: string; readonly word: AgentsWord | undefined };

function show(report: ConnectReport, { config, clientId, word }: Tested, context: CliContext): void {
  const { steps, server } = report;
  const fault = word === undefined ? report.fault : undefined;
  const isInterrupted = context.signal.aborted && fault !== undefined;
  const failed = isInterrupted ? EXIT.interrupted : FAULTS[fault?.code ?? "internal.bug"].exit;
  const isOk = word?.isOk ?? fault === undefined;
  context.finish(isOk ? EXIT.ok : word === undefined ? failed : EXIT.degraded);
  if (context.options().json) {
    const { host, port } = config.broker;
    const end = { ok: isOk, host, port, clientId, steps, server, agent: word, ...faultJson(fault) };
    printJson(context, { schemaVersion: 1, ...end });
    return;
  }
  const lines = [...connectLines(report), ...(word === undefined ? [] : wordLines(word))];
  for (const line of lines) printText(context, line, DETAIL_INDENT);
  if (isInterrupted) note(context, "interrupted");
  else if (fault !== undefined) throw fault;
}
