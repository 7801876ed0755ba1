import { type FileHandle, open } from "node:fs/promises";
import { type Command, Option } from "commander";
import { loadConfig } from "../../../config/load.ts";
import { AgentError } from "../../core/errors.ts";
import { printable } from "../../core/plain-text.ts";
import { formatBytes } from "../../core/quantity.ts";
import { fileUpload } from "../../local-api/files-schema.ts";
import { supportCollect } from "../../local-api/support-schema.ts";
import type { SupportBundle } from "../../support/bundle.ts";
import { bundleWithoutAgent } from "../bundle-without-agent.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { readInput } from "../input-file.ts";
import { unwritable } from "../output-file.ts";
import { runningAgent, unlessAway } from "../running-agent.ts";

const MAX_URL_BYTES = 8192;

type Given = {
  readonly output?: string;
  readonly upload?: boolean;
  readonly urlFile?: string;
  readonly bucket?: string;
  readonly reason?: string;
};

/** `causeway diag collect`: a support bundle in a file; works with the daemon up or down. */
export function registerDiag(program: Command, context: CliContext): void {
  program
    .command("diag")
    .description("what support needs to know")
    .command("collect")
    .description("write a support bundle: configuration, status, self-test, commands and log, without secrets")
    .option("-o, --output <file>", "where to, instead of a new file in this folder")
    .addOption(
      new Option("--upload", "have the agent send it to the object store instead (section files)").conflicts("output"),
    )
    .addOption(
      new Option("--url-file <file>", "upload it to the presigned URL in this file, '-' for stdin").conflicts("output"),
    )
    .addOption(
      new Option("--bucket <name>", "upload it to this bucket of the configuration").conflicts(["urlFile", "output"]),
    )
    .option("--reason <text>", "with an upload: for those who find it there")
    .addHelpText(
      "after",
      `
The bundle is one JSON document, compressed with gzip. PIN, keys, provisioning parameters, VIN, serial number and the query of URLs are
left out, and so is what commands gave. Without a running agent it has no status and no commands, but the log from the journal, what the
kernel says of the buses, and the network without its addresses; run it as root then, so that the journal may be read.

With --upload the bundle waits in the agent until the cloud names a place for it (docs/fleet.md). --bucket and --url-file name one, and
need no --upload. It goes when the link and its budget allow it; causeway status shows how far it is.

Examples:
  causeway diag collect
  causeway diag collect -o bundle.json.gz && zcat bundle.json.gz | jq .status.link
  causeway diag collect --upload --reason "case 7"`,
    )
    .action((given: Given) => (isUpload(given) ? upload(context, given) : collect(context, given.output)));
}

/** A place to upload it to asks for it too. Throws `usage.invalid` for a reason that nobody would find. */
function isUpload({ upload: asked, urlFile, bucket, reason }: Given): boolean {
  if (asked === true || urlFile !== undefined || bucket !== undefined) return true;
  if (reason === undefined) return false;
  const what = "--reason goes with an upload, and none is asked for";
  throw new AgentError("usage.invalid", { what, remedy: "add --upload, or --bucket or --url-file" });
}

async function upload(context: CliContext, { urlFile, bucket, reason }: Given): Promise<void> {
  const url = urlFile === undefined ? undefined : await urlIn(context, urlFile);
  const { answer, raw } = await (await runningAgent(context)).ask(fileUpload, { kind: "bundle", url, bucket, reason });
  if (answer.kind === "refused") {
    throw new AgentError("upload.refused", {
      what: `the agent does not upload it: ${answer.what}`,
      remedy: "write it to a file instead: causeway diag collect",
    });
  }
  if (context.options().json) {
    printJson(context, raw);
    return;
  }
  const { upload: id, file, bytes, sha256, state } = answer;
  printLine(context, printable(`${file}  ${formatBytes(bytes)}  sha256 ${sha256}  upload ${id}, ${state}`));
  if (state === "waiting") note(context, "it waits until the cloud names a place for it");
}

/** The first line of the file, which is a secret: it is in no message. */
async function urlIn(context: CliContext, path: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of readInput(context, path)) {
    bytes += chunk.length;
    if (bytes > MAX_URL_BYTES) break;
    chunks.push(Uint8Array.from(chunk));
  }
  const [url = ""] = Buffer.concat(chunks).toString("utf8").trim().split("\n");
  if (url !== "" && bytes <= MAX_URL_BYTES) return url.trim();
  throw new AgentError("input.malformed", {
    what: `${path} does not hold a URL of at most ${MAX_URL_BYTES} bytes`,
    remedy: "give a file with one line: the presigned URL",
  });
}

async function collect(context: CliContext, output: string | undefined): Promise<void> {
  const agents = await agentsBundle(context);
  if (!(agents instanceof AgentError)) return await write(agents, await opened(output ?? agents.name, output), context);
  note(context, `${agents.message}: the bundle has no status and no commands; its log is what the journal has`);
  const config = await loadConfig(context.options().config);
  // Before the process is the service's user, who may not write there.
  const file = await opened(output ?? `support-${Math.round(context.clock.wallUs() / 1e6)}.json.gz`, output);
  await write(await bundleWithoutAgent(config, agents, context), file, context);
}

type OpenFile = { readonly path: string; readonly handle: FileHandle };

/** Throws as `unwritable` says. A file that nobody has named must be new. */
async function opened(path: string, named: string | undefined): Promise<OpenFile> {
  try {
    return { path, handle: await open(path, named === undefined ? "wx" : "w", 0o600) };
  } catch (error) {
    throw unwritable(path, error);
  }
}

async function write(
  { content, sha256 }: SupportBundle,
  { path, handle }: OpenFile,
  context: CliContext,
): Promise<void> {
  try {
    await handle.writeFile(content);
  } catch (error) {
    throw unwritable(path, error);
  } finally {
    await handle.close();
  }
  if (context.options().json) printJson(context, { schemaVersion: 1, file: path, bytes: content.length, sha256 });
  else printLine(context, `${path}  ${formatBytes(content.length)}  sha256 ${sha256}`);
}

/** The bundle of the running agent, or the fault that there is none. */
async function agentsBundle(context: CliContext): Promise<SupportBundle | AgentError> {
  const told = await unlessAway((await runningAgent(context)).ask(supportCollect, {}));
  if (told instanceof AgentError) return told;
  const { name, sha256, content } = told.answer;
  return { name, sha256, content: Buffer.from(content, "base64") };
}
