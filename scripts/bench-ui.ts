#!/usr/bin/env node
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measurePage } from "../test/bench/page/page-load.ts";
import { type Part, printFigures, row } from "./benchmarks/figures.ts";

const HELP = `usage: npm run bench:ui -- [--json]

Opens the live page in headless Chromium on 200 signals at 20 Hz for a minute, twelve of them plotted: the agent as it is, causeway ui, a
bus of the bench. The page itself counts what it missed. Prints the goals beside the figures.

  --json       one JSON object
  --help       this text

Example:
  npm run bench:ui -- --json > figures.json
`;

const SECONDS = 60;
const SIGNALS = 200;

async function page(): Promise<Part> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-bench-ui-"));
  try {
    const figures = await measurePage(folder, SECONDS);
    const part = "page";
    const rows = [
      row(part, "signals", figures.signals, "signals", { atLeast: SIGNALS }),
      row(part, `seconds of ${SECONDS} without a value, of all signals`, figures.emptySeconds, "s", { atMost: 0 }),
      row(part, "seconds in which events were missed", figures.missedSeconds, "s", { atMost: 0 }),
      row(part, "values a second in the page", figures.valuesPerSecond, "values/s"),
      row(part, "the agent with nobody at the page", figures.agentShareBefore * 100, "% of a core"),
      row(part, "the agent with a page open", figures.agentShare * 100, "% of a core"),
    ];
    return { rows, figures };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

process.exitCode = await printFigures({ page }, HELP);
