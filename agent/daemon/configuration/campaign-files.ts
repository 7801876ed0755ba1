import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type CampaignDocument, campaignDocument } from "../../../config/campaign.ts";
import { loadYamlFile } from "../../../config/load.ts";
import type { AgentConfig } from "../../../config/schema.ts";
import type { Locate } from "../../../config/yaml-file.ts";
import { AgentError, errnoOf, messageOf } from "../../core/errors.ts";
import type { SignalTable } from "../../signals/signal-table.ts";
import { planCampaign } from "../../telemetry/campaigns/campaign-plan.ts";
import { factNames } from "../campaign-facts.ts";

/** Files that are read of a folder; more are refused together. */
const MAX_FILES = 1000;

/** A file, and why it is not in force: a line for each problem, with its place. */
export type RefusedCampaign = { readonly file: string; readonly what: string };

/** The campaigns of the vehicle's own files: those that can run here, and those that cannot. */
export type CampaignFiles = {
  readonly documents: readonly CampaignDocument[];
  readonly refused: readonly RefusedCampaign[];
};

type Read = { readonly file: string; readonly document: CampaignDocument; readonly locate: Locate };

/** Reads `campaigns.folder` and holds each document against the table. A folder that is not there has none. Throws nothing. */
export async function loadCampaignFiles(
  config: Pick<AgentConfig, "buses" | "campaigns">,
  table: SignalTable,
): Promise<CampaignFiles> {
  const { folder, history } = config.campaigns;
  const refused: RefusedCampaign[] = [];
  const read: Read[] = [];
  for (const file of await filesIn(folder, refused)) {
    const loaded = await readDocument(file);
    if (typeof loaded === "string") refused.push({ file, what: loaded });
    else read.push(loaded);
  }
  const busNames = config.buses.map(({ name }) => name);
  const context = { table, busNames, facts: factNames(busNames), hasHistory: history.maxBytes > 0 };
  const documents = read.flatMap(({ file, document, locate }) => {
    const twin = read.find((other) => other.file !== file && other.document.id === document.id);
    const planned = planCampaign(document, context);
    if (twin === undefined && planned.kind === "plan") return [document];
    const problems = planned.kind === "plan" ? [] : planned.problems;
    const lines = problems.map(({ path, problem }) => `${locate(path)} ${path.join(".")}: ${problem}`);
    if (twin !== undefined) lines.push(`${locate(["id"])} id: ${document.id} is that of ${twin.file} too`);
    refused.push({ file, what: lines.join("\n") });
    return [];
  });
  return { documents, refused };
}

async function filesIn(folder: string, refused: RefusedCampaign[]): Promise<readonly string[]> {
  try {
    const names = (await readdir(folder)).filter((name) => name.endsWith(".yaml")).toSorted((a, b) => (a < b ? -1 : 1));
    if (names.length <= MAX_FILES) return names.map((name) => join(folder, name));
    refused.push({ file: folder, what: `${folder}: ${names.length} files, more than the ${MAX_FILES} that are read` });
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT") return [];
    refused.push({ file: folder, what: `${folder}: cannot be listed: ${messageOf(thrown)}` });
  }
  return [];
}

async function readDocument(file: string): Promise<Read | string> {
  try {
    const { value, locate } = await loadYamlFile(file, campaignDocument);
    return { file, document: value, locate };
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    return thrown.message;
  }
}
