#!/usr/bin/env node
import { withSleepingVehicle } from "../test/bench/benchmarks/wake-benchmark.ts";
import { type Part, printFigures, row } from "./benchmarks/figures.ts";

const HELP = `usage: npm run bench:wake -- [--json] [--only NAME]

How soon a vehicle is back after a sleep: real mosquitto behind a proxy, the agent as shipped. Its process is stopped for some seconds,
and its connection dies without a word meanwhile (stopped); or it sleeps in order and the bus wakes it (woken). The times begin when the
process runs again, and when the bus speaks. The guest measures a real suspend to RAM.

  --json       one JSON object
  --only NAME  one part: stopped, woken
  --help       this text

Example:
  npm run bench:wake -- --json > figures.json
`;

const ROUNDS = 10;
const STOPPED_MS = 4000;
const PARTS: Readonly<Record<string, () => Promise<Part>>> = { stopped, woken };

async function stopped(): Promise<Part> {
  const figures = await withSleepingVehicle((bench) => bench.stopped({ rounds: ROUNDS, stoppedMs: STOPPED_MS }));
  const rows = [
    row("stopped", `online at the cloud, ${ROUNDS} rounds`, figures.onlineMs, "ms", { atMost: 2000 }),
    row("stopped", `first record at the cloud, ${ROUNDS} rounds`, figures.recordMs, "ms", { atMost: 2000 }),
  ];
  return { rows, figures };
}

async function woken(): Promise<Part> {
  const figures = await withSleepingVehicle((bench) => bench.woken({ rounds: ROUNDS }));
  const rows = [
    row("woken", `online at the cloud, ${ROUNDS} rounds`, figures.onlineMs, "ms", { atMost: 2000 }),
    row("woken", `first record at the cloud, ${ROUNDS} rounds`, figures.recordMs, "ms", { atMost: 2000 }),
  ];
  return { rows, figures };
}

process.exitCode = await printFigures(PARTS, HELP);
