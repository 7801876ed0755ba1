import type { Browser, BrowserContext, Page } from "playwright-core";
import type { AppUser } from "../../bench/cloud/companion-app.ts";

const PATIENCE_MS = 20_000;

/** A person's browser, signed in on the first page; what its pages complain of is collected. */
export class PersonBrowser {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly complaints: string[] = [];
  readonly #origin: string;

  private constructor(context: BrowserContext, page: Page, origin: string) {
    this.context = context;
    this.page = page;
    this.#origin = origin;
    for (const each of context.pages()) this.#listen(each);
  }

  static async open(browser: Browser, origin: string, width = 390): Promise<PersonBrowser> {
    const context = await browser.newContext({ viewport: { width, height: 844 } });
    context.setDefaultTimeout(PATIENCE_MS);
    return new PersonBrowser(context, await context.newPage(), origin);
  }

  async signIn({ user, password }: Pick<AppUser, "user" | "password">): Promise<void> {
    await this.page.goto(this.#origin);
    await this.page.getByRole("link", { name: "Sign in" }).click();
    await this.page.getByLabel("Name").fill(user);
    await this.page.getByLabel("Password").fill(password);
    await this.page.getByRole("button", { name: "Sign in" }).click();
    await this.page.getByRole("button", { name: "Lock", exact: true }).waitFor();
  }

  /** Another tab of the same browser. */
  async tab(): Promise<Page> {
    const page = await this.context.newPage();
    this.#listen(page);
    await page.goto(this.#origin);
    await page.getByRole("button", { name: "Lock", exact: true }).waitFor();
    return page;
  }

  /** The value of its session cookie; undefined while it has none. */
  async session(): Promise<string | undefined> {
    return (await this.context.cookies()).find(({ name }) => name === "__Host-causeway-session")?.value;
  }

  #listen(page: Page): void {
    page.on("pageerror", ({ message }) => this.complaints.push(message));
    page.on("console", (message) => {
      // What a status says is no complaint of the page; a breach of its policy is one.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
        this.complaints.push(message.text());
      }
    });
    page.on("dialog", (dialog) => {
      this.complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
  }
}

/** Writes down each title that the page gives the command from now on, which a watcher of the page would see. */
export async function watchTitles(page: Page): Promise<() => Promise<string[]>> {
  const watch = `(() => {
    const title = document.getElementById("command-title");
    globalThis.seenTitles = [];
    new MutationObserver(() => globalThis.seenTitles.push(title.textContent)).observe(title, { childList: true });
  })()`;
  await page.evaluate(watch);
  return async () => {
    const seen: unknown = await page.evaluate("globalThis.seenTitles");
    return Array.isArray(seen) ? seen.map(String) : [];
  };
}
