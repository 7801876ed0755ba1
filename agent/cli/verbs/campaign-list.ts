import type { Command } from "commander";
import { stringify } from "yaml";
import { EXIT } from "../../core/errors.ts";
import { printable } from "../../core/plain-text.ts";
import { formatBytes, formatCount, formatCounted } from "../../core/quantity.ts";
import {
  campaignList,
  campaignShow,
  type ListedCampaigns,
  type ShownCampaign,
} from "../../local-api/campaigns-schema.ts";
import { shownValue, utcTime } from "../campaign/timeline.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { runningAgent } from "../running-agent.ts";
import { alignColumns } from "../text.ts";

/** `causeway campaign list|show`. */
export function registerCampaignList(campaign: Command, context: CliContext): void {
  campaign
    .command("list")
    .description("campaigns of the running agent: what runs, what is refused and why; 2 when there is none")
    .addHelpText("after", "\nWith --json one object.\n\nExample:\n  causeway campaign list")
    .action(() => list(context));
  campaign
    .command("show")
    .description("one campaign: its document, cost, triggers and problems; 2 when there is none")
    .argument("<id>")
    .addHelpText("after", "\nExample:\n  causeway campaign show hard-braking")
    .action((id: string) => show(context, id));
}

async function list(context: CliContext): Promise<void> {
  const { answer, raw } = await (await runningAgent(context)).ask(campaignList, {});
  const { campaigns, refused, history } = answer;
  if (campaigns.length + refused.length === 0) context.finish(EXIT.nothingToDo);
  if (context.options().json) return printJson(context, raw);
  if (campaigns.length + refused.length === 0) return note(context, "there is no campaign");
  for (const line of [...table(answer), ...reasons(refused), ...historyText(history)])
    printLine(context, printable(line));
}

function table({ campaigns, refused }: ListedCampaigns): readonly string[] {
  const rows = campaigns.map((one) => [
    cut(one.id, 24),
    `${one.version}`,
    one.source,
    one.state,
    `${formatCount(one.triggers)}${one.suppressed === 0 ? "" : ` (+${formatCount(one.suppressed)})`}`,
    `${formatBytes(one.bytesToday)}${one.budgetBytes === undefined ? "" : ` of ${formatBytes(one.budgetBytes)}`}`,
  ]);
  const others = refused.map(({ id, version, source, state }) => [cut(id, 24), `${version}`, source, state, "", ""]);
  return alignColumns([["campaign", "version", "source", "state", "triggers", "today"], ...rows, ...others]);
}

function reasons(refused: ListedCampaigns["refused"]): readonly string[] {
  return refused.flatMap(({ id, version, reason }) => [
    `${id} v${version} does not run:`,
    ...reason.split("\n").map((line) => `  ${line}`),
  ]);
}

function historyText(history: ListedCampaigns["history"]): readonly string[] {
  if (history === undefined || history.bytes === 0) return [];
  const { bytes, usedBytes, seconds, overwrittenEarly, openCaptures, refusedCaptures } = history;
  const short = overwrittenEarly === 0 ? "" : `, shorter than asked for (${formatCounted(overwrittenEarly, "frame")})`;
  const open = openCaptures === 0 ? "" : `, captures open: ${openCaptures}`;
  const denied = refusedCaptures === 0 ? "" : `, ${formatCount(refusedCaptures)} captures refused`;
  return [
    `history: ${formatBytes(usedBytes)} of ${formatBytes(bytes)}, ${seconds.toFixed(1)} s${short}${open}${denied}`,
  ];
}

async function show(context: CliContext, id: string): Promise<void> {
  const { answer, raw } = await (await runningAgent(context)).ask(campaignShow, { id });
  const { campaign, refused } = answer;
  if (campaign === undefined && refused.length === 0) {
    note(context, `there is no campaign ${id}`);
    return context.finish(EXIT.nothingToDo);
  }
  if (context.options().json) return printJson(context, raw);
  // The document is data of its own: what is said of it stands in remarks, so that all of it can be read again.
  const lines = [...(campaign === undefined ? [] : aboutText(campaign)), ...reasons(refused)];
  for (const line of lines) printLine(context, printable(`# ${line}`));
  if (campaign !== undefined) context.terminal.stdout.write(stringify(campaign.document, { lineWidth: 0 }));
}

function aboutText(campaign: ShownCampaign): readonly string[] {
  const { id, version, digest, source, state, triggers, suppressed, cost, derived, lastTriggers } = campaign;
  const budget = campaign.budgetBytes === undefined ? "" : ` of ${formatBytes(campaign.budgetBytes)}`;
  const lost =
    campaign.discardedSamples === 0 ? "" : `, ${formatCounted(campaign.discardedSamples, "sample")} discarded`;
  return [
    `${id} v${version}, digest ${digest}, of: ${source}`,
    `${state}, ${formatCounted(triggers, "trigger")}, ${formatCount(suppressed)} suppressed, ${formatBytes(campaign.bytesToday)}${budget} today${lost}`,
    `cost: history ${cost.historySeconds} s, about ${formatBytes(cost.historyBytes)}; windows at most ${formatBytes(cost.windowBytes)};`,
    `      about ${formatCount(cost.evaluationsPerSecond)} evaluations a second, ${formatBytes(cost.bytesPerDay)} a day`,
    ...campaign.warnings.map((warning) => `warning: ${warning}`),
    ...derived.map(
      ({ name, value, unit, timeUs }) =>
        `${name} = ${shownValue(value)} ${unit}`.trimEnd() + ` at ${utcTime(timeUs, 1)}`,
    ),
    ...lastTriggers.map(({ number, timeUs, byHand, values }) => {
      const why = byHand ? ["by hand"] : values.map(({ name, value }) => `${name} = ${shownValue(value)}`);
      return `trigger ${number} at ${utcTime(timeUs, 1)}: ${why.join(", ")}`;
    }),
  ];
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `…${text.slice(text.length - most + 1)}`;
}
