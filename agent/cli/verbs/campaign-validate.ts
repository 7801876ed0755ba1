import type { Command } from "commander";
import { AgentError, EXIT } from "../../core/errors.ts";
import { formatBytes, formatCount } from "../../core/quantity.ts";
import { CampaignJudge } from "../../telemetry/campaigns/arrival/campaign-judge.ts";
import type { CampaignCost } from "../../telemetry/campaigns/plan/campaign-cost.ts";
import { type CampaignLimits, excessOf, limitsOf } from "../../telemetry/campaigns/plan/campaign-limits.ts";
import type { CampaignPlan } from "../../telemetry/campaigns/plan/campaign-plan.ts";
import { type CampaignFile, placed, readCampaign } from "../campaign/documents.ts";
import { contextOf } from "../campaign/simulation.ts";
import { type NamedVehicle, type VehicleOptions, vehicleOf } from "../campaign/vehicle.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { appended, DBC_HELP, dbcOptions } from "../dbc-file.ts";
import { alignColumns } from "../text.ts";

/** `causeway campaign validate`: works with the daemon down. */
export function registerCampaignValidate(campaign: Command, context: CliContext): void {
  const validate = campaign
    .command("validate")
    .description("check documents against a vehicle, and say what each would cost; change nothing")
    .argument("<files...>", "the documents, one campaign each")
    .option("--dbc <file>", `${DBC_HELP}; the vehicle of the configuration when absent`, appended)
    .option("--bus <name>", "with --dbc a bus of the vehicle; may be repeated", appended);
  for (const option of dbcOptions()) validate.addOption(option);
  validate
    .addHelpText(
      "after",
      `
Costs are estimates by the cycle times of the DBC files, 100 ms where they have
none. They are held against campaigns.limits and campaigns.history.maxBytes, for
all documents together. Ends with 65 when one cannot run.

Examples:
  causeway campaign validate hard-braking.yaml
  causeway campaign validate --dbc vehicle.dbc --bus can0 campaigns/*.yaml`,
    )
    .action((files: readonly string[], options: VehicleOptions) => validateFiles(context, files, options));
}

type Verdict =
  | { readonly kind: "fit"; readonly campaign: CampaignFile; readonly plan: CampaignPlan; readonly cost: CampaignCost }
  | { readonly kind: "elsewhere"; readonly campaign: CampaignFile; readonly reason: string }
  | { readonly kind: "unfit"; readonly file: string; readonly problems: readonly string[] };

async function validateFiles(context: CliContext, files: readonly string[], options: VehicleOptions): Promise<void> {
  const read: (CampaignFile | Extract<Verdict, { kind: "unfit" }>)[] = [];
  for (const file of files) read.push(await readOrProblems(file));
  const buses = read.flatMap((one) => ("document" in one ? busesIn(one) : []));
  const vehicle = await vehicleOf(context, options, [...new Set(buses)]);
  const limits = limitsOf(vehicle.settings.campaigns);
  for (const verdict of verdictsOf(read, vehicle, limits)) {
    if (context.options().json) printJson(context, verdictJson(verdict));
    else tell(context, verdict, limits);
    if (verdict.kind === "unfit") context.finish(EXIT.badInput);
  }
}

async function readOrProblems(file: string): Promise<CampaignFile | Extract<Verdict, { kind: "unfit" }>> {
  try {
    return await readCampaign(file);
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    return { kind: "unfit", file, problems: thrown.message.split("\n") };
  }
}

/** Buses that a document names itself. */
function busesIn({ document }: CampaignFile): readonly string[] {
  return [...(document.for.buses ?? []), ...document.frames.map(({ bus }) => bus)];
}

function verdictsOf(
  read: readonly (CampaignFile | Extract<Verdict, { kind: "unfit" }>)[],
  vehicle: NamedVehicle,
  limits: CampaignLimits,
): readonly Verdict[] {
  const judge = new CampaignJudge(contextOf(vehicle), vehicle.hardware);
  const costs: CampaignCost[] = [];
  const seen = new Map<string, string>();
  return read.map((campaign): Verdict => {
    if (!("document" in campaign)) return campaign;
    const { file, document, locate } = campaign;
    const twin = seen.get(document.id);
    if (twin !== undefined)
      return { kind: "unfit", file, problems: [`${locate(["id"])} id: ${document.id} is that of ${twin} too`] };
    seen.set(document.id, file);
    const judged = judge.judge(document);
    if (judged.kind === "unfit") return { kind: "unfit", file, problems: placed(campaign, judged.problems) };
    if (judged.kind === "elsewhere") return { ...judged, campaign };
    const excess = excessOf([...costs, judged.cost], limits);
    if (excess !== undefined) return { kind: "unfit", file, problems: [`${locate(["id"])} ${excess}`] };
    costs.push(judged.cost);
    return { ...judged, campaign };
  });
}

function verdictJson(verdict: Verdict): object {
  const { kind } = verdict;
  if (kind === "unfit") return { schemaVersion: 1, file: verdict.file, kind, problems: verdict.problems };
  const { file, document, locate } = verdict.campaign;
  const about = { schemaVersion: 1, file, kind, id: document.id, version: document.version };
  if (kind === "elsewhere") return { ...about, reason: verdict.reason };
  const { plan, cost } = verdict;
  const warnings = plan.warnings.map(({ path, problem }) => `${locate(path)} ${path.join(".")}: ${problem}`);
  return { ...about, digest: plan.digest, cost, warnings };
}

function tell(context: CliContext, verdict: Verdict, limits: CampaignLimits): void {
  if (verdict.kind === "unfit") {
    for (const problem of verdict.problems) context.terminal.stderr.write(`${problem}\n`);
    return;
  }
  const { file, document } = verdict.campaign;
  const name = `${file}: ${document.id} v${document.version}`;
  if (verdict.kind === "elsewhere")
    return printLine(context, `${name} is valid, but not for this vehicle: ${verdict.reason}`);
  for (const line of placed(verdict.campaign, verdict.plan.warnings)) note(context, `${line} (warning)`);
  printLine(context, `${name} is valid`);
  for (const line of costText(verdict.plan, verdict.cost, limits)) printLine(context, line);
}

/** What a campaign costs beside what there is, for people. */
function costText(
  { document: { budget } }: Pick<CampaignPlan, "document">,
  { historyBytes, historySeconds, windowBytes, evaluationsPerSecond, bytesPerDay }: CampaignCost,
  limits: CampaignLimits,
): readonly string[] {
  const isBudget = budget !== undefined && bytesPerDay === budget.bytesPerDay;
  const history = historySeconds === 0 ? "none" : `${historySeconds} s, about ${formatBytes(historyBytes)}`;
  return alignColumns([
    ["  history", history, `of ${formatBytes(limits.historyBytes)}`],
    [
      "  windows",
      windowBytes === 0 ? "none" : `at most ${formatBytes(windowBytes)}`,
      `of ${formatBytes(limits.windowBytes)}`,
    ],
    [
      "  evaluations",
      `about ${formatCount(evaluationsPerSecond)} a second`,
      `of ${formatCount(limits.evaluationsPerSecond)}`,
    ],
    [
      "  sends",
      isBudget ? `${formatBytes(bytesPerDay)} a day, its budget` : `about ${formatBytes(bytesPerDay)} a day`,
      `of ${formatBytes(limits.bytesPerDay)}`,
    ],
  ]);
}
