#!/usr/bin/env node
import { benchmarkBytes } from "../test/bench/benchmarks/fleet-bytes.ts";
import { benchmarkMemory } from "../test/bench/benchmarks/fleet-memory.ts";
import { benchmarkPrograms } from "../test/bench/benchmarks/program-benchmark.ts";
import { scaled, spreadOf } from "../test/bench/benchmarks/timing.ts";
import { benchmarkCuts, benchmarkTunnel } from "../test/bench/benchmarks/tunnel-benchmark.ts";
import { benchmarkFlood } from "../test/bench/benchmarks/tunnel-flood.ts";
import { benchmarkUpload } from "../test/bench/benchmarks/upload-benchmark.ts";
import { type Part, printFigures, row } from "./benchmarks/figures.ts";

const HELP = `usage: npm run bench:fleet -- [--json] [--only NAME] [--before DIR]

Fleet services beside what does the same without the agent, or the agent without them. All parts take about 20 minutes, on an idle machine.

  --json        one JSON object
  --only NAME   one part:
                  tunnel    ssh through a tunnel beside plain ssh
                  cuts      100 MB through a tunnel whose link is cut 50 times
                  flood     memory of an agent whose tunnels lead to a hostile relay: eight floods, a minute in all
                  upload    a file to a presigned URL beside curl
                  memory    start to first PUBACK and memory, all services on beside all off
                  bytes     what a day of shadow, Defender and health record takes, at their defaults: the agent on a clock that is moved on
                  programs  what the data of a bus are left with while other programs hand over records
  --before DIR  for memory: a checkout of earlier code that runs beside this one, set up by its scripts/setup
  --help        this text

Example:
  npm run bench:fleet -- --only tunnel --json > figures.json
`;

const TUNNEL_BYTES = 100_000_000;
const ECHOES = 300;
const CUTS = 50;
const PART_BYTES = 2_000_000;
const FLOOD_SECONDS_EACH = 8;
/** The unit has MemoryMax=256M, and an agent that is not attacked some 110 MB. */
const MOST_MORE_MEGABYTES = 100;
const UPLOAD_BYTES = 100_000_000;
const ROUNDS = 5;

const args = process.argv.slice(2);
const beforeAt = args.indexOf("--before");
const before = beforeAt < 0 ? undefined : args.splice(beforeAt, 2)[1];

const PARTS: Readonly<Record<string, () => Promise<Part>>> = { tunnel, cuts, flood, upload, memory, bytes, programs };

async function tunnel(): Promise<Part> {
  const figures = await benchmarkTunnel(TUNNEL_BYTES, ECHOES, ROUNDS);
  const part = "tunnel";
  const { direct, tunnel: through } = figures;
  const rows = [
    row(part, "100 MB both ways arrive as they were sent, each round", figures.isEqual ? 1 : 0, "", { atLeast: 1 }),
    row(part, "to sshd, plain", scaled(direct.upBytesPerSecond, 1e-6), "MB/s"),
    row(part, "to sshd, through the tunnel", scaled(through.upBytesPerSecond, 1e-6), "MB/s"),
    row(part, "from sshd, plain", scaled(direct.downBytesPerSecond, 1e-6), "MB/s"),
    row(part, "from sshd, through the tunnel", scaled(through.downBytesPerSecond, 1e-6), "MB/s"),
    row(part, "echo of 32 bytes, plain", direct.echoMs, "ms"),
    row(part, "echo of 32 bytes, through the tunnel", through.echoMs, "ms"),
    row(part, "echo through the tunnel, 99th percentile", through.echoMs.p99, "ms"),
  ];
  return { rows, figures };
}

async function cuts(): Promise<Part> {
  const figures = await benchmarkCuts(CUTS, PART_BYTES);
  const part = "cuts";
  const rows = [
    row(part, `${figures.cuts} cuts: all arrives as it was sent`, figures.isEqual ? 1 : 0, "", { atLeast: 1 }),
    row(part, "from a cut to the next WebSocket", figures.backMs, "ms"),
    row(part, "what no destination may do", figures.violations.length, "frames", { atMost: 0 }),
  ];
  return { rows, figures };
}

