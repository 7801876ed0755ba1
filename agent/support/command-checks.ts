import { AgentError } from "../core/errors.ts";
import { formatCounted } from "../core/quantity.ts";
import type { Status } from "../local-api/status-schema.ts";
import type { Check } from "../local-api/support-schema.ts";
import { failed, outcomeOf, passed, problemOf, warned } from "./check.ts";

/** Each look rejects with its own fault. */
export type CommandChecksParts = {
  readonly readPolicy: () => Promise<{ readonly keys: readonly unknown[]; readonly allow: readonly unknown[] }>;
  /** Gives the number of actions that write to a bus. */
  readonly checkCatalogue: () => Promise<number>;
  /** What the running agent says of commands; `agent.not-running` without one. */
  readonly told: Status["commands"] | AgentError;
};

/** Remote commands: keys pinned, policy, catalogue, ledger. */
export async function checkCommands(parts: CommandChecksParts): Promise<readonly Check[]> {
  return [
    await checkOf("policy", async () => policyCheck(await parts.readPolicy())),
    await checkOf("catalogue", async () =>
      passed(
        "catalogue",
        `${formatCounted(await parts.checkCatalogue(), "action that writes", "actions that write")} to a bus`,
      ),
    ),
    ledgerCheck(parts.told),
  ];
}

function policyCheck({ keys, allow }: Awaited<ReturnType<CommandChecksParts["readPolicy"]>>): Check {
  const what = `${formatCounted(keys.length, "key")} pinned, ${formatCounted(allow.length, "rule")}`;
  if (keys.length > 0) return passed("policy", what);
  const remedy = "pin the public key of whoever signs commands in the policy file";
  return warned("policy", `${what}: nothing that acts can be asked for`, remedy);
}

/** Without the agent nobody can say; that it does not run is told by causeway status. */
function ledgerCheck(commands: CommandChecksParts["told"]): Check {
  if (commands instanceof AgentError) return { ...failed("ledger", problemOf(commands)), verdict: "warn" };
  if (commands === undefined) {
    const remedy = "restart it: its configuration has changed since it started";
    return warned("ledger", "the running agent takes no commands", remedy);
  }
  const { ledger, what = "", remembered, maxCommands } = commands;
  if (ledger === "sound") return passed("ledger", `readable, ${remembered} of ${maxCommands} commands remembered`);
  if (ledger === "unvouched") {
    const remedy = "see that the TPM and the state folder can be used, then restart the agent";
    return failed("ledger", { what, remedy });
  }
  const remedy = "find out what happened to it, then: causeway commands acknowledge";
  return failed("ledger", { what: `it was lost: ${what}`, remedy });
}

async function checkOf(check: string, look: () => Promise<Check>): Promise<Check> {
  const found = await outcomeOf(look);
  return found instanceof AgentError ? failed(check, problemOf(found)) : found;
}
