import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { until } from "../../bench/core/wait.ts";
import { launchBrowser } from "../../bench/page/browser.ts";
import { AppVehicle, benchUsers } from "../../bench/vehicle/app-vehicle.ts";
import type { DoorUnit } from "../../bench/vehicle/door-unit.ts";
import { FRAMES } from "../../bench/vehicle/door-vehicle.ts";
import { PersonBrowser, watchTitles } from "./browser.ts";

/** Names come from anybody. */
const NAME = `<img src=x onerror=alert(1)>"'Truck\u202e`;
const SHOWN_NAME = `<img src=x onerror=alert(1)>"'Truck`;

describe("a person with a phone, and the frames on the bus", () => {
  let folder: string;
  let running: AppVehicle;
  let unit: DoorUnit;
  let browser: Browser;
  let person: PersonBrowser;
  let page: Page;
  const [anna] = benchUsers(NAME);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-app-"));
    running = await AppVehicle.start(folder, [anna]);
    unit = running.vehicle.unit;
    browser = await launchBrowser();
    person = await PersonBrowser.open(browser, running.app.origin);
    page = person.page;
    await person.signIn(anna);
  });
  afterAll(async () => {
    await browser.close();
    await running.stop();
    await rm(folder, { recursive: true });
  });

  let framesBefore = 0;
  beforeEach(async () => {
    unit.speed = 0;
    unit.obeys = true;
    await shows("#motion", "Standing still");
    framesBefore = unit.frames.commands;
  });
  const frames = (): number => unit.frames.commands - framesBefore;
  const press = (name: "Lock" | "Unlock", on = page): Promise<void> =>
    on.getByRole("button", { name, exact: true }).click();
  const title = async (text: string, on = page): Promise<void> =>
    await on.locator("#command-title", { hasText: text }).waitFor();

  /** Waits for what the page shows of the vehicle; it looks when it comes into sight, so that nobody waits for its next turn. */
  const shows = async (place: string, text: string): Promise<void> => {
    const isShown = async (): Promise<true | undefined> => {
      await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
      return (await page.locator(place).textContent())?.includes(text) === true ? true : undefined;
    };
    await until(isShown, { what: `${place} shows ${text}`, timeoutMs: 20_000, everyMs: 100 });
  };

  it("locks the doors by three frames, and is told so once", async () => {
    const seen = await watchTitles(page);
    await press("Lock");
    await title("Done");
    expect(await page.locator("#command-text").textContent()).toBe("The doors are locked.");
    expect(unit.isLocked).toBe(true);
    expect(frames()).toBe(FRAMES);
    expect((await seen()).filter((text) => text === "Done")).toHaveLength(1);
    await page.locator("#doors", { hasText: "Locked" }).waitFor();
  });

  it("works by the keyboard alone, and a reader is told", async () => {
    await page.locator("#sign-out").focus();
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.id")).toBe("lock");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await title("Done");
    expect(unit.isLocked).toBe(false);
    // The button keeps the focus while it is not to be pressed.
    expect(await page.evaluate("document.activeElement.id")).toBe("unlock");
    expect(await page.getByRole("status").getAttribute("aria-live")).toBe("polite");
  });

  it("is refused while the vehicle moves, in words", async () => {
    unit.speed = 30;
    await shows("#motion", "Moving, 30 km/h");
    await press("Unlock");
    await title("Not done: the vehicle is moving");
    expect(frames()).toBe(0);
    unit.speed = 0;
    await shows("#motion", "Standing still");
    await page.getByRole("button", { name: "Try again" }).click();
    await title("Done");
    expect(frames()).toBe(FRAMES);
  });

  it("sends nothing to a vehicle that sleeps, and asks it once it is awake", async () => {
    await running.sleep();
    await shows("#presence-text", "Asleep");
    await press("Lock");
    await title("Not sent: the vehicle is asleep");
    await running.wake();
    await shows("#presence-text", "Online");
    expect(frames()).toBe(0);
    await page.getByRole("button", { name: "Try again" }).click();
    await title("Done");
    expect(frames()).toBe(FRAMES);
  });

  it("goes on after a reload in the middle of a command, which stays one", async () => {
    unit.obeys = false;
    await press("Unlock");
    await until(() => (frames() > 0 ? true : undefined), { what: "the first frame", timeoutMs: 20_000 });
    await page.reload();
    await title("Unlocking");
    await title("It did not work");
    expect(frames()).toBe(FRAMES);
  });

  it("makes one command of two clicks", async () => {
    await page.getByRole("button", { name: "Lock", exact: true }).dblclick();
    await title("Done");
    expect(frames()).toBe(FRAMES);
  });

  it("does it once, though the first answer was lost and the person tried again", async () => {
    let losses = 0;
    await page.route("**/commands", async (route) => {
      // The backend has it, the browser never hears so.
      await route.fetch();
      losses += 1;
      await route.abort();
    });
    await press("Lock");
    await title("Not known yet");
    await page.unroute("**/commands");
    await page.getByRole("button", { name: "Try again" }).click();
    await title("Done");
    expect([losses, frames()]).toEqual([1, FRAMES]);
  });

  it("says that there is no connection, and goes on when there is one", async () => {
    await person.context.setOffline(true);
    await shows("#notice", "There is no connection to the service");
    await person.context.setOffline(false);
    await until(async () => ((await page.locator("#notice").textContent()) === "" ? true : undefined), {
      what: "the connection is back",
      timeoutMs: 20_000,
    });
  });

  it("shows what one tab has begun in the other, and begins nothing there", async () => {
    const other = await person.tab();
    unit.obeys = false;
    await press("Unlock");
    await title("Unlocking", other);
    // Not to be pressed, which a person can do all the same.
    await other.getByRole("button", { name: "Unlock", exact: true }).click({ force: true });
    await title("It did not work", other);
    await title("It did not work");
    expect(frames()).toBe(FRAMES);
    await other.close();
  });

  it("fits a phone and a desk, and shows a hostile name as the text that it is", async () => {
    expect(await page.getByRole("heading", { level: 2 }).textContent()).toContain(SHOWN_NAME);
    for (const width of [320, 390, 1280]) {
      await page.setViewportSize({ width, height: 844 });
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
    }
    expect(person.complaints).toEqual([]);
  });

  it("signs out here and at the provider, and the old cookie opens nothing", async () => {
    const old = (await person.session()) ?? "";
    expect(old).not.toBe("");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("link", { name: "Sign in" }).waitFor();
    expect(await person.session()).toBeUndefined();
    const headers = { cookie: `__Host-causeway-session=${old}` };
    expect((await fetch(`${running.app.origin}/api/vehicles`, { headers })).status).toBe(401);
    expect(person.complaints).toEqual([]);
  });
});
