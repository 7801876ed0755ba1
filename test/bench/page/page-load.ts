import { setTimeout as sleep } from "node:timers/promises";
import type { Page } from "playwright-core";
import { z } from "zod";
import { usageOf } from "../core/process-usage.ts";
import { until } from "../core/wait.ts";
import { launchBrowser } from "./browser.ts";
import { PageVehicle } from "./page-vehicle.ts";

/** What the page itself counted over some seconds. */
const pageCount = z.object({
  seconds: z.number(),
  signals: z.number(),
  /** Of all signals and seconds: those without a value. */
  emptySeconds: z.number(),
  valuesPerSecond: z.number(),
  missedEvents: z.number(),
  missedSeconds: z.number(),
});

/** A page under load: what it counted, and what it cost the agent. */
export type PageLoad = z.infer<typeof pageCount> & {
  /** Of one core, with nobody at the page and with a tab open. */
  readonly agentShareBefore: number;
  readonly agentShare: number;
  readonly complaints: readonly string[];
};

/** Asks the modules of the page, which has each of them once. `from`: s since the Unix epoch. */
function countText(from: number, seconds: number): string {
  return `(async () => {
    const { store } = await import("/page.js");
    const { emptySeconds } = await import("/history.js");
    const rings = [...store.signals.values()].map(({ ring }) => ring);
    const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
    return {
      seconds: ${seconds},
      signals: rings.length,
      emptySeconds: sum(rings.map((ring) => emptySeconds(ring, ${from}, ${from + seconds}))),
      valuesPerSecond: sum(rings.map((ring) => ring.indexOf(${from + seconds}) - ring.indexOf(${from}))) / ${seconds},
      missedEvents: store.missed.events,
      missedSeconds: store.missed.seconds,
    };
  })()`;
}

/** Opens a page on 200 signals at 20 Hz, with twelve of them plotted, for so many seconds. `keep` may take a picture at the end. */
export async function measurePage(
  folder: string,
  seconds: number,
  keep: (page: Page) => Promise<void> = () => Promise.resolve(),
): Promise<PageLoad> {
  const vehicle = await PageVehicle.start(folder);
  const browser = await launchBrowser();
  try {
    const agentShareBefore = await shareOf(vehicle.agentPid, 3);
    const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
    const complaints: string[] = [];
    page.on("pageerror", ({ message }) => complaints.push(message));
    await page.goto(vehicle.url);
    await page.getByText("200 of 200 signals").waitFor();
    for (const box of (await page.locator("#signal-rows input").all()).slice(2, 12)) await box.check();
    const from = await until(async () => await beginOf(page), { what: "the page knows the time", timeoutMs: 10_000 });
    const agentShare = await shareOf(vehicle.agentPid, seconds);
    // The last second must be whole.
    await sleep(1500);
    const counted = pageCount.parse(await page.evaluate(countText(from, seconds)));
    await keep(page);
    return { ...counted, agentShareBefore, agentShare, complaints };
  } finally {
    await browser.close();
    await vehicle.stop();
  }
}

/** The next whole second by the agent's clock. */
async function beginOf(page: Page): Promise<number | undefined> {
  const t: unknown = await page.evaluate(`import("/page.js").then(({ store }) => store.newest.t)`);
  return typeof t === "number" && t > 0 ? Math.ceil(t) : undefined;
}

async function shareOf(pid: number, seconds: number): Promise<number> {
  const before = usageOf(pid)?.cpuUs ?? 0;
  const beganMs = performance.now();
  await sleep(seconds * 1000);
  return ((usageOf(pid)?.cpuUs ?? 0) - before) / ((performance.now() - beganMs) * 1000);
}
