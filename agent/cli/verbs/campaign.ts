import type { Command } from "commander";
import type { CliContext } from "../context.ts";
import { registerCampaignTest } from "./campaign-test.ts";
import { registerCampaignValidate } from "./campaign-validate.ts";

/** `causeway campaign`. */
export function registerCampaign(program: Command, context: CliContext): void {
  const campaign = program
    .command("campaign")
    .description("what is collected when: campaigns of the vehicle, and documents");
  registerCampaignValidate(campaign, context);
  registerCampaignTest(campaign, context);
}
