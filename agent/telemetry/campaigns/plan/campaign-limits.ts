import type { AgentConfig } from "../../../../config/schema.ts";
import type { CampaignCost } from "./campaign-cost.ts";

/** What the campaigns of a vehicle may cost, the rules of collection apart. `historyBytes`: each of them; all others: together. */
export type CampaignLimits = Omit<CampaignCost, "historySeconds"> & { readonly count: number };

/** The limits of a configuration. */
export function limitsOf({ limits, history }: AgentConfig["campaigns"]): CampaignLimits {
  return { ...limits, historyBytes: history.maxBytes };
}

/** Why campaigns of these costs are too many, said of the last one; undefined when they are not. */
export function excessOf(costs: readonly CampaignCost[], limits: CampaignLimits): string | undefined {
  if (costs.length > limits.count) return `more than ${limits.count} campaigns (campaigns.limits.count)`;
  const last = costs.at(-1);
  if (last !== undefined && last.historyBytes > limits.historyBytes) {
    const needed = `${figure(last.historySeconds)} s before a trigger are about ${figure(last.historyBytes)} bytes of frames`;
    return `trigger.beforeMs: ${needed}, more than ${figure(limits.historyBytes)} (campaigns.history.maxBytes)`;
  }
  for (const [key, what] of TOGETHER) {
    const total = costs.reduce((all, cost) => all + cost[key], 0);
    if (total <= limits[key]) continue;
    const others = costs.length === 1 ? "" : `, ${figure(total)} with the campaigns before it`;
    return `needs about ${figure(last?.[key] ?? 0)} ${what}${others}: more than ${figure(limits[key])} (campaigns.limits.${key})`;
  }
  return undefined;
}

const TOGETHER = [
  ["windowBytes", "bytes for the windows of its expressions"],
  ["evaluationsPerSecond", "evaluations a second"],
  ["bytesPerDay", "bytes a day, which a budget bounds"],
] as const;

function figure(value: number): string {
  return String(Math.ceil(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}
