import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { until } from "../../bench/core/wait.ts";
import { launchBrowser } from "../../bench/page/browser.ts";

const PATIENCE_MS = 60_000;
const RUN_TIMEOUT_MS = 240_000;
const MOST_TABS = 6;

const summary = z.object({
  gaps: z.number(),
  mismatches: z.number(),
  unverified: z.number(),
  pending: z.number(),
  samples: z.number(),
  agentStarts: z.number(),
  framesUnheard: z.number(),
  remarks: z.array(z.string()),
});

describe("scripts/bench --ui", { timeout: 180_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "causeway-bench-page-"));
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  function startBench() {
    const child = spawn(process.execPath, ["scripts/bench.ts", "--ui", "--json", "--state", folder]);
    const told = { out: "", errors: "" };
    child.stdout.on("data", (part: Buffer) => (told.out += part.toString()));
    child.stderr.on("data", (part: Buffer) => (told.errors += part.toString()));
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    const url = (): string | undefined => /the page: (http:\S+)\n/.exec(told.errors)?.[1];
    return { child, told, ended, url };
  }

  /** As somebody without a mouse does it: to the switches by the page's own links, and on by Tab. */
  async function flip(page: Page, label: string, isOn: boolean): Promise<void> {
    await page.getByRole("link", { name: "Faults to try" }).press("Enter");
    const passed: unknown[] = [];
    for (let tabs = 0; tabs < MOST_TABS && passed.at(-1) !== label; tabs += 1) {
      await page.keyboard.press("Tab");
      passed.push(await page.evaluate("document.activeElement?.textContent"));
    }
    expect(passed.at(-1)).toBe(label);
    await page.keyboard.press("Space");
    await page.getByRole("switch", { name: label, checked: isOn }).waitFor();
  }

  async function tryAll(page: Page): Promise<void> {
    for (const label of ["Cut the link", "Kill the broker"]) {
      await flip(page, label, true);
      await page.locator("#state-text", { hasText: "Offline" }).waitFor();
      await flip(page, label, false);
      await page.locator("#state-text", { hasText: "Online" }).waitFor();
    }
    await flip(page, "Stop the bus", true);
    await page.locator("#bus-rows").getByText("absent").waitFor();
    await flip(page, "Stop the bus", false);
    await page.locator("#bus-rows").getByText("up", { exact: true }).waitFor();
    await page.locator("#level").selectOption("info");
    await flip(page, "Set the clock a day ahead", true);
    await page.locator("#log-rows tr", { hasText: "clock.set" }).filter({ hasText: "86400000" }).waitFor();
    await flip(page, "Set the clock a day ahead", false);
    // What is still broken at the end is mended then.
    await flip(page, "Cut the link", true);
  }

  it(
    "has a switch for each fault that the keyboard reaches, shows what it does, and accounts for the drive at its end",
    async () => {
      const { child, told, ended, url } = startBench();
      try {
        const address = await until(url, { what: "the page is there", timeoutMs: PATIENCE_MS });
        const page = await browser.newPage();
        page.setDefaultTimeout(PATIENCE_MS);
        await page.goto(address);
        await page.locator("#state-text", { hasText: "Online" }).waitFor();
        await tryAll(page);
        await page.close();
      } finally {
        child.kill("SIGINT");
      }
      const code = await ended;
      expect(told.errors).toContain("the broker runs again");
      expect(code).toBe(0);
      const value: unknown = JSON.parse(told.out);
      const found = summary.parse(value);
      expect(found).toMatchObject({ gaps: 0, mismatches: 0, unverified: 0, pending: 0, agentStarts: 1, remarks: [] });
      expect(found.samples).toBeGreaterThan(0);
      expect(found.framesUnheard).toBeGreaterThan(0);
    },
    RUN_TIMEOUT_MS,
  );
});
