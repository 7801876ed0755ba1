import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FaultSwitch } from "../../../agent/ui/fault-switch.ts";
import { until } from "../../bench/core/wait.ts";
import { launchBrowser } from "../../bench/page/browser.ts";
import { statusWith } from "../../fakes/daemon/status.ts";
import { shamVan } from "../../fakes/ui/sham-van.ts";
import { openTab, servePage } from "../../fakes/ui/shown-page.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

const HOSTILE = `<img src=x onerror=alert(1)><script>alert(2)</script>"'`;
const focused = (page: Page): Promise<unknown> =>
  page.evaluate("document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent");

describe("the live page", () => {
  it("shows nothing to who has no token, and says what to do", async () => {
    const agent = shamVan();
    const { origin } = await servePage({ line: agent });
    const { page } = await openTab(browser, origin);
    await page.locator("#banner").getByText("open the address that `causeway ui` printed").waitFor();
    expect(agent.asked).toEqual([]);
    expect(agent.followers).toBe(0);
  });

  it("takes the token out of the address, and works after a reload", async () => {
    const { url, origin } = await servePage({ line: shamVan() });
    const { page } = await openTab(browser, url);
    await page.getByText("Nothing is wrong.").waitFor();
    expect(page.url()).toBe(`${origin}/`);
    await page.reload();
    await page.getByText("Nothing is wrong.").waitFor();
  });

  it("works by the keyboard alone: finds a signal, plots it, and shows its plot as a table", async () => {
    const { url } = await servePage({ line: shamVan() });
    const { page, complaints } = await openTab(browser, url);
    await page.getByText("200 of 200 signals").waitFor();
    await page.keyboard.press("Tab");
    expect(await focused(page)).toBe("Skip to the state of the line");
    expect(await page.evaluate("getComputedStyle(document.activeElement).outline")).toMatch(/solid 3px/);
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("line");
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.id")).toBe("filter");
    await page.keyboard.type("FuelLevel");
    const box = page.getByRole("checkbox", { name: "Plot Message0.FuelLevel" });
    await until(async () => ((await page.getByRole("checkbox").count()) === 1 ? true : undefined), {
      what: "one signal is left",
      timeoutMs: 10_000,
    });
    await box.focus();
    await page.keyboard.press("Space");
    const plot = page.locator(".plot").filter({ hasText: "FuelLevel" });
    await plot.getByRole("img", { name: /Message0\.FuelLevel, %: [\d.]+ now, between/ }).waitFor();
    await plot.getByText("As a table").focus();
    await page.keyboard.press("Enter");
    await plot.getByRole("columnheader", { name: "FuelLevel, %" }).waitFor();
    await plot.locator("tbody td").first().waitFor();
    expect(complaints).toEqual([]);
  });

  it("takes names from anybody as text and as nothing else", async () => {
    const agent = shamVan();
    agent.state.signals = [{ bus: "can0", of: HOSTILE, id: 1, extended: false, name: HOSTILE, unit: HOSTILE }];
    const { link } = statusWith();
    const fault = { code: "broker.unreachable", what: HOSTILE, remedy: HOSTILE } as const;
    agent.state.status = {
      ...agent.state.status,
      thing: HOSTILE,
      link: { ...link, state: "offline", host: HOSTILE, fault },
    };
    const { url } = await servePage({ line: agent });
    const { page, complaints } = await openTab(browser, url);
    await page.locator("#signal-rows").getByText(HOSTILE).first().waitFor();
    await page.locator("#fault-list").getByText(HOSTILE).waitFor();
    await page.locator("h1").getByText(HOSTILE).waitFor();
    expect(await page.locator("main img, main script").count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it("says that the agent has gone, keeps what it knows, and comes back with it", async () => {
    const agent = shamVan();
    const { url } = await servePage({ line: agent });
    const { page, complaints } = await openTab(browser, url);
    await page.getByText("Nothing is wrong.").waitFor();
    agent.state.isDown = true;
    await page.locator("#state-text").getByText("Agent not running").waitFor();
    await page.locator("#banner").getByText("systemctl start causeway").waitFor();
    expect(await page.locator("#announced").textContent()).toBe("Fault: Agent not running");
    expect(await page.locator("#signal-rows tr").count()).toBe(200);
    agent.state.isDown = false;
    agent.state.status = { ...agent.state.status, pid: 4712 };
    await page.locator("#state-text").getByText("Online").waitFor();
    await page.getByText("200 of 200 signals").waitFor();
    await page.locator("#fault-list").getByText("The agent was started again.").waitFor();
    expect(await page.locator("#announced").textContent()).toBe("Nothing is wrong any more.");
    expect(await page.locator("#signal-rows tr").count()).toBe(200);
    expect(complaints).toEqual([]);
  });

  it("follows the agent once for several tabs, and not at all when they are gone", async () => {
    const agent = shamVan();
    const { url } = await servePage({ line: agent });
    expect(agent.followers).toBe(0);
    const tabs = [await openTab(browser, url), await openTab(browser, url), await openTab(browser, url)];
    for (const { page } of tabs) await page.getByText("200 of 200 signals").waitFor();
    expect(agent.followers).toBe(1);
    for (const { page } of tabs) await page.close();
    await until(() => (agent.followers === 0 ? true : undefined), { what: "nobody follows", timeoutMs: 20_000 });
    const asked = agent.asked.length;
    const late = await openTab(browser, url);
    await late.page.getByText("200 of 200 signals").waitFor();
    expect(agent.asked.length).toBeGreaterThan(asked);
  });

  it("keeps so many values of a signal and no more, the newest", async () => {
    const { url } = await servePage({ line: shamVan() });
    const { page } = await openTab(browser, url);
    const kept: unknown = await page.evaluate(`(async () => {
      const { Ring, ringBound } = await import("/history.js");
      const ring = new Ring();
      for (let t = 0; t < 40_000; t++) ring.push(t, -t, ringBound(200));
      const { times } = ring.since(39_990);
      const full = ring.count;
      ring.push(40_000, 0, ringBound(30_000));
      return { full, first: times[0], last: times.at(-1), few: ring.count, lastTime: ring.lastTime };
    })()`);
    expect(kept).toEqual({ full: 15_000, first: 39_989, last: 39_999, few: 256, lastTime: 40_000 });
  });

  it("has no button that changes anything where it only shows", async () => {
    const { url } = await servePage({ line: shamVan() });
    const { page } = await openTab(browser, url);
    await page.locator("#code-rows").getByText("P0301").waitFor();
    const names = await page.getByRole("button").allTextContents();
    expect(new Set(names)).toEqual(new Set(["Pause", "Remove all plots", "×"]));
  });

  it("acts where it may: sends now, and triggers a campaign", async () => {
    const agent = shamVan();
    agent.state.answers = {
      ...agent.state.answers,
      "buffer.flush": { schemaVersion: 1, waiting: 0 },
      "campaign.trigger": { schemaVersion: 1, kind: "refused", reason: "it has ended" },
    };
    const { url } = await servePage({ line: agent, role: "admin" });
    const { page } = await openTab(browser, url);
    await page.getByRole("button", { name: "Send now" }).click();
    await page.locator("#told").getByText("All that was stored is sent.").waitFor();
    await page.getByRole("button", { name: "Trigger hard-braking" }).click();
    await page.locator("#told").getByText("Not triggered: it has ended").waitFor();
    await page.getByRole("button", { name: "Go back" }).click();
    await page.getByRole("button", { name: "Leave it" }).click();
    expect(agent.asked.filter((name) => name === "ota.rollback")).toEqual([]);
  });

  it("turns the faults of a bench on and off", async () => {
    let isCut = false;
    const cut: FaultSwitch = {
      name: "link",
      label: "Cut the link",
      isOn: () => isCut,
      set: async (on) => {
        await Promise.resolve();
        isCut = on;
      },
    };
    const broken: FaultSwitch = {
      name: "broker",
      label: "Kill the broker",
      isOn: () => false,
      set: () => Promise.reject(new Error("it is dead already")),
    };
    const { url } = await servePage({ line: shamVan(), switches: [cut, broken] });
    const { page } = await openTab(browser, url);
    const control = page.getByRole("switch", { name: "Cut the link" });
    await control.click();
    await page.getByRole("switch", { name: "Cut the link", checked: true }).waitFor();
    expect(isCut).toBe(true);
    await control.press("Space");
    await page.getByRole("switch", { name: "Cut the link", checked: false }).waitFor();
    expect(isCut).toBe(false);
    await page.getByRole("switch", { name: "Kill the broker" }).click();
    await page.locator("#told").getByText("it is dead already").waitFor();
  });
});
