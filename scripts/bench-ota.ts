#!/usr/bin/env node
import { benchmarkDownload, type Work } from "../test/bench/benchmarks/download-benchmark.ts";
import { benchmarkFaults, benchmarkInstall } from "../test/bench/benchmarks/update-benchmark.ts";
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
const RUNS = 5;
const CUTS = 100;
const ROUNDS = 20;
const PARTS: Readonly<Record<string, () => Promise<Part>>> = {
  download,
  install,
  faults,
};

/** What a part of a download is by itself. */
const NAMES: Readonly<Record<Work, string>> = {
  all: "HTTPS, hashed, synced, resumable",
  network: "HTTPS alone, nothing kept",
  "network-write": "HTTPS and the file, neither hashed nor synced",
  hash: "SHA-256 alone, of memory",
  "hash-write-sync": "the file alone, hashed and synced, of memory",
};

async function download(): Promise<Part> {
  const figures = await benchmarkDownload(SIZE_BYTES, RUNS, CUTS);
  const { all, parts, curl, toCurl, toCurlHashSync, cuts } = figures;
  const part = "download";
  const works = [all, ...parts].flatMap(({ work, ms, cpuMs }) => [
    row(part, NAMES[work], ms, "ms"),
    row(part, `${NAMES[work]}: processor time`, cpuMs, "ms"),
  ]);
  const rows = [
    row(part, `${SIZE_BYTES / 1e6} MB, time against curl's`, toCurl, "x", {
      atMost: 1.3,
    }),
    row(part, "time against curl, sha256sum and sync", toCurlHashSync, "x"),
    row(part, "curl, same file and server, in turns", curl.ms, "ms"),
    row(part, "curl: processor time", curl.cpuMs, "ms"),
    row(part, "curl, sha256sum and sync, one after the other", curl.hashSyncMs, "ms"),
    ...works,
    row(part, "event loop held up meanwhile, 99th percentile", all.loopP99Ms, "ms", { atMost: 20 }),
    row(part, "event loop held up meanwhile, most", all.loopMaxMs, "ms"),
    row(part, "resident memory more than before, most", all.rssGrowthMB, "MB"),
    row(part, `bytes fetched twice over ${cuts.made} cuts`, cuts.fetchedTwice * 100, "%", { atMost: 5 }),
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
    row(part, `whole after each of ${ROUNDS} rounds`, whole, "points", {
      atLeast: points,
    }),
  ];
  return { rows, figures };
}

process.exitCode = await printFigures(PARTS, HELP);
