import type { AgentConfig } from "../../config/schema.ts";
import { Route } from "../../drivers/os/route.ts";
import type { LinksStatus } from "../local-api/links-status.ts";
import { type Outbox, STREAMS } from "../ports/outbox.ts";
import { OutboxGuard } from "../telemetry/outbox-guard.ts";
import type { Publisher } from "../telemetry/publish/publisher.ts";
import type { Encoder } from "../telemetry/record/encode/encoder.ts";
import { countedDownloader } from "../vehicle/link/counted-downloader.ts";
import { DataBudget } from "../vehicle/link/data-budget.ts";
import { DATA_USAGE_KEY, DataUsage } from "../vehicle/link/data-usage.ts";
import { Links } from "../vehicle/link/links.ts";
import type { LinkLine, Runtime } from "./parts.ts";
import { loopService } from "./services.ts";

export type LinksComposeParts = {
  readonly settings: NonNullable<AgentConfig["link"]>;
  /** Where the way to the cloud leads. */
  readonly towards: { readonly host: string; readonly port: number };
  readonly line: { readonly outbox: Outbox; readonly publisher: Pick<Publisher, "goBy" | "wake"> };
  readonly encoder: Encoder;
};

/** The part of the composition root for links and data budgets. Without budgets nothing is asked of them, and nothing counted. */
export function composeLinks(parts: LinksComposeParts, runtime: Runtime): LinkLine {
  const { settings, towards, line } = parts;
  const { clock, log } = runtime;
  const { interfaces, budgets, lookSeconds } = settings;
  const route = new Route({ ...towards, clock });
  const links = new Links({ interfaces, route: () => route.interfaceName() });
  const usage = budgets.length === 0 ? undefined : usageOf(parts, runtime);
  const budget = usage === undefined ? undefined : new DataBudget({ budgets, usage, links, clock });
  if (budget !== undefined) line.publisher.goBy(budget);
  const look = async (): Promise<void> => {
    const changed = await links.look();
    if (changed !== undefined) log.info("link.changed", { name: changed.name, metered: changed.isMetered });
  };
  const loop = loopService("links", {
    run: async (signal) => {
      while (!signal.aborted) {
        await clock.sleep(lookSeconds * 1000, signal);
        if (!signal.aborted) await look();
      }
      // The publisher has stopped before: what it sent is counted.
      usage?.settle();
    },
  });
  const start = async (): Promise<void> => {
    // Before the first record goes out.
    await look();
    await loop.start();
  };
  return {
    links,
    budget,
    counted: (downloader) =>
      budget === undefined ? downloader : countedDownloader(downloader, (bytes) => budget.spent("ota", bytes)),
    services: [{ ...loop, start }],
    status: () => statusOf(links, budget, line.outbox),
  };
}

function usageOf({ line: { outbox, publisher }, encoder }: LinksComposeParts, runtime: Runtime): DataUsage {
  const { clock, log, random } = runtime;
  const guard = new OutboxGuard({ outbox, clock, log, random });
  return new DataUsage({
    kept: outbox.kept().find(({ key }) => key === DATA_USAGE_KEY)?.value,
    keep: (value, ended) =>
      guard.attempt(() => {
        const kept = [{ key: DATA_USAGE_KEY, value }];
        if (ended === undefined) return void outbox.append([], kept);
        const report = { day: ended.day, usage: ended.counts, timeUs: clock.wallUs() };
        outbox.append([encoder.dataUsage(report)], kept);
        publisher.wake();
      }),
    clock,
  });
}

function statusOf(links: Links, budget: DataBudget | undefined, outbox: Outbox): LinksStatus {
  const held = budget?.held() ?? [];
  const { streams } = held.length === 0 ? { streams: undefined } : outbox.stats();
  return {
    inUse: links.inUse,
    budgets: (budget?.state() ?? []).map(({ of, use, dayBytes, monthBytes, dayUsedBytes, monthUsedBytes }) => ({
      of,
      use,
      dayBytes,
      monthBytes,
      dayUsedBytes,
      monthUsedBytes,
    })),
    held: held.flatMap(({ use, what, untilUs }) => {
      const stream = STREAMS.find((name) => name === use);
      const bytes = stream === undefined ? undefined : streams?.[stream].bytes;
      if (bytes === 0) return [];
      return [{ use, bytes, what, until: untilUs === undefined ? undefined : textOf(untilUs) }];
    }),
  };
}

function textOf(us: number): string {
  return new Date(us / 1000).toISOString().replace(".000Z", "Z");
}
