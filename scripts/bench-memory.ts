#!/usr/bin/env node
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { packedProgram } from "../test/bench/agent/packed-program.ts";
import type { MeasuredProgram } from "../test/bench/benchmarks/memory/measured-agent.ts";
import { benchmarkMemoryUse, WORKS, type WorkFigures } from "../test/bench/benchmarks/memory/memory-benchmark.ts";
import type { Spread } from "../test/bench/benchmarks/timing.ts";
import { type Part, printFigures, row } from "./benchmarks/figures.ts";

const HELP = `usage: npm run bench:memory -- [--json] [--only NAME] [--rounds N] [--with WORDS]... [--before DIR]

Memory of the packed agent as the kernel and V8 count it: resident, its most, what of it is the process's own and what is of files. Median, least and
most of the rounds; a round takes three to four minutes.

  --json        one JSON object
  --only NAME   one part:
                  idle        online, no frames
                  loaded      one bus, 8000 frames/s, 60 messages, 150 signals each 100 ms
                  everything  eight buses, 9000 frames/s each, 480 signals of each frame
                  draining    a backlog of 100,000 records while frames come as for loaded
  --rounds N    so many rounds (5)
  --with WORDS  the same program once more in the same rounds, with these options of Node (--NAME=VALUE) and variables (NAME=VALUE)
  --before DIR  a checkout of earlier code that runs beside this one, set up by its scripts/setup
  --help        this text

Example:
  npm run bench:memory -- --only loaded --with "--max-semi-space-size=1 MALLOC_ARENA_MAX=1"
`;

/** Resident memory of the agent, MB: goals of the project. */
const GOALS = { idle: 80, loaded: 110, draining: 120 } as const;
const ROUNDS = 5;

const args = process.argv.slice(2);
const rounds = Number(valuesOf("--rounds").at(-1) ?? ROUNDS);
const variants = valuesOf("--with");
const before = valuesOf("--before").at(-1);

process.exitCode = await printFigures(Object.fromEntries(WORKS.map((work) => [work, () => measure(work)])), HELP, args);

/** Takes an option with its values from the arguments. */
function valuesOf(name: string): readonly string[] {
  const values: string[] = [];
  for (let at = args.indexOf(name); at >= 0; at = args.indexOf(name)) values.push(...args.splice(at, 2).slice(1));
  return values;
}

async function measure(work: (typeof WORKS)[number]): Promise<Part> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
  try {
    const command = await packedProgram(join(folder, "here"));
    const programs: readonly MeasuredProgram[] = [
      ...(before === undefined ? [] : [plain("before", await packedProgram(join(folder, "before"), resolve(before)))]),
      plain("agent", command),
      ...variants.map((words) => variant(command, words)),
    ];
    const figures = await benchmarkMemoryUse({ rounds, works: [work], programs });
    return { rows: figures.flatMap(rowsOf), figures };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function plain(name: string, command: MeasuredProgram["command"]): MeasuredProgram {
  return { name, command, nodeOptions: [] };
}

/** `command` begins with the variables of a vehicle: a later one of the same name counts. */
function variant([first, ...rest]: MeasuredProgram["command"], words: string): MeasuredProgram {
  const all = words.split(" ").filter((word) => word !== "");
  const nodeOptions = all.filter((word) => word.startsWith("--"));
  const variables = all.filter((word) => !word.startsWith("--"));
  const command = [first, ...rest.toSpliced(rest.indexOf(process.execPath), 0, ...variables)] as const;
  return { name: words, command, nodeOptions };
}

function rowsOf(figures: WorkFigures) {
  const { program, work, rss, cpuShare, drainedPerSecond } = figures;
  const line = (what: string, spread: Spread, unit = "MB") => row(work, `${program}: ${what}`, spread, unit);
  const limit = work === "everything" ? undefined : { atMost: GOALS[work] };
  return [
    row(work, `${program}: resident`, rss, "MB", limit),
    line("most at once", figures.peak),
    line("resident, shared pages divided", figures.pss),
    line("of the process alone", figures.anonymous),
    line("of files", figures.file),
    line("V8's heap", figures.heapCommitted),
    line("V8's heap in use", figures.heapUsed),
    line("held by objects outside the heap", figures.heapExternal),
    line("processor time", percent(cpuShare), "% of a core"),
    ...(work === "draining" ? [line("drained", drainedPerSecond, "records/s")] : []),
  ];
}

function percent({ median, min, max }: Spread): Spread {
  return { median: median * 100, min: min * 100, max: max * 100 };
}
