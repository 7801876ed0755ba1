import { campaignList, campaignShow, type ShownCampaign } from "../../local-api/campaigns-schema.ts";
import { listCodes } from "../../local-api/codes-schema.ts";
import { commandsList } from "../../local-api/commands-schema.ts";
import { type LogMark, type RecentLine, recentLogs } from "../../local-api/logs-schema.ts";
import { otaShow } from "../../local-api/ota-schema.ts";
import type { Status } from "../../local-api/status-schema.ts";
import type { AgentLine } from "../agent-line.ts";

/** Campaigns whose triggers are asked for. */
const MAX_CAMPAIGNS = 50;
const MAX_COMMANDS = 50;
/** Lines of the agent's log, the newest. */
const MAX_LINES = 200;

/** A part of the page that is asked for by itself. */
export type Section = {
  readonly kind: string;
  readonly everyMs: number;
  /** Undefined where the agent has nothing of the kind. Throws as `AgentLine.ask`. */
  ask(line: AgentLine, status: Status): Promise<unknown>;
};

/** All of them. Each has a memory of its own, of this run of the agent. */
export function sections(): readonly Section[] {
  return [campaigns(), log(), CODES, COMMANDS, UPDATE];
}

const CODES: Section = {
  kind: "codes",
  everyMs: 5000,
  ask: async (line, { diagnostics }) => {
    if (diagnostics?.codes === undefined) return undefined;
    return await line.ask(listCodes, { all: true });
  },
};

const COMMANDS: Section = {
  kind: "commands",
  everyMs: 2000,
  ask: async (line, { commands }) =>
    commands === undefined ? undefined : await line.ask(commandsList, { limit: MAX_COMMANDS }),
};

const UPDATE: Section = { kind: "update", everyMs: 2000, ask: async (line) => await line.ask(otaShow, {}) };

/** The newest triggers of a campaign, and how many it had then. */
type Shown = Pick<ShownCampaign, "triggers" | "lastTriggers">;

function campaigns(): Section {
  const shown = new Map<string, Shown>();
  const triggersOf = async (line: AgentLine, id: string, triggers: number): Promise<Shown["lastTriggers"]> => {
    const known = shown.get(id);
    if (known?.triggers === triggers) return known.lastTriggers;
    const { campaign } = await line.ask(campaignShow, { id });
    const lastTriggers = campaign?.lastTriggers ?? [];
    shown.set(id, { triggers, lastTriggers });
    return lastTriggers;
  };
  return {
    kind: "campaigns",
    everyMs: 1000,
    ask: async (line, status) => {
      if (status.campaigns === undefined) return undefined;
      const { campaigns: listed, refused } = await line.ask(campaignList, {});
      const known = listed.slice(0, MAX_CAMPAIGNS);
      for (const id of shown.keys()) if (!known.some((one) => one.id === id)) shown.delete(id);
      const told = [];
      for (const one of known) told.push({ ...one, lastTriggers: await triggersOf(line, one.id, one.triggers) });
      return { campaigns: told, refused };
    },
  };
}

/** Only what is new is asked for; all that is kept is told. */
function log(): Section {
  const kept: RecentLine[] = [];
  let after: LogMark | undefined;
  return {
    kind: "log",
    everyMs: 1000,
    ask: async (line) => {
      const { lines, mark } = await line.ask(recentLogs, {
        level: "info",
        ...(after === undefined ? {} : { after }),
      });
      after = mark;
      kept.push(...lines);
      kept.splice(0, kept.length - MAX_LINES);
      return { lines: kept };
    },
  };
}
