import type { LoadedConfig } from "../../config/load.ts";
import { AgentError } from "../core/errors.ts";
import { loadCampaignFiles, type RefusedFile } from "../daemon/configuration/campaign-files.ts";
import { checkConfig } from "../daemon/configuration/check-config.ts";
import type { CliContext } from "./context.ts";

/** What a configuration comes to that the agent would start with. */
export type CheckedConfig = {
  readonly counts: {
    readonly buses: number;
    readonly messages: number;
    readonly signals: number;
    readonly campaigns: number;
  };
  readonly warnings: readonly string[];
};

/** Everything that a start looks at, and campaigns too. Throws `config.invalid`. */
export async function checkedConfig(
  loaded: LoadedConfig,
  { clock }: Pick<CliContext, "clock">,
): Promise<CheckedConfig> {
  const { table, warnings } = await checkConfig(loaded, clock);
  const { documents, refused } = await loadCampaignFiles(loaded.config, table);
  if (refused.length > 0) throw unfitCampaigns(refused);
  const { messages, signals } = table;
  const counts = {
    buses: loaded.config.buses.length,
    messages: messages.length,
    signals: signals.length,
    campaigns: documents.length,
  };
  return { counts, warnings };
}

function unfitCampaigns(refused: readonly RefusedFile[]): AgentError {
  return new AgentError("config.invalid", {
    what: refused.map(({ what }) => what).join("\n"),
    remedy: "correct the campaigns; the agent would run without them",
  });
}
