import type { AgentConfig } from "../../config/schema.ts";
import { isServedPort } from "../../drivers/net/served-port.ts";
import { sightOfJournal } from "../../drivers/os/journal-reader.ts";
import type { Check } from "../local-api/support-schema.ts";
import { logCheck, tunnelPortChecks } from "../support/service-checks.ts";

/** What stands around an agent, running or not: the journal of this machine, and the local services that tunnels lead to. */
export async function lookAtServices({ tunnels }: Pick<AgentConfig, "tunnels">): Promise<readonly Check[]> {
  return [logCheck(await sightOfJournal()), ...(await tunnelPortChecks(tunnels?.services ?? {}, isServedPort))];
}
