import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Page } from "playwright-core";
import { EXIT, messageOf } from "../agent/core/errors.ts";
import type { FaultSwitch } from "../agent/ui/fault-switch.ts";
import { launchBrowser } from "../test/bench/page/browser.ts";
import { parseBenchOptions } from "../test/bench/run/bench-options.ts";
import { showPage } from "../test/bench/run/bench-page.ts";
import { takeState } from "../test/bench/run/bench-state.ts";
import { runBench } from "../test/bench/run/run-bench.ts";

const ROOT = join(import.meta.dirname, "..");
const HELP = `usage: node scripts/picture.ts [--out FILE]

Makes the picture of the live page that README.md shows, docs/page.png: runs the bench with --ui for half a minute, cuts the link for a part
of it, and takes the page as headless Chromium paints it. scripts/setup integration installs Chromium.
`;
/** Two columns of the page, in fewer pixels than it has on a screen. */
const LOOK = { viewport: { width: 1280, height: 960 }, deviceScaleFactor: 0.75, colorScheme: "light" } as const;
/** In which the link is cut, and after which the picture is taken, ms after the page is there. */
const CUT_MS = { from: 14_000, to: 24_000 };
const TAKEN_MS = 30_000;
const STATE = join(ROOT, ".cache/picture");
/** What is plotted in the place of what the page begins with. */
const PLOTTED = ["EngineSpeed.EngineRpm", "VehicleSpeed.Speed"];
/** What a reader of README.md is to load at most. */
const MOST_BYTES = 120_000;

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { out: { type: "string" }, help: { type: "boolean", short: "h" } } });
  if (values.help === true) {
    process.stdout.write(HELP);
    return EXIT.ok;
  }
  const picture = await drive();
  if (picture.length > MOST_BYTES) throw new Error(`the picture has ${picture.length} bytes, more than ${MOST_BYTES}`);
  const file = values.out ?? join(ROOT, "docs/page.png");
  writeFileSync(file, picture);
  process.stdout.write(`${file}: ${picture.length} bytes\n`);
  return EXIT.ok;
}

/** The page of a bench that drives for as long as the picture takes. */
async function drive(): Promise<Buffer> {
  const options = parseBenchOptions(["--ui", "--state", STATE]);
  if (options === "help") throw new Error("no options");
  const state = takeState(STATE);
  const end = new AbortController();
  let taken: Promise<Buffer> | undefined;
  try {
    await runBench(
      {
        options,
        state,
        onTick: () => undefined,
        onEvent: (what) => void process.stderr.write(`picture: ${what}\n`),
        showSwitches: async (switches) => {
          const page = await showPage(0, state.runtime, switches);
          taken = take(
            page.url,
            switches.find(({ name }) => name === "link"),
          ).finally(() => end.abort());
          // Told to whoever waits for it below.
          taken.catch(() => undefined);
          return page;
        },
      },
      end.signal,
    );
  } finally {
    state.release();
  }
  if (taken === undefined) throw new Error("the page was not shown");
  return await taken;
}

/** `link` cuts the link. */
async function take(url: string, link: FaultSwitch | undefined): Promise<Buffer> {
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage(LOOK);
    await page.goto(url);
    await page.getByText("Online", { exact: true }).first().waitFor();
    await plot(page);
    await sleep(CUT_MS.from);
    await link?.set(true);
    await sleep(CUT_MS.to - CUT_MS.from);
    await link?.set(false);
    await sleep(TAKEN_MS - CUT_MS.to);
    await page.evaluate("document.activeElement?.blur(); scrollTo(0, 0)");
    return await page.screenshot({ type: "png" });
  } finally {
    await browser.close();
  }
}

async function plot(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Remove all plots" }).click();
  for (const name of PLOTTED) {
    await page.getByLabel(`Plot ${name}`, { exact: true }).check();
  }
  await page.getByLabel("Show").selectOption("30");
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`picture: ${messageOf(error)}\n`);
    process.exit(EXIT.failed);
  },
);
