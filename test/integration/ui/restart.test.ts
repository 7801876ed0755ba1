import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { launchBrowser } from "../../bench/page/browser.ts";
import { PageVehicle } from "../../bench/page/page-vehicle.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { openTab } from "../../fakes/ui/shown-page.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

describe("the page of a running agent", () => {
  it("says that the agent was killed, and goes on with the one that comes after it", async () => {
    const vehicle = await PageVehicle.start(temporaryFolder());
    onTestFinished(() => vehicle.stop());
    const { page, complaints } = await openTab(browser, vehicle.url);
    page.setDefaultTimeout(60_000);
    await page.getByText(/^200 of 200 signals came/).waitFor();
    await vehicle.killAgent();
    await page.locator("#state-text").getByText("Agent not running").waitFor();
    await page.locator("#signals-note").getByText("the agent is away").waitFor();
    await vehicle.startAgent();
    await page.getByText(/^200 of 200 signals came/).waitFor();
    await page.locator("#fault-list").getByText("The agent was started again.").waitFor();
    expect(await page.locator("#missed-events").textContent()).toBe("0");
    expect(complaints).toEqual([]);
  }, 180_000);
});
