import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type CampaignDocument, campaignDocument } from "../../../config/campaign.ts";
import { loadYamlFile } from "../../../config/load.ts";
import type { AgentConfig } from "../../../config/schema.ts";
import type { Locate } from "../../../config/yaml-file.ts";
import { AgentError, errnoOf } from "../../core/errors.ts";
import { fileTrouble } from "../../core/file-trouble.ts";
import type { SignalTable } from "../../signals/signal-table.ts";
import { type CampaignOffer, chooseCampaigns } from "../../telemetry/campaigns/arrival/campaign-choice.ts";
import type { SourceOffer } from "../../telemetry/campaigns/arrival/campaign-control.ts";
import { CampaignJudge, type JudgedDocument } from "../../telemetry/campaigns/arrival/campaign-judge.ts";
import { limitsOf } from "../../telemetry/campaigns/plan/campaign-limits.ts";
import { factNames } from "../campaign-facts.ts";

/** Files that are read of a folder; more are refused together. */
const MAX_FILES = 1000;

type CampaignConfig = Pick<AgentConfig, "buses" | "campaigns" | "ota" | "power" | "place">;

/** A file, and why it is not in force: a line for each problem, with its place. `id` is its path where it cannot be read, and `version` 0. */
export type RefusedFile = {
  readonly file: string;
  readonly what: string;
  readonly id: string;
  readonly version: number;
};

/** The campaigns of one folder: those that can run, here or elsewhere, and those that cannot. */
export type CampaignFiles = {
  readonly documents: readonly CampaignDocument[];
  readonly refused: readonly RefusedFile[];
};

type Read = { readonly file: string; readonly document: CampaignDocument; readonly locate: Locate };

/** The campaigns of files: the vehicle's own ones, and those of the signed set in use. */
export type FoundCampaigns = {
  readonly files: CampaignFiles;
  readonly set: CampaignFiles;
  /** Those of both that do not run. */
  readonly refused: readonly RefusedFile[];
};

/** None, as where there is no folder. */
export const NO_FILES: CampaignFiles = { documents: [], refused: [] };

/** Reads the vehicle's own folder, and `campaigns` in that of the signed set, where one is in use. Throws nothing. */
export async function findCampaigns(
  config: CampaignConfig,
  setFolder: string | undefined,
  table: SignalTable,
): Promise<FoundCampaigns> {
  const files = await loadCampaignFiles(config, table);
  const set = setFolder === undefined ? NO_FILES : await loadCampaignFiles(inFolder(config, setFolder), table);
  return { files, set, refused: [...files.refused, ...set.refused] };
}

/** A configuration with the campaigns of a set of files in place of its own. */
export function inFolder(config: CampaignConfig, setFolder: string): CampaignConfig {
  return { ...config, campaigns: { ...config.campaigns, folder: join(setFolder, "campaigns") } };
}

/** What the control of campaigns is told of a folder. */
export function offerOf({ documents, refused }: CampaignFiles): SourceOffer {
  return { documents, unread: refused.map(({ id, version, what }) => ({ id, version, reason: what })) };
}

/** Reads `campaigns.folder` and holds each document against the table and the limits. A folder that is not there has none. Throws nothing. */
export async function loadCampaignFiles(config: CampaignConfig, table: SignalTable): Promise<CampaignFiles> {
  const { folder, history } = config.campaigns;
  const refused: RefusedFile[] = [];
  const read: Read[] = [];
  for (const file of await filesIn(folder, refused)) {
    const loaded = await readDocument(file);
    if (typeof loaded === "string") refused.push(unread(file, loaded));
    else read.push(loaded);
  }
  const busNames = config.buses.map(({ name }) => name);
  const facts = factNames(busNames, config.power?.state !== undefined, config.place?.fences);
  const context = { table, busNames, facts, hasHistory: history.maxBytes > 0 };
  const judge = new CampaignJudge(context, config.ota?.hardware);
  const offers = read.flatMap((one): CampaignOffer[] => {
    const judged = judge.judge(one.document);
    const problems = problemsOf(one, read, judged);
    if (problems.length > 0) refused.push(refusal(one, problems.join("\n")));
    return problems.length > 0 ? [] : [{ source: "files", document: one.document, judged, isForced: false }];
  });
  for (const { id, kind, reason } of chooseCampaigns(offers, limitsOf(config.campaigns)).refused) {
    const found = read.find(({ document }) => document.id === id);
    if (kind === "refused" && found !== undefined) refused.push(refusal(found, `${found.locate(["id"])} ${reason}`));
  }
  const isRefused = new Set(refused.map(({ file }) => file));
  const documents = read.flatMap(({ file, document }) => (isRefused.has(file) ? [] : [document]));
  return { documents, refused };
}

/** What is wrong with a document by itself and beside the others, each with its place. */
function problemsOf({ file, document, locate }: Read, all: readonly Read[], judged: JudgedDocument): readonly string[] {
  const problems = judged.kind === "unfit" ? judged.problems : [];
  const lines = problems.map(({ path, problem, offset }) => `${locate(path, offset)} ${path.join(".")}: ${problem}`);
  const twin = all.find((other) => other.file !== file && other.document.id === document.id);
  return twin === undefined ? lines : [...lines, `${locate(["id"])} id: ${document.id} is that of ${twin.file} too`];
}

function refusal({ file, document: { id, version } }: Read, what: string): RefusedFile {
  return { file, what, id, version };
}

function unread(file: string, what: string): RefusedFile {
  return { file, what, id: file, version: 0 };
}

async function filesIn(folder: string, refused: RefusedFile[]): Promise<readonly string[]> {
  try {
    const names = (await readdir(folder)).filter((name) => name.endsWith(".yaml")).toSorted((a, b) => (a < b ? -1 : 1));
    if (names.length <= MAX_FILES) return names.map((name) => join(folder, name));
    refused.push(unread(folder, `${folder}: ${names.length} files, more than the ${MAX_FILES} that are read`));
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT") return [];
    refused.push(unread(folder, `${folder}: cannot be listed: ${fileTrouble(thrown)}`));
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
