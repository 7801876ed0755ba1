import type { Command } from "commander";
import { AgentError, EXIT } from "../../core/errors.ts";
import { printable } from "../../core/plain-text.ts";
import { formatCounted } from "../../core/quantity.ts";
import { campaignAdd, campaignReload, campaignRemove, campaignTrigger } from "../../local-api/campaigns-schema.ts";
import { type CampaignFile, readCampaign } from "../campaign/documents.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { type RunningAgent, runningAgent } from "../running-agent.ts";

/** The socket takes requests of 64 KiB; a longer document comes as a file of the vehicle. */
const MAX_DOCUMENT_BYTES = 65_000;

/** `causeway campaign add|remove|trigger|reload`: through the admin socket. */
export function registerCampaignChanges(campaign: Command, context: CliContext): void {
  campaign
    .command("add")
    .description("set campaigns on this vehicle, each in place of the one of its id; they stay over restarts")
    .argument("<files...>", "the documents, one campaign each")
    .option("--force", "also over a higher version, or another document of the same one", false)
    .addHelpText(
      "after",
      "\nOf each id the highest version counts, whatever its source. Ends with 1 when the agent refuses one.\n\nExample:\n  causeway campaign add hard-braking.yaml",
    )
    .action(async (files: readonly string[], { force }: { readonly force: boolean }) => {
      const documents: CampaignFile[] = [];
      for (const file of files) documents.push(await readShort(file));
      const agent = await runningAgent(context);
      for (const { document } of documents) {
        const { answer } = await agent.ask(campaignAdd, { document, force });
        tell(context, { id: document.id, version: document.version }, answer, "is set");
      }
    });
  campaign
    .command("remove")
    .description("take away campaigns that were set by campaign add")
    .argument("<ids...>")
    .addHelpText(
      "after",
      "\nThose of the vehicle's files, a set of files or the cloud are taken away there.\n\nExample:\n  causeway campaign remove hard-braking",
    )
    .action((ids: readonly string[]) =>
      eachId(context, ids, "is taken away", (agent, id) => agent.ask(campaignRemove, { id })),
    );
  campaign
    .command("trigger")
    .description("fire the trigger of a campaign by hand, whatever its condition says")
    .argument("<id>")
    .addHelpText("after", "\nExample:\n  causeway campaign trigger hard-braking")
    .action((id: string) =>
      eachId(context, [id], "has fired", (agent, one) => agent.ask(campaignTrigger, { id: one })),
    );
  campaign
    .command("reload")
    .description("read the campaigns of the vehicle's own files again")
    .addHelpText("after", "\nEnds with 65 when one of them does not run.\n\nExample:\n  causeway campaign reload")
    .action(() => reload(context));
}

type Changed = { readonly kind: "done" } | { readonly kind: "refused"; readonly reason: string };

async function eachId(
  context: CliContext,
  ids: readonly string[],
  done: string,
  ask: (agent: RunningAgent, id: string) => Promise<{ readonly answer: Changed }>,
): Promise<void> {
  const agent = await runningAgent(context);
  for (const id of ids) tell(context, { id }, (await ask(agent, id)).answer, done);
}

function tell(
  context: CliContext,
  about: { readonly id: string; readonly version?: number },
  answer: Changed,
  done: string,
): void {
  if (answer.kind === "refused") context.finish(EXIT.failed);
  if (context.options().json) return printJson(context, { schemaVersion: 1, ...about, ...answer });
  const name = printable(about.version === undefined ? about.id : `${about.id} v${about.version}`);
  if (answer.kind === "done") return printLine(context, `${name} ${done}`);
  for (const line of answer.reason.split("\n")) context.terminal.stderr.write(`${name}: ${printable(line)}\n`);
}

async function readShort(file: string): Promise<CampaignFile> {
  const read = await readCampaign(file);
  const bytes = Buffer.byteLength(JSON.stringify(read.document));
  if (bytes <= MAX_DOCUMENT_BYTES) return read;
  throw new AgentError("input.malformed", {
    what: `${file}: ${formatCounted(bytes, "byte")} as JSON, more than the ${MAX_DOCUMENT_BYTES} that the agent takes here`,
    remedy: "put it into campaigns.folder, then: causeway campaign reload",
  });
}

async function reload(context: CliContext): Promise<void> {
  const { answer, raw } = await (await runningAgent(context)).ask(campaignReload, {});
  const { accepted, refused } = answer;
  if (refused.length > 0) context.finish(EXIT.badInput);
  if (context.options().json) return printJson(context, raw);
  for (const { reason } of refused) context.terminal.stderr.write(`${reason.split("\n").map(printable).join("\n")}\n`);
  printLine(context, `${formatCounted(accepted, "campaign")} in the vehicle's own files`);
  if (refused.length > 0) note(context, `${formatCounted(refused.length, "file is", "files are")} refused`);
}