async function flood(): Promise<Part> {
  const figures = await benchmarkFlood(FLOOD_SECONDS_EACH);
  const part = "flood";
  const { before: atFirst, floods } = figures;
  const more = (bytes: number): number => (bytes - atFirst.rssBytes) / 1_000_000;
  const rows = [
    row(part, "resident memory before", atFirst.rssBytes / 1_000_000, "MB"),
    ...floods.map(({ name, rssBytes }) => row(part, `more after: ${name}`, more(rssBytes), "MB")),
    row(part, "more at its most", more(Math.max(...floods.map(({ peakRssBytes }) => peakRssBytes))), "MB", {
      atMost: MOST_MORE_MEGABYTES,
    }),
  ];
  return { rows, figures };
}

async function upload(): Promise<Part> {
  const figures = await benchmarkUpload(UPLOAD_BYTES, ROUNDS);
  const part = "upload";
  const what = `${UPLOAD_BYTES / 1_000_000} MB to a presigned URL`;
  const rows = [
    row(part, `${what}, by the agent`, scaled(figures.agentBytesPerSecond, 1e-6), "MB/s"),
    row(part, `${what}, by curl`, scaled(figures.curlBytesPerSecond, 1e-6), "MB/s"),
    row(part, "agent against curl", figures.ratio, "x"),
  ];
  return { rows, figures };
}

async function memory(): Promise<Part> {
  const figures = await benchmarkMemory(ROUNDS, before);
  const rows = figures.flatMap(({ name, firstPubackMs, startCpuMs, idleRssMb, idleCpuShare }) => [
    row("memory", `${name}: start to first PUBACK`, firstPubackMs, "ms"),
    row("memory", `${name}: CPU until then`, startCpuMs, "ms"),
    row("memory", `${name}: resident memory, idle`, idleRssMb, "MB"),
    row("memory", `${name}: CPU, idle`, scaled(idleCpuShare, 100), "% of a core"),
  ]);
  return { rows, figures };
}

async function bytes(): Promise<Part> {
  const figures = await benchmarkBytes();
  const rows = figures.flatMap(({ name, moreSentBytes, moreReceivedBytes, sentBytes, receivedBytes }) =>
    name === "none"
      ? [
          row("bytes", "a day without any of them: sent", sentBytes, "bytes"),
          row("bytes", "received", receivedBytes, "bytes"),
        ]
      : [
          row("bytes", `a day with ${name}: sent besides`, moreSentBytes, "bytes"),
          row("bytes", "received besides", moreReceivedBytes, "bytes"),
        ],
  );
  // On a machine that is too busy the clock is moved on before an answer comes: then the bytes are too many.
  const late = figures.flatMap(({ counts }) => [counts.failures ?? 0, counts.unanswered ?? 0]);
  rows.push(
    row(
      "bytes",
      "answers that came too late for the clock",
      late.reduce((sum, one) => sum + one, 0),
      "",
      { atMost: 0 },
    ),
  );
  return { rows, figures };
}

async function programs(): Promise<Part> {
  const figures = await benchmarkPrograms(ROUNDS);
  const { alone, hostile } = figures;
  const rows = Object.entries(figures).flatMap(([name, rounds]) => {
    const over = (of: (round: (typeof rounds)[number]) => number) => spreadOf(rounds.map(of));
    const stored = over(({ storedShare }) => storedShare);
    return [
      row("programs", `${name}: records of the bus that were stored`, stored, "of 1", { atLeast: 0.95 }),
      row(
        "programs",
        `${name}: a record of the bus is late by`,
        over(({ lateMs }) => lateMs.median),
        "ms",
      ),
      row(
        "programs",
        `${name}: 99 of 100 are late by less than`,
        over(({ lateMs }) => lateMs.p99),
        "ms",
      ),
      row(
        "programs",
        `${name}: CPU of the process`,
        over(({ cpuShare }) => cpuShare),
        "of 1",
      ),
      row(
        "programs",
        `${name}: records of programs`,
        over(({ programRecords }) => programRecords),
        "",
      ),
    ];
  });
  // The share of the configuration, and what connections cost that are turned away.
  const more = spreadOf(hostile.map(({ cpuShare }, round) => cpuShare - alone[round].cpuShare));
  return { rows: [...rows, row("programs", "hostile: CPU more than alone", more, "of 1", { atMost: 0.25 })], figures };
}

process.exitCode = await printFigures(PARTS, HELP, args);
