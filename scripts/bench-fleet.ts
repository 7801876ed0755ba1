#!/usr/bin/env node
import { benchmarkCuts, benchmarkTunnel } from "../test/bench/benchmarks/tunnel-benchmark.ts";
import { type Part, printFigures, row } from "./benchmarks/figures.ts";

const HELP = `usage: npm run bench:fleet -- [--json] [--only NAME]

Fleet services beside what does the same without the agent.

  --json       one JSON object
  --only NAME  one part: tunnel (ssh through a tunnel beside plain ssh), cuts (100 MB through a tunnel whose link is cut 50 times)
  --help       this text

Example:
  npm run bench:fleet -- --only tunnel --json > figures.json
`;

const TUNNEL_BYTES = 100_000_000;
const ECHOES = 300;
const CUTS = 50;
const PART_BYTES = 2_000_000;
const PARTS: Readonly<Record<string, () => Promise<Part>>> = { tunnel, cuts };

async function tunnel(): Promise<Part> {
  const figures = await benchmarkTunnel(TUNNEL_BYTES, ECHOES);
  const part = "tunnel";
  const { direct, tunnel: through } = figures;
  const megabytes = (rate: number): number => rate / 1_000_000;
  const rows = [
    row(part, "100 MB both ways arrive as they were sent", figures.isEqual ? 1 : 0, "", { atLeast: 1 }),
    row(part, "to sshd, plain", megabytes(direct.upBytesPerSecond), "MB/s"),
    row(part, "to sshd, through the tunnel", megabytes(through.upBytesPerSecond), "MB/s"),
    row(part, "from sshd, plain", megabytes(direct.downBytesPerSecond), "MB/s"),
    row(part, "from sshd, through the tunnel", megabytes(through.downBytesPerSecond), "MB/s"),
    row(part, "echo of 32 bytes, plain, median", direct.echoMs.p50, "ms"),
    row(part, "echo of 32 bytes, through the tunnel, median", through.echoMs.p50, "ms"),
    row(part, "echo through the tunnel, 99th percentile", through.echoMs.p99, "ms"),
  ];
  return { rows, figures };
}

async function cuts(): Promise<Part> {
  const figures = await benchmarkCuts(CUTS, PART_BYTES);
  const part = "cuts";
  const rows = [
    row(part, `${figures.cuts} cuts: all arrives as it was sent`, figures.isEqual ? 1 : 0, "", { atLeast: 1 }),
    row(part, "from a cut to the next WebSocket, median", figures.backMs.p50, "ms"),
    row(part, "from a cut to the next WebSocket, 99th percentile", figures.backMs.p99, "ms"),
    row(part, "what no destination may do", figures.violations.length, "frames", { atMost: 0 }),
  ];
  return { rows, figures };
}

process.exitCode = await printFigures(PARTS, HELP);
