import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { loadConfig } from "../../../config/load.ts";
import { bootId } from "../../../drivers/os/time-source.ts";
import { AgentError, messageOf } from "../../core/errors.ts";
import { formatBytes } from "../../core/quantity.ts";
import { composeSupport } from "../../daemon/compose-support.ts";
import { openIdentity } from "../../daemon/open-identity.ts";
import { supportCollect } from "../../local-api/support-schema.ts";
import type { SupportBundle } from "../../support/bundle.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { runningAgent } from "../running-agent.ts";
import { verboseLog } from "../verbose-log.ts";

/** `causeway diag collect`: a support bundle in a file; works with the daemon up or down. */
export function registerDiag(program: Command, context: CliContext): void {
  program
    .command("diag")
    .description("what support needs to know")
    .command("collect")
    .description("write a support bundle: configuration, status, self-test, commands and log, without secrets")
    .option("-o, --output <file>", "where to, instead of a new file in this folder")
    .addHelpText(
      "after",
      `
The bundle is one JSON document, compressed with gzip. PIN, keys, provisioning parameters, VIN, serial number and the query of URLs are
left out, and so is what commands gave. Without a running agent it has no status, no commands and no log.

Examples:
  causeway diag collect
  causeway diag collect -o bundle.json.gz && zcat bundle.json.gz | jq .status.link`,
    )
    .action(({ output }: { readonly output?: string }) => collect(context, output));
}

async function collect(context: CliContext, output: string | undefined): Promise<void> {
  const { name, content, sha256 } = await bundle(context);
  const file = output ?? name;
  await writeFile(file, content, { mode: 0o600, flag: output === undefined ? "wx" : "w" }).catch((error: unknown) => {
    throw new AgentError("output.unwritable", {
      what: `${file} cannot be written: ${messageOf(error)}`,
      remedy: "choose a place that this user may write to: -o FILE",
      cause: error,
    });
  });
  if (context.options().json) printJson(context, { schemaVersion: 1, file, bytes: content.length, sha256 });
  else printLine(context, `${file}  ${formatBytes(content.length)}  sha256 ${sha256}`);
}

async function bundle(context: CliContext): Promise<SupportBundle> {
  try {
    const { answer } = await (await runningAgent(context)).ask(supportCollect, {});
    const { name, sha256, content } = answer;
    return { name, sha256, content: Buffer.from(content, "base64") };
  } catch (thrown) {
    if (!(thrown instanceof AgentError) || thrown.code !== "agent.not-running") throw thrown;
    note(context, `${thrown.message}: the bundle has no status, no commands and no log`);
    return await withoutAgent(context, thrown);
  }
}

async function withoutAgent(context: CliContext, { code, message }: AgentError): Promise<SupportBundle> {
  const { version, environment, clock } = context;
  const config = await loadConfig(context.options().config);
  const log = verboseLog(context);
  const identities = openIdentity({ config, environment, log, verbose: context.options().verbose });
  const runtime = { version, environment, bootId: bootId(), clock, log };
  const support = composeSupport({ config, identities, recent: () => [] }, runtime);
  support.include("status", () => ({ fault: { code, what: message } }));
  return await support.collect();
}
