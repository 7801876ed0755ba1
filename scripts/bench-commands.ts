#!/usr/bin/env node
import { benchmarkActuation, benchmarkRejections } from "../test/bench/benchmarks/command-benchmark.ts";
import { type Part, printFigures, row } from "./benchmarks/figures.ts";

const HELP = `usage: npm run bench:commands -- [--json] [--only NAME]

Commands the doors of a vehicle on the bench: real mosquitto, the AWS side of Commands, the agent as shipped, a bus with a door control
unit that obeys and counts. Prints the goals beside the figures.

  --json       one JSON object
  --only NAME  one part: actuation (lock and unlock, signed and confirmed), rejections
  --help       this text

Example:
  npm run bench:commands -- --json > figures.json
`;

const COMMANDS = 200;
const REJECTIONS = 20;
const PARTS: Readonly<Record<string, () => Part | Promise<Part>>> = { actuation, rejections };

async function actuation(): Promise<Part> {
  const figures = await benchmarkActuation(COMMANDS);
  const { commandToFrameMs: frame, brokerMs: broker, diskMs: disk, commandToConfirmationMs: confirmed } = figures;
  const part = "actuation";
  const rows = [
    row(part, `lock and unlock, ${figures.commands} commands: command to frame, median`, frame.p50, "ms"),
    row(part, "command to frame, 99th percentile", frame.p99, "ms"),
    row(part, "the broker alone, publish to arrival, median", broker.p50, "ms"),
    row(part, "the broker alone, 99th percentile", broker.p99, "ms"),
    row(part, "the disk alone, the ledger's synced bytes, median", disk.p50, "ms"),
    row(part, "the disk alone, 99th percentile", disk.p99, "ms"),
    row(part, "the rest, median: agent and bus", frame.p50 - broker.p50 - disk.p50, "ms"),
    row(part, "above the broker's, in times of the disk's, median", (frame.p50 - broker.p50) / disk.p50, "x"),
    row(part, "99th percentile above the broker's", frame.p99 - broker.p99, "ms", { atMost: 20 }),
    row(part, "command to confirmed end, median", confirmed.p50, "ms"),
    row(part, "command to confirmed end, 99th percentile", confirmed.p99, "ms"),
    row(part, "frames beyond three a command", figures.extraFrames, "frames", { atMost: 0 }),
    row(part, "frames with a wrong checksum", figures.wrongFrames, "frames", { atMost: 0 }),
  ];
  return { rows, figures };
}

async function rejections(): Promise<Part> {
  const figures = await benchmarkRejections(REJECTIONS);
  const counted = Object.values(figures.byReason).reduce((sum, count) => sum + count, 0);
  const acted = figures.byReason.SUCCEEDED ?? 0;
  const rows = [
    ...Object.entries(figures.byReason).map(([reason, count]) => row("rejections", reason, count, "commands")),
    row("rejections", `refused of ${figures.sent}`, counted - acted, "commands", { atLeast: figures.sent }),
    row("rejections", "frames on the bus", figures.frames, "frames", { atMost: 0 }),
  ];
  return { rows, figures };
}

process.exitCode = await printFigures(PARTS, HELP);
