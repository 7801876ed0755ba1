import { z } from "zod";
import { CAMPAIGN_SOURCES } from "../telemetry/campaigns/arrival/campaign-choice.ts";
import { verb } from "./verb.ts";

const id = z.string().min(1).max(64);
const count = z.number();

/** One that is in force: "running" collects or waits for its trigger, "waiting" for its start, "spent" for the next day of its budget, "paused" for another state of the vehicle. */
const inForce = {
  id: z.string(),
  version: z.int(),
  digest: z.string(),
  source: z.enum(CAMPAIGN_SOURCES),
  state: z.enum(["running", "waiting", "ended", "spent", "paused"]),
  /** Of its version, over restarts. */
  triggers: count,
  /** Since it began in this run of the agent. */
  suppressed: count,
  /** Of payloads stored today, a day of UTC; `budgetBytes` is absent without a budget. */
  bytesToday: count,
  budgetBytes: count.optional(),
  discardedSamples: count,
};

/** One that does not run: "refused", or meant for vehicles "elsewhere". Of a file that cannot be read the id is its path, and the version 0. */
const notInForce = z.object({
  id: z.string(),
  version: z.int(),
  source: z.enum(CAMPAIGN_SOURCES),
  state: z.enum(["refused", "elsewhere"]),
  /** For people: a line for each problem. */
  reason: z.string(),
});

/** What is kept of received frames for the time before triggers. */
const history = z.object({
  /** 0 while no campaign asks for it. */
  bytes: count,
  usedBytes: count,
  /** Between the oldest and the newest frame. */
  seconds: count,
  /** Frames that were overwritten before they were as old as the campaigns ask for. */
  overwrittenEarly: count,
  openCaptures: count,
  refusedCaptures: count,
});

/** All campaigns but the one that the rules of collection stand for; `history` is absent where none can be kept. */
export const campaignList = verb({
  name: "campaign.list",
  socket: "view",
  request: z.object({}),
  answer: z.object({
    schemaVersion: z.literal(1),
    campaigns: z.array(z.object(inForce)).readonly(),
    refused: z.array(notInForce).readonly(),
    history: history.optional(),
  }),
});

/** JSON has no NaN and no infinity: they are texts. */
const value = z.union([z.number(), z.boolean(), z.string()]);

/** All about one that is in force; times are µs since the Unix epoch. */
const shown = z.object({
  ...inForce,
  /** The document with its defaults. */
  document: z.unknown(),
  warnings: z.array(z.string()).readonly(),
  cost: z.object({
    historyBytes: count,
    historySeconds: count,
    windowBytes: count,
    evaluationsPerSecond: count,
    bytesPerDay: count,
  }),
  /** Newest values of its derived signals. */
  derived: z.array(z.object({ name: z.string(), unit: z.string(), value, timeUs: count })).readonly(),
  /** The newest triggers of this run of the agent, the newest last. */
  lastTriggers: z
    .array(
      z.object({
        number: count,
        timeUs: count,
        byHand: z.boolean(),
        values: z.array(z.object({ name: z.string(), value })).readonly(),
      }),
    )
    .readonly(),
});

/** One campaign: what of its id is in force, and what is not. */
export const campaignShow = verb({
  name: "campaign.show",
  socket: "view",
  request: z.object({ id: z.string().min(1).max(4096) }),
  answer: z.object({
    schemaVersion: z.literal(1),
    campaign: shown.optional(),
    refused: z.array(notInForce).readonly(),
  }),
});

const changed = z.discriminatedUnion("kind", [
  z.object({ schemaVersion: z.literal(1), kind: z.literal("done") }),
  z.object({ schemaVersion: z.literal(1), kind: z.literal("refused"), reason: z.string() }),
]);

/** Sets a campaign on this vehicle, in place of the one of its id. `force`: whatever version others have. */
export const campaignAdd = verb({
  name: "campaign.add",
  socket: "admin",
  request: z.object({ document: z.unknown(), force: z.boolean().default(false) }),
  answer: changed,
});

/** Takes away one that was set by `campaign.add`. */
export const campaignRemove = verb({
  name: "campaign.remove",
  socket: "admin",
  request: z.object({ id }),
  answer: changed,
});

/** Fires a trigger by hand. */
export const campaignTrigger = verb({
  name: "campaign.trigger",
  socket: "admin",
  request: z.object({ id }),
  answer: changed,
});

/** Reads the vehicle's own files again; `refused` are those that do not run. */
export const campaignReload = verb({
  name: "campaign.reload",
  socket: "admin",
  request: z.object({}),
  answer: z.object({
    schemaVersion: z.literal(1),
    accepted: count,
    refused: z.array(z.object({ file: z.string(), reason: z.string() })).readonly(),
  }),
});

export type ListedCampaigns = z.infer<typeof campaignList.answer>;
export type ShownCampaign = z.infer<typeof shown>;
