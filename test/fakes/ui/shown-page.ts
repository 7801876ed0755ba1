import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { onTestFinished } from "vitest";
import type { AgentLine, UiRole } from "../../../agent/ui/agent-line.ts";
import type { FaultSwitch } from "../../../agent/ui/fault-switch.ts";
import { createUiServer } from "../../../agent/ui/ui-server.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";

/** Where pictures of the page are kept, for people. */
const PICTURES = join(import.meta.dirname, "../../../.cache/pictures");
const TOKEN = "a-token-of-the-test";

/** A page that is served until the test has finished. */
export type ServedPage = { readonly origin: string; readonly token: string; readonly url: string };

type Served = { readonly line: AgentLine; readonly role?: UiRole; readonly switches?: readonly FaultSwitch[] };

/** Serves the page of `line` on a free port. */
export async function servePage({ line, role = "view", switches = [] }: Served): Promise<ServedPage> {
  const clock = systemClock();
  const ui = createUiServer({ line, clock, role, token: TOKEN, version: "0.0.0", switches });
  onTestFinished(() => ui.stop());
  ui.http.listen({ host: "127.0.0.1", port: 0 });
  await once(ui.http, "listening");
  const address = ui.http.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const origin = `http://127.0.0.1:${port}`;
  return { origin, token: TOKEN, url: `${origin}/#${TOKEN}` };
}

/** A tab, all that it complained of, and all that it asked for. */
export type OpenTab = { readonly page: Page; readonly complaints: string[]; readonly requests: string[] };

/** Opens a tab of a browser of its own. */
export async function openTab(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<OpenTab> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 }, ...options });
  context.setDefaultTimeout(20_000);
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("pageerror", ({ message }) => complaints.push(message));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && !message.text().startsWith("Failed to load resource")) {
      complaints.push(message.text());
    }
  });
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(url);
  return { page, complaints, requests };
}

/** Keeps a picture of the whole page. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `ui-${name}.png`), fullPage: true });
}
