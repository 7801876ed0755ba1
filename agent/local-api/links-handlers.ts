import { type Outbox, STREAMS } from "../ports/outbox.ts";
import type { DataBudget } from "../vehicle/link/data-budget.ts";
import type { Links } from "../vehicle/link/links.ts";
import type { LinksStatus } from "./links-status.ts";

/** What the links say of themselves. */
export type LinksStatusParts = {
  readonly links: Pick<Links, "inUse" | "modems">;
  /** Undefined where no budget is configured. */
  readonly budget: Pick<DataBudget, "held" | "state"> | undefined;
  readonly outbox: Pick<Outbox, "stats">;
  /** Whether ModemManager is asked. */
  readonly asksModems: boolean;
};

/** The links at this moment. */
export function linksStatusOf({ links, budget, outbox, asksModems }: LinksStatusParts): LinksStatus {
  const { inUse, modems } = links;
  return {
    inUse: inUse === undefined ? undefined : { name: inUse.name, isMetered: inUse.isMetered, cost: inUse.cost },
    modems: asksModems ? { isAnswering: modems !== undefined, modems: modems ?? [] } : undefined,
    budgets: (budget?.state() ?? []).map(({ of, use, dayBytes, monthBytes, dayUsedBytes, monthUsedBytes }) => ({
      of,
      use,
      dayBytes,
      monthBytes,
      dayUsedBytes,
      monthUsedBytes,
    })),
    held: budget === undefined ? [] : heldOf(budget, outbox),
  };
}

function heldOf(budget: Pick<DataBudget, "held">, outbox: Pick<Outbox, "stats">): LinksStatus["held"] {
  const held = budget.held();
  if (held.length === 0) return [];
  const { streams } = outbox.stats();
  return held.flatMap(({ use, what, untilUs }) => {
    const stream = STREAMS.find((name) => name === use);
    const bytes = stream === undefined ? undefined : streams[stream].bytes;
    if (bytes === 0) return [];
    return [{ use, bytes, what, until: untilUs === undefined ? undefined : textOf(untilUs) }];
  });
}

function textOf(us: number): string {
  return new Date(us / 1000).toISOString().replace(".000Z", "Z");
}
