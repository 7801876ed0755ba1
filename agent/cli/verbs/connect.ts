import type { Command } from "commander";
import { loadConfig } from "../../../config/load.ts";
import type { AgentConfig } from "../../../config/schema.ts";
import { EXIT, FAULTS } from "../../core/errors.ts";
import { type ConnectReport, connectLines, testConnection } from "../connect-test.ts";
import { connectTestParts } from "../connect-test-parts.ts";
import { type CliContext, faultJson, note, printJson, printLine } from "../context.ts";
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

function show(report: ConnectReport, config: AgentConfig, clientId: string, context: CliContext): void {
  const { steps, server, fault } = report;
  context.finish(fault === undefined ? EXIT.ok : FAULTS[fault.code].exit);
  if (context.options().json) {
    const { host, port } = config.broker;
    const end = { ok: fault === undefined, host, port, clientId, steps, server, ...faultJson(fault) };
    printJson(context, { schemaVersion: 1, ...end });
    return;
  }
  for (const line of connectLines(report)) printLine(context, line);
  if (fault !== undefined) throw fault;
}
