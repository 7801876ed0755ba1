import type { LinkConfig, LinkUse } from "../../../config/link.ts";
import type { Clock } from "../../core/clock.ts";
import { dayEndMs, monthEndMs } from "./calendar.ts";
import type { DataUsage } from "./data-usage.ts";
import type { LinkFacts, Links } from "./links.ts";

type Budget = LinkConfig["budgets"][number];

/**
 * Whether something may go over the link in use now. "held": why, for people, and until when by the clock, µs since the Unix epoch;
 * undefined where no time ends it.
 */
export type BudgetVerdict =
  | { readonly kind: "go" }
  | { readonly kind: "held"; readonly what: string; readonly untilUs: number | undefined };

/** How much of a budget is used, and of what it is. */
export type BudgetState = Budget & {
  /** For people: "wwan0", "links of cost high". */
  readonly of: string;
  readonly dayUsedBytes: number;
  readonly monthUsedBytes: number;
};

/** A use that waits; the rest as in `BudgetVerdict`. */
export type HeldUse = { readonly use: LinkUse; readonly what: string; readonly untilUs: number | undefined };

export type DataBudgetParts = {
  readonly budgets: readonly Budget[];
  readonly usage: DataUsage;
  readonly links: Pick<Links, "inUse" | "factsOf" | "roamingOf" | "look">;
  readonly clock: Pick<Clock, "wallUs">;
};

const GO = { kind: "go" } as const;
/** Any budget may be the one of it. */
const NO_LINK = { kind: "held", what: "not known yet which link is in use", untilUs: undefined } as const;

/** What may go over a link in a day and in a month. Counts on where it stopped: see `DataUsage`. */
export class DataBudget {
  readonly #parts: DataBudgetParts;

  /** What each use was held by when it asked last. */
  readonly #held = new Map<LinkUse, HeldUse>();

  constructor(parts: DataBudgetParts) {
    this.#parts = parts;
  }

  /** Looks at the link in use. */
  renew(): Promise<void> {
    return this.#parts.links.look(true);
  }

  /** Asked before so many bytes of one use go out; while no link is known only what no budget names goes. What alone is more than a whole budget may go while nothing of it is used. */
  allow(use: LinkUse, bytes: number): BudgetVerdict {
    const { budgets, usage, links } = this.#parts;
    const { inUse } = links;
    usage.turn();
    for (const budget of budgets) {
      if (!budget.use.includes(use) || (inUse !== undefined && !covers(budget, inUse))) continue;
      const verdict = inUse === undefined ? NO_LINK : this.#judge(budget, inUse, bytes);
      if (verdict.kind === "go") continue;
      this.#held.set(use, { use, what: verdict.what, untilUs: verdict.untilUs });
      return verdict;
    }
    if (this.#held.size > 0) this.#held.delete(use);
    return GO;
  }

  /** So many bytes are about to go out over the link in use; repeats count too. */
  spent(use: LinkUse, bytes: number): void {
    const { inUse } = this.#parts.links;
    if (inUse !== undefined) this.#parts.usage.add(inUse.name, use, bytes);
  }

  /** As `DataUsage.keeping`. */
  keeping(): ReturnType<DataUsage["keeping"]> {
    return this.#parts.usage.keeping();
  }

  /** What is held at present, and by what. */
  held(): readonly HeldUse[] {
    const nowUs = this.#parts.clock.wallUs();
    return [...this.#held.values()].filter(({ untilUs }) => untilUs === undefined || untilUs > nowUs);
  }

  state(): readonly BudgetState[] {
    this.#parts.usage.turn();
    return this.#parts.budgets.map((budget) => {
      const { dayBytes, monthBytes } = this.#usedOf(budget);
      return { ...budget, of: nameOf(budget), dayUsedBytes: dayBytes, monthUsedBytes: monthBytes };
    });
  }

  #judge(budget: Budget, inUse: LinkFacts, bytes: number): BudgetVerdict {
    const roaming = budget.roaming === "hold" ? this.#roamingProblem(budget, inUse) : undefined;
    if (roaming !== undefined) return { kind: "held", what: roaming, untilUs: undefined };
    const used = this.#usedOf(budget);
    const wallMs = this.#parts.clock.wallUs() / 1000;
    // The month first: its end is the later one.
    if (isOver(used.monthBytes, bytes, budget.monthBytes)) return heldBy(budget, "month", monthEndMs(wallMs));
    if (isOver(used.dayBytes, bytes, budget.dayBytes)) return heldBy(budget, "day", dayEndMs(wallMs));
    return GO;
  }

  /** A budget that names a link means one with a modem; one of a cost covers links without. */
  #roamingProblem(budget: Budget, { name }: LinkFacts): string | undefined {
    const roaming = this.#parts.links.roamingOf(name);
    if (roaming === "yes") return `${name} is roaming`;
    const isOpen = roaming === "no" || (roaming === "no modem" && budget.link === undefined);
    return isOpen ? undefined : `not known yet whether ${name} roams`;
  }

  #usedOf(budget: Budget): { readonly dayBytes: number; readonly monthBytes: number } {
    const { usage, links } = this.#parts;
    let dayBytes = 0;
    let monthBytes = 0;
    for (const one of usage.counts) {
      if (!budget.use.includes(one.use) || !covers(budget, links.factsOf(one.link))) continue;
      dayBytes += one.dayBytes;
      monthBytes += one.monthBytes;
    }
    return { dayBytes, monthBytes };
  }
}

function covers({ link, cost }: Budget, facts: LinkFacts): boolean {
  return link === undefined ? cost === facts.cost : link === facts.name;
}

function nameOf({ link, cost }: Budget): string {
  return link ?? `links of cost ${cost}`;
}

function isOver(usedBytes: number, bytes: number, budgetBytes: number | undefined): boolean {
  return budgetBytes !== undefined && usedBytes > 0 && usedBytes + bytes > budgetBytes;
}

function heldBy(budget: Budget, period: "day" | "month", endMs: number): BudgetVerdict {
  return { kind: "held", what: `${period} budget of ${nameOf(budget)} used`, untilUs: endMs * 1000 };
}
