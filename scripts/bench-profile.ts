#!/usr/bin/env node
import { benchmarkThreads } from "../test/bench/benchmarks/thread-benchmark.ts";
import { scaled } from "../test/bench/benchmarks/timing.ts";
import { type Part, printFigures, row } from "./benchmarks/figures.ts";

const HELP = `usage: npm run bench:profile -- [--json] [--only NAME]

Where the processor time of the packed agent goes, by its threads, in its default configuration and online: one bus of 60 messages, of which 150
signals are collected each 100 ms. CAN sockets are mapped to loopback datagrams (test/bench/README.md). Five rounds of 12 s after 35 s.
docs/performance.md says how to look into the threads with perf.

  --json       one JSON object
  --only NAME  one part: 8000 or 2000 (frames a second), idle (no frames)
  --help       this text

Example:
  npm run bench:profile -- --only 8000
`;

const ROUNDS = 5;
const SECONDS = 12;
const PARTS: Readonly<Record<string, () => Promise<Part>>> = {
  "8000": () => frames(8000),
  "2000": () => frames(2000),
  idle,
};

async function frames(framesPerSecond: number): Promise<Part> {
  const figures = await benchmarkThreads(framesPerSecond, ROUNDS, SECONDS);
  const part = String(framesPerSecond);
  const rows = [
    row(part, "all threads: CPU", scaled(figures.whole, 1 / framesPerSecond), "us/frame"),
    ...figures.threads.map(({ name, microsPerSecond }) =>
      row(part, `${name}: CPU`, scaled(microsPerSecond, 1 / framesPerSecond), "us/frame"),
    ),
    ...figures.threads.map(({ name, wakesPerSecond }) => row(part, `${name}: woken`, wakesPerSecond, "a second")),
  ];
  return { rows, figures };
}

async function idle(): Promise<Part> {
  const figures = await benchmarkThreads(0, ROUNDS, SECONDS);
  const rows = [
    row("idle", "all threads: CPU", scaled(figures.whole, 1e-4), "% of a core"),
    ...figures.threads.map(({ name, microsPerSecond }) =>
      row("idle", `${name}: CPU`, scaled(microsPerSecond, 1e-4), "% of a core"),
    ),
    ...figures.threads.map(({ name, wakesPerSecond }) => row("idle", `${name}: woken`, wakesPerSecond, "a second")),
  ];
  return { rows, figures };
}

process.exitCode = await printFigures(PARTS, HELP);
