#!/usr/bin/env node
import { benchmarkCampaigns, type CampaignLoad } from "../test/bench/benchmarks/campaign-benchmark.ts";
import { benchDrive, benchmarkBytes, recordedDrive } from "../test/bench/benchmarks/campaign-bytes.ts";
import { benchmarkConditions, conditionGarbage } from "../test/bench/benchmarks/condition-benchmark.ts";
import { fuzzExpressions } from "../test/bench/benchmarks/expression-fuzz.ts";
import { benchmarkHistory, type HistoryFigures } from "../test/bench/benchmarks/history-benchmark.ts";
import { benchmarkOff } from "../test/bench/benchmarks/off-benchmark.ts";
import { scaled, spreadOf } from "../test/bench/benchmarks/timing.ts";
import { type Part, printFigures, row } from "./benchmarks/figures.ts";

const HELP = `usage: npm run bench:campaigns -- [--json] [--only NAME] [--log FILE [--dbc FILE]] [--before DIR]

Measures what campaigns cost, each figure beside its reference in the same run, and prints the goals beside the figures.

  --json        one JSON object
  --only NAME   one part: frames, conditions, history, bytes, off or fuzz
  --log FILE    for bytes: a candump log beside the bench's own drive
  --dbc FILE    its DBC file; without it each byte of each id is a signal
  --before DIR  for off: a checkout of earlier code that runs beside this one
  --help        this text

Example:
  npm run bench:campaigns -- --json --log drive.log > figures.json
`;

const COUNTS = [0, 1, 10, 100, 1000];
const HISTORY_ROUNDS = 5;
const FUZZED = 100_000;
const FUZZ_SEED = 15;

const args = process.argv.slice(2);

/** The value of one of its own options, which is taken out of the arguments. */
function takeOption(name: string): string | undefined {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args.splice(at, 2)[1];
}

const logFile = takeOption("--log");
const dbcFile = takeOption("--dbc");
const before = takeOption("--before");

const PARTS: Readonly<Record<string, () => Part | Promise<Part>>> = { frames, conditions, history, bytes, off, fuzz };

const WORDS: Readonly<Record<CampaignLoad, string>> = {
  absent: "whose signals do not come",
  steady: "whose signals do not change",
  changing: "whose signals all change",
};

function frames(): Part {
  const loads = (["absent", "steady", "changing"] as const).map((load) => benchmarkCampaigns(load, COUNTS));
  const rows = loads.flatMap((costs) =>
    costs.flatMap(({ campaigns, load, frameNs, flushUs, ratio, frameRatio }) => {
      const what = `a frame with ${campaigns} campaigns ${WORDS[load]}`;
      const limit = campaigns === 1000 && load !== "changing" ? { atMost: 1.5 } : undefined;
      return [
        row("frames", what, frameNs, "ns"),
        row("frames", "against one", frameRatio, "x", limit),
        row("frames", "a flush, every 250 ms", flushUs, "us"),
        row("frames", "a frame with its share of a flush, against one", ratio, "x"),
      ];
    }),
  );
  return { rows, figures: loads.flat() };
}

function conditions(): Part {
  const loads = (["absent", "steady", "changing"] as const).map((load) =>
    // Those that change cost a thousand times as much.
    benchmarkConditions(load, [1, 10, 100, 1000], load === "changing" ? 400 : 40_000),
  );
  const rows = loads.flatMap((costs) =>
    costs.map(({ conditions: count, load, ratio }) =>
      row(
        "conditions",
        `${count} conditions of one board ${WORDS[load]}, against 1`,
        ratio,
        "x",
        load === "changing" ? undefined : { atMost: 1.5 },
      ),
    ),
  );
  const garbage = conditionGarbage(1000, "steady", 200_000);
  rows.push(
    row("conditions", "left on the heap by a frame, 1,000 conditions", Math.max(0, garbage), "bytes", { atMost: 1 }),
  );
  return { rows, figures: { costs: loads.flat(), garbage } };
}

async function history(): Promise<Part> {
  const options = { maxBytes: 32_000_000, seconds: 30, framesPerSecond: 8000 };
  const [classic, long]: [HistoryFigures[], HistoryFigures[]] = [[], []];
  for (let round = 0; round < HISTORY_ROUNDS; round += 1) {
    classic.push(await benchmarkHistory({ ...options, dataBytes: 8 }));
    long.push(await benchmarkHistory({ ...options, dataBytes: 64 }));
  }
  const rows = [classic, long].flatMap((rounds, at) => {
    const of = at === 0 ? "8 bytes" : "64 bytes";
    const over = (what: keyof HistoryFigures, by = 1) => scaled(spreadOf(rounds.map((round) => round[what])), by);
    return [
      row("history", `30 s of 8,000 frames/s of ${of}`, over("usedBytes", 1e-6), "MB", { atMost: 32 }),
      row("history", "of them held", over("heldSeconds"), "s", { atLeast: 29.9 }),
      row("history", "growth of the JavaScript heap", over("heapGrowthBytes", 1e-6), "MB"),
      row("history", "growth of the resident memory", over("rssGrowthBytes", 1e-6), "MB"),
      row("history", "a frame that is kept", over("pushNs"), "ns"),
      row("history", "one that nobody wants", over("unwantedNs"), "ns"),
    ];
  });
  return { rows, figures: { classic, long } };
}

function bytes(): Part {
  const drives = [benchDrive(), ...(logFile === undefined ? [] : [recordedDrive(logFile, dbcFile)])];
  const figures = drives.flatMap(benchmarkBytes);
  const rows = figures.flatMap(({ drive, mode, samples, bytesPerSample, bytesPerDay }) => [
    row("bytes", `${drive}, ${mode}: ${samples} samples`, bytesPerSample, "bytes/sample"),
    row("bytes", "a day of it", bytesPerDay / 1e6, "MB"),
  ]);
  return { rows, figures };
}

async function off(): Promise<Part> {
  const figures = await benchmarkOff(before);
  const rows = figures.flatMap(({ name, cpuPercent, rssMb, startMs }) => [
    row("off", `${name}: CPU at 8,000 frames/s`, cpuPercent, "% of a core"),
    row("off", "resident memory", rssMb, "MB"),
    row("off", "from the start of the process to the end of it, without the frames", startMs, "ms CPU"),
  ]);
  return { rows, figures };
}

function fuzz(): Part {
  const figures = fuzzExpressions(FUZZED, FUZZ_SEED);
  const rows = [
    row("fuzz", `${FUZZED} texts, seed ${FUZZ_SEED}: taken`, figures.fit, "texts"),
    row("fuzz", "crashed, or gave no place", figures.failures.length, "texts", { atMost: 0 }),
    row("fuzz", "longest to compile and evaluate", figures.slowestMs, "ms CPU"),
  ];
  return { rows, figures };
}

process.exitCode = await printFigures(PARTS, HELP, args);
