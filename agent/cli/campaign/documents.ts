import { type CampaignDocument, campaignDocument } from "../../../config/campaign.ts";
import { loadYamlFile } from "../../../config/load.ts";
import type { Locate } from "../../../config/yaml-file.ts";
import type { EntryProblem } from "../../core/entry-problem.ts";
import { AgentError } from "../../core/errors.ts";

/** A campaign in a file of its own. */
export type CampaignFile = { readonly file: string; readonly document: CampaignDocument; readonly locate: Locate };

const REMEDY = "correct the document at the places that are named";

/** Throws `input.missing`, or `input.malformed` with each problem on a line of its own as "file:line:col field: message". */
export async function readCampaign(file: string): Promise<CampaignFile> {
  try {
    const { value, locate } = await loadYamlFile(file, campaignDocument);
    return { file, document: value, locate };
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    const isMissing = thrown.code === "config.missing";
    throw new AgentError(isMissing ? "input.missing" : "input.malformed", {
      what: thrown.message,
      remedy: isMissing ? "check the path" : REMEDY,
      cause: thrown,
    });
  }
}

/** `input.malformed` for what does not fit the vehicle. */
export function unfitCampaign(campaign: CampaignFile, problems: readonly EntryProblem[]): AgentError {
  return new AgentError("input.malformed", { what: placed(campaign, problems).join("\n"), remedy: REMEDY });
}

/** Each as "file:line:col field: problem". */
export function placed({ locate }: CampaignFile, problems: readonly EntryProblem[]): readonly string[] {
  return problems.map(({ path, problem, offset }) => `${locate(path, offset)} ${path.join(".")}: ${problem}`);
}
