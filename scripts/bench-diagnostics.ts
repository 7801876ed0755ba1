#!/usr/bin/env node
import { benchmarkExchange, benchmarkPolls } from "../test/bench/benchmarks/diagnostic-exchange.ts";
import { benchmarkPassive } from "../test/bench/benchmarks/passive-benchmark.ts";
import { benchmarkPathRatio } from "../test/bench/benchmarks/path-ratio.ts";
import { scaled } from "../test/bench/benchmarks/timing.ts";
import { type Part, printFigures, row } from "./benchmarks/figures.ts";

const HELP = `usage: npm run bench:diagnostics -- [--json] [--only NAME] [--before DIR]

Measures what diagnostics cost, each figure beside its reference in the same run, and prints the goals beside the figures.

  --json        one JSON object
  --only NAME   one part: polls, exchange, passive or off
  --before DIR  for off: a checkout of code without diagnostics that runs beside this one, set up by its scripts/setup
  --help        this text

Example:
  npm run bench:diagnostics -- --json > figures.json
`;

const SHARES = [0.01, 0.05, 0.2];
const POLL_ROUNDS = 5;
const POLL_SECONDS = 2;
const ROUND_MS = 300;
const ROUNDS = 9;
const PAIRS = 9;

const args = process.argv.slice(2);
const beforeAt = args.indexOf("--before");
const before = beforeAt < 0 ? undefined : args.splice(beforeAt, 2)[1];

const PARTS: Readonly<Record<string, () => Part | Promise<Part>>> = { polls, exchange, passive, off };

async function polls(): Promise<Part> {
  const figures = await benchmarkPolls(SHARES, POLL_ROUNDS, POLL_SECONDS);
  const rows = figures.flatMap(({ allowedShare, pidsPerSecond, usedShare, cpuMicrosPerPid }) => {
    const what = `${allowedShare * 100} % of 500 kbit/s allowed`;
    return [
      row("polls", `${what}: values of service 01, six a request`, pidsPerSecond, "PIDs/s"),
      row("polls", "load of the bus, without stuff bits", scaled(usedShare, 100), "%", { atMost: allowedShare * 100 }),
      row("polls", "tester, transport, and the bench's unit", cpuMicrosPerPid, "µs CPU/PID"),
    ];
  });
  return { rows, figures };
}

async function exchange(): Promise<Part> {
  const figures = await benchmarkExchange(ROUNDS, ROUND_MS);
  const { peerMicros, isotpMicros, testerMicros, testerToIsotp } = figures;
  const rows = [
    row("exchange", "a peer that answers by heart, alone", peerMicros, "µs CPU"),
    row("exchange", "a request, and its answer of 20 bytes, by ISO-TP over frames", isotpMicros, "µs CPU"),
    row("exchange", "the same through the tester with its manners", testerMicros, "µs CPU"),
    row("exchange", "tester against ISO-TP alone", testerToIsotp, "x"),
  ];
  return { rows, figures };
}

function passive(): Part {
  const figures = benchmarkPassive();
  const { isotpNs, j1939Ns, unwantedNs, noTapNs } = figures;
  const rows = [
    row("passive", "a frame of somebody else's ISO-TP, put together", isotpNs, "ns CPU"),
    row("passive", "a frame of a J1939 transfer, put together", j1939Ns, "ns CPU"),
    row("passive", "a frame that nobody asks for, on a bus with OBD, UDS and J1939", unwantedNs, "ns CPU"),
    row("passive", "the same where nothing is tapped", noTapNs, "ns CPU"),
  ];
  return { rows, figures };
}

async function off(): Promise<Part> {
  if (before === undefined) {
    const measured = { part: "off", what: "no --before DIR", measured: "not measured", unit: "", goal: "<= 1.03" };
    return { rows: [{ ...measured, met: undefined }], figures: undefined };
  }
  const figures = await benchmarkPathRatio(before, PAIRS);
  const rows = [
    row("off", "a frame on the data path, nothing diagnostic configured", figures.nowMicros, "µs CPU"),
    row("off", "the same by the earlier code", figures.beforeMicros, "µs CPU"),
    row("off", "median of the ratios of neighbouring runs", figures.ratio, "x", { atMost: 1.03 }),
  ];
  return { rows, figures };
}

process.exitCode = await printFigures(PARTS, HELP, args);
