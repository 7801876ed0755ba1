import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { until } from "../../bench/core/wait.ts";
import { launchBrowser } from "../../bench/page/browser.ts";
import { statusWith } from "../../fakes/daemon/status.ts";
import type { ShamAgent } from "../../fakes/ui/sham-agent.ts";
import { shamVan } from "../../fakes/ui/sham-van.ts";
import { keepPicture, openTab, servePage } from "../../fakes/ui/shown-page.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const FAULT = {
  code: "broker.unreachable",
  what: "mqtt.example.com:8883: connect ECONNREFUSED 10.0.0.7:8883",
  remedy: "look whether the vehicle has a network: causeway connect test",
} as const;

const axeResult = z.object({
  violations: z.array(z.object({ id: z.string(), nodes: z.array(z.object({ html: z.string() })) })),
});

/** What axe-core has against the page, all of its rules and best practices. */
async function violations(page: Page): Promise<readonly string[]> {
  await page.evaluate(AXE);
  const result = axeResult.parse(await page.evaluate("axe.run({ resultTypes: ['violations'] })"));
  return result.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(" | ")}`);
}

function breakLink(agent: ShamAgent): void {
  const base = statusWith();
  agent.state.status = {
    ...agent.state.status,
    link: { ...base.link, state: "offline", sinceMs: 4000, fault: FAULT },
    outbox: { ...base.outbox, records: 240, bytes: 900_000 },
    losses: [
      {
        stream: "telemetry",
        reason: "evicted",
        detail: "outbox.maxBytes reached",
        records: 40,
        range: { first: 100, last: 139 },
        agoMs: 200,
      },
    ],
  };
}

/** Whether uPlot has drawn so many points of a signal. */
async function hasPoints(page: Page, count: number): Promise<true | undefined> {
  const kept = await page.locator("#kept").textContent();
  return Number((kept ?? "").replaceAll(",", "")) >= count ? true : undefined;
}

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

describe("how the page looks (.cache/pictures)", () => {
  const looks: readonly (readonly [name: string, options: BrowserContextOptions])[] = [
    ["light", { colorScheme: "light" }],
    ["dark", { colorScheme: "dark" }],
    ["narrow", { viewport: { width: 390, height: 844 }, reducedMotion: "reduce" }],
  ];

  it.each(looks)(
    "has nothing against it in axe-core, and fits its width: %s",
    async (name, options) => {
      const agent = shamVan();
      const { url, origin } = await servePage({ line: agent, role: name === "light" ? "admin" : "view" });
      const { page, complaints, requests } = await openTab(browser, url, options);
      await page.getByText("Nothing is wrong.").waitFor();
      await page.locator("#campaign-rows").getByText("hard-braking").waitFor();
      await until(() => hasPoints(page, 10_000), { what: "samples of some seconds", timeoutMs: 30_000 });
      await keepPicture(page, name);
      expect(await violations(page)).toEqual([]);
      breakLink(agent);
      await page.locator("#fault-list").getByText("ECONNREFUSED").waitFor();
      await page.locator("#loss-rows").getByText("100 to 139").waitFor();
      await keepPicture(page, `${name}-fault`);
      expect(await violations(page)).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
      expect(complaints).toEqual([]);
      expect(requests.filter((request) => !request.startsWith(`${origin}/`))).toEqual([]);
    },
    240_000,
  );
});
