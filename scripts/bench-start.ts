#!/usr/bin/env node
import { benchmarkStart } from "../test/bench/benchmarks/start-benchmark.ts";
import { drawn } from "../test/bench/benchmarks/start-timeline.ts";
import { type Part, printFigures, row } from "./benchmarks/figures.ts";

const HELP = `usage: npm run bench:start -- [--json] [--rounds N]

How long the packaged agent takes from the start of its process to its first PUBACK, and what it waits for meanwhile: real mosquitto with
mutual TLS, the key in a file and in a software TPM, a DBC file of 60 messages and one of 1200. Beside it, in the same rounds, a Node that
does nothing and the least client of the same SDK. The bars go to stderr. Takes about two minutes.

  --json      one JSON object
  --rounds N  starts of each; 9 when it is not given
  --help      this text

Example:
  npm run bench:start -- --json > figures.json
`;

const GOAL_MS = 300;
const ROUNDS = 9;

const args = process.argv.slice(2);
const roundsAt = args.indexOf("--rounds");
const rounds = roundsAt < 0 ? ROUNDS : Number(args.splice(roundsAt, 2)[1]);

async function start(): Promise<Part> {
  const figures = await benchmarkStart(rounds);
  for (const { name, slices } of figures) {
    if (slices.length > 0) process.stderr.write(`${drawn(name, slices)}\n`);
  }
  const rows = figures.flatMap(({ name, tookMs, toBareClient }) => [
    row("start", name, tookMs.median, "ms", name === "key in a file" ? { atMost: GOAL_MS } : undefined),
    row("start", `${name}: least`, tookMs.min, "ms"),
    row("start", `${name}: most`, tookMs.max, "ms"),
    row("start", `${name}: against the bare client`, toBareClient.median, "x"),
  ]);
  return { rows, figures };
}

process.exitCode = await printFigures({ start }, HELP, args);
