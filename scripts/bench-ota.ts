#!/usr/bin/env node
import { benchmarkDownload, benchmarkFaults, benchmarkInstall } from "../test/bench/benchmarks/update-benchmark.ts";
import { type Part, printFigures, row } from "./benchmarks/figures.ts";

const HELP = `usage: npm run bench:ota -- [--json] [--only NAME]

Measures updates on this machine and prints the goals beside the figures.

  --json       one JSON object
  --only NAME  one part: download, install, faults
  --help       this text

Example:
  npm run bench:ota -- --json > figures.json
`;

const SIZE_BYTES = 128_000_000;
const RUNS = 3;
const CUTS = 100;
const ROUNDS = 20;
const PARTS: Readonly<Record<string, () => Promise<Part>>> = { download, install, faults };

async function download(): Promise<Part> {
  const figures = await benchmarkDownload(SIZE_BYTES, RUNS, CUTS);
  const { agentMBps, curlMBps, fetchedTwice, cuts } = figures;
  const part = "download";
  const rows = [
    row(part, "HTTPS, hashed and synced", agentMBps, "MB/s"),
    row(part, "curl, same file and server, in turns", curlMBps, "MB/s"),
    row(part, "against curl", agentMBps / curlMBps, "x"),
    row(part, `bytes fetched twice over ${cuts} cuts`, fetchedTwice * 100, "%", { atMost: 5 }),
  ];
  return { rows, figures };
}

async function install(): Promise<Part> {
  const figures = await benchmarkInstall();
  const part = "install";
  const rows = [
    row(
      part,
      `unpack, check and sync a release of ${Math.round(figures.archiveBytes / 1e6)} MB`,
      figures.stageMs,
      "ms",
    ),
    row(part, "activate", figures.switchMs, "ms"),
    row(part, "starts until the old version is back", figures.rollbackStarts, "starts", { atMost: 3 }),
    row(part, "roll back from a version that crashes, without pauses", figures.rollbackMs, "ms", { atMost: 300_000 }),
  ];
  return { rows, figures };
}

async function faults(): Promise<Part> {
  const figures = await benchmarkFaults(ROUNDS);
  const { points, whole } = figures;
  const part = "faults";
  const rows = [
    row(part, "power cuts before and after each durable step, points", points, "points"),
    row(part, `whole after each of ${ROUNDS} rounds`, whole, "points", { atLeast: points }),
  ];
  return { rows, figures };
}

process.exitCode = await printFigures(PARTS, HELP);
