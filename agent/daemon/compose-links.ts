import type { AgentConfig } from "../../config/schema.ts";
import { ModemManager } from "../../drivers/dbus/modem-manager.ts";
import { NetworkManager } from "../../drivers/dbus/network-manager.ts";
import { SystemBus } from "../../drivers/dbus/system-bus.ts";
import { Route, type RouteParts } from "../../drivers/os/route.ts";
import type { Service } from "../core/lifecycle.ts";
import { linksStatusOf } from "../local-api/links-handlers.ts";
import type { SignalTable } from "../signals/signal-table.ts";
import type { Appender } from "../telemetry/appender.ts";
import { OutboxGuard } from "../telemetry/outbox-guard.ts";
import type { Pipeline } from "../telemetry/pipeline.ts";
import type { Publisher } from "../telemetry/publish/publisher.ts";
import type { Encoder } from "../telemetry/record/encode/encoder.ts";
import { countedDownloader } from "../vehicle/link/counted-downloader.ts";
import { DataBudget } from "../vehicle/link/data-budget.ts";
import { DATA_USAGE_KEY, DataUsage } from "../vehicle/link/data-usage.ts";
import { LinkReporter } from "../vehicle/link/link-reporter.ts";
import { LinkSignals } from "../vehicle/link/link-signals.ts";
import { Links } from "../vehicle/link/links.ts";
import type { DataLine, LinkLine, Runtime } from "./parts.ts";
import { loopService } from "./services.ts";

/** How long the start waits for the first look, ms: without coverage the resolver takes many seconds. */
const FIRST_LOOK_MS = 500;

export type LinksComposeParts = {
  readonly settings: NonNullable<AgentConfig["link"]>;
  /** Where the way to the cloud leads. */
  readonly towards: Omit<RouteParts, "clock">;
  /** The bus that all share; not asked for where `settings` name another one, or nobody is asked. */
  readonly systemBus: () => Promise<Pick<SystemBus, "watch" | "call" | "properties">>;
  readonly line: Pick<DataLine, "outbox"> & {
    readonly publisher: Pick<Publisher, "goBy" | "wake">;
    readonly pipeline: Pick<Pipeline, "takePdu">;
  };
  readonly table: Pick<SignalTable, "messages">;
  readonly shared: { readonly encoder: Encoder; readonly appender: Pick<Appender, "add" | "storeSoon"> };
};

/** The part of the composition root for links and data budgets. Without budgets nothing is asked of them, and nothing counted. */
export function composeLinks(parts: LinksComposeParts, runtime: Runtime): LinkLine {
  const { settings, towards, line, systemBus } = parts;
  const { interfaces, budgets, modemManager } = settings;
  const route = new Route({ ...towards, clock: runtime.clock });
  const links = new Links({ interfaces, route: (isReached) => route.interfaceName(isReached) });
  const usage = budgets.length === 0 ? undefined : usageOf(parts, runtime);
  const budget = usage === undefined ? undefined : new DataBudget({ budgets, usage, links, clock: runtime.clock });
  if (budget !== undefined) line.publisher.goBy(budget);
  const asksModems = modemManager !== undefined;
  return {
    links,
    budget,
    counted: (downloader) =>
      budget === undefined ? downloader : countedDownloader(downloader, (bytes) => budget.spent("ota", bytes)),
    services: [...sourceServices({ settings, systemBus, links }, runtime), lookService(parts, links, usage, runtime)],
    status: () => linksStatusOf({ links, budget, outbox: line.outbox, asksModems }),
  };
}

/** Looks at the link in use before the first record goes out, where that is found soon, and from then on. */
function lookService(
  { settings, shared, line, table }: LinksComposeParts,
  links: Links,
  usage: DataUsage | undefined,
  { clock, log }: Runtime,
): Service {
  const { encoder, appender } = shared;
  const reporter = new LinkReporter({
    tell: (change) => {
      log.info("link.changed", { name: change.link, metered: change.metered, reason: change.reason });
      appender.add(encoder.linkChange(change));
      appender.storeSoon();
    },
    clock,
  });
  const signals = new LinkSignals(table, (message, bytes, timeUs) => line.pipeline.takePdu(message, bytes, timeUs));
  const look = async (): Promise<void> => {
    await links.look();
    reporter.look(links.inUse);
  };
  const loop = loopService("links", {
    run: async (signal) => {
      while (!signal.aborted) {
        await clock.sleep(settings.lookSeconds * 1000, signal);
        if (signal.aborted) break;
        await look();
        // Not at the start: the pipeline comes later.
        if (links.inUse !== undefined) signals.tell(links.inUse, clock.wallUs());
      }
      // The publisher has stopped before: what it sent is counted.
      usage?.settle();
    },
  });
  const start = async (): Promise<void> => {
    const done = new AbortController();
    await Promise.race([look(), clock.sleep(FIRST_LOOK_MS, done.signal)]);
    done.abort();
    await loop.start();
  };
  return { ...loop, start };
}

/** Who tells of modems and interfaces. Nothing of D-Bus is loaded where nobody is asked. */
function sourceServices(
  { settings, systemBus, links }: Pick<LinksComposeParts, "settings" | "systemBus"> & { readonly links: Links },
  { clock, log, random }: Runtime,
): readonly Service[] {
  const { networkManager, modemManager, busAddress } = settings;
  if (!networkManager && modemManager === undefined) return [];
  const own = busAddress === undefined ? undefined : new SystemBus({ address: busAddress, clock, log, random });
  const ends: (() => void)[] = [];
  return [
    {
      name: "modems and interfaces",
      start: async () => {
        const bus = own ?? (await systemBus());
        if (modemManager !== undefined) {
          const modems = new ModemManager({ ...modemManager, bus, clock, log });
          modems.start((told) => links.takeModems(told));
          ends.push(() => modems.stop());
        }
        if (!networkManager) return;
        const network = new NetworkManager({ bus, clock, log });
        network.start((told) => links.takeMetered(told));
        ends.push(() => network.stop());
      },
      stop: async () => {
        for (const end of ends.splice(0)) end();
        await own?.close();
      },
    },
  ];
}

function usageOf({ line: { outbox, publisher }, shared }: LinksComposeParts, runtime: Runtime): DataUsage {
  const { clock, log, random } = runtime;
  const guard = new OutboxGuard({ outbox, clock, log, random });
  return new DataUsage({
    kept: outbox.kept().find(({ key }) => key === DATA_USAGE_KEY)?.value,
    keep: (value, ended) =>
      guard.attempt(() => {
        const kept = [{ key: DATA_USAGE_KEY, value }];
        if (ended === undefined) return void outbox.append([], kept);
        const report = { day: ended.day, usage: ended.counts, timeUs: clock.wallUs() };
        outbox.append([shared.encoder.dataUsage(report)], kept);
        publisher.wake();
      }),
    clock,
  });
}
