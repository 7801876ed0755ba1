import { AgentError } from "../agent/core/errors.ts";
import { type CampaignDocument, campaignDocument } from "./campaign.ts";
import { problemLines } from "./schema-problems.ts";
import { locateIn, yamlFileOf } from "./yaml-file.ts";

/** Longest text of a campaign, UTF-16 units. */
const MAX_CHARACTERS = 1_048_576;

/** A campaign as YAML, of which JSON is a part; or why it is none, a line for each problem with its place in the text, called `name`. */
export function readCampaignText(text: string, name: string): CampaignDocument | string {
  if (text.length > MAX_CHARACTERS)
    return `${name}: ${text.length} characters, more than the ${MAX_CHARACTERS} that are read`;
  try {
    const file = yamlFileOf(name, text);
    const parsed = campaignDocument.safeParse(file.value ?? {});
    if (parsed.success) return parsed.data;
    return problemLines(parsed.error, campaignDocument, (at) => locateIn([file], at)).join("\n");
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    return thrown.message;
  }
}
