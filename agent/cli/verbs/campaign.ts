import type { Command } from "commander";
import type { CliContext } from "../context.ts";
import { registerCampaignChanges } from "./campaign-change.ts";
import { registerCampaignList } from "./campaign-list.ts";
import { registerCampaignTest } from "./campaign-test.ts";
import { registerCampaignValidate } from "./campaign-validate.ts";

/** `causeway campaign`. */
export function registerCampaign(program: Command, context: CliContext): void {
  const campaign = program
    .command("campaign")
    .description("what is collected when: campaigns of the vehicle, and documents");
  registerCampaignList(campaign, context);
  registerCampaignValidate(campaign, context);
  registerCampaignTest(campaign, context);
  registerCampaignChanges(campaign, context);
}
