import { AgentError } from "../core/errors.ts";
import { formatDuration } from "../core/quantity.ts";
import { statusVerb } from "../local-api/status-schema.ts";
import { type Check, identityCheck } from "../local-api/support-schema.ts";
import type { CliContext } from "./context.ts";
import { runningAgent } from "./running-agent.ts";

/** What the running agent says of its link and of its identity. */
export type AgentsWord = {
  /** Online, and nothing of the identity fails. */
  readonly isOk: boolean;
  readonly link: {
    readonly state: string;
    readonly sinceMs: number;
    readonly fault?: { readonly what: string; readonly remedy: string };
  };
  readonly checks: readonly Check[];
};

/** Asks the agent for a user who may not look himself; undefined where none answers him. */
export async function agentsWord(context: CliContext): Promise<AgentsWord | undefined> {
  try {
    const agent = await runningAgent(context);
    const { state, sinceMs, fault } = (await agent.ask(statusVerb, {})).answer.link;
    const { checks } = (await agent.ask(identityCheck, {})).answer;
    const isOk = state === "online" && checks.every(({ verdict }) => verdict !== "fail");
    return { isOk, link: { state, sinceMs, ...(fault === undefined ? {} : { fault }) }, checks };
  } catch (thrown) {
    if (thrown instanceof AgentError) return undefined;
    throw thrown;
  }
}

/** The same in lines, as those of a test of the connection. */
export function wordLines({ isOk, link, checks }: AgentsWord): readonly string[] {
  const word = isOk ? "ok    " : "failed";
  const bad = checks.filter(({ verdict }) => verdict !== "pass");
  return [
    `agent    ${word} ${link.state} for ${formatDuration(link.sinceMs)}, as the running agent says: this user may not use its key`,
    ...(link.fault === undefined ? [] : [`         ${link.fault.what}; remedy: ${link.fault.remedy}`]),
    ...bad.map(({ check, verdict, what, remedy }) => {
      return `         ${verdict} ${check}: ${what}${remedy === undefined ? "" : `; remedy: ${remedy}`}`;
    }),
  ];
}
