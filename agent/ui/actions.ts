import { z } from "zod";
import { formatCounted } from "../core/quantity.ts";
import { bufferFlush } from "../local-api/buffer-schema.ts";
import { campaignTrigger } from "../local-api/campaigns-schema.ts";
import { readCodesNow } from "../local-api/codes-schema.ts";
import { type OtaVerdict, otaCommit, otaConsent, otaRollback } from "../local-api/ota-schema.ts";
import type { AgentLine } from "./agent-line.ts";

/** What a tab sends with an action. */
const actionRequest = z.object({ id: z.string().min(1).max(64).optional() });
type ActionRequest = z.infer<typeof actionRequest>;

/** Does it, and says in a sentence what became of it. Throws as `AgentLine.ask`. */
type Act = (line: AgentLine, request: ActionRequest) => Promise<string>;

const ACTIONS: Readonly<Record<string, Act>> = {
  "buffer.flush": async (line) => {
    const { waiting } = await line.ask(bufferFlush, { waitMs: 2000 });
    return waiting === 0
      ? "All that was stored is sent."
      : `${formatCounted(waiting, "record still waits", "records still wait")}.`;
  },
  "campaign.trigger": async (line, { id = "" }) => {
    const answer = await line.ask(campaignTrigger, { id });
    return answer.kind === "done" ? `Campaign ${id} is triggered.` : `Not triggered: ${answer.reason}`;
  },
  "codes.read": async (line) => {
    const { units } = await line.ask(readCodesNow, {});
    const silent = units.filter(({ problem }) => problem !== undefined);
    const problems = silent.map(({ ecu, problem }) => ` ${ecu} ${problem}.`).join("");
    return `${units.length - silent.length} of ${units.length} control units answered.${problems}`;
  },
  "ota.consent": async (line) => otaText(await line.ask(otaConsent, {})),
  "ota.commit": async (line) => otaText(await line.ask(otaCommit, {})),
  "ota.rollback": async (line) => otaText(await line.ask(otaRollback, {})),
};

/** What may be asked for on a page with the role "admin": verbs of admin.sock, each by its own name. */
export const ACTION_NAMES: readonly string[] = Object.keys(ACTIONS);

/** Does what a tab asks for, by its name; undefined where there is no such action. Throws as `AgentLine.ask`, and what the schema says of `body`. */
export function actionOf(name: string): ((line: AgentLine, body: unknown) => Promise<string>) | undefined {
  const act = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  return act === undefined ? undefined : async (line, body) => await act(line, actionRequest.parse(body));
}

function otaText(verdict: OtaVerdict): string {
  if (verdict.kind === "rejected") return `Refused: ${verdict.reason}: ${verdict.detail}`;
  return verdict.kind === "nothing" ? "There is no update to decide about." : `The update: ${verdict.kind}.`;
}
