import { join } from "node:path";
import type { AgentConfig } from "../../config/schema.ts";

/** Where certificates and the state of the identities are. */
export function identityFolder({ stateDir }: Pick<AgentConfig, "stateDir">): string {
  return join(stateDir, "identity");
}
