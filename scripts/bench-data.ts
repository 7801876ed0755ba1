#!/usr/bin/env node
import { cpus, release } from "node:os";
import { parseArgs } from "node:util";
import { benchmarkDecode } from "../test/bench/decode-benchmark.ts";
import { benchmarkEncode } from "../test/bench/encode-benchmark.ts";
import { benchmarkOutbox } from "../test/bench/outbox-benchmark.ts";
import { benchmarkPath } from "../test/bench/path-benchmark.ts";
import { benchmarkReceive } from "../test/bench/receive-benchmark.ts";

const HELP = `usage: npm run bench:data -- [--json] [--only NAME]

Measures the data line part by part, each beside its reference in the same run, and prints the goals beside the figures.

  --json       one JSON object
  --only NAME  one part: receive, decode, encode, outbox or path
  --help       this text

Example:
  npm run bench:data -- --json > figures.json
`;

/** One line of the table. `met` is absent where there is no goal or nothing was measured. */
type Row = {
  readonly part: string;
  readonly what: string;
  readonly measured: number | string;
  readonly unit: string;
  readonly goal: string;
  readonly met: boolean | undefined;
};

type Limit = { readonly atMost: number } | { readonly atLeast: number };
type Part = { readonly rows: readonly Row[]; readonly figures: unknown };

const PARTS: Readonly<Record<string, () => Part | Promise<Part>>> = { receive, decode, encode, outbox, path };

/** A figure beside its goal; `unit` says what it counts. */
function row(part: string, what: string, measured: number, unit: string, limit?: Limit): Row {
  if (limit === undefined) return { part, what, measured, unit, goal: "", met: undefined };
  const isUpper = "atMost" in limit;
  const bound = isUpper ? limit.atMost : limit.atLeast;
  const met = isUpper ? measured <= bound : measured >= bound;
  return { part, what, measured, unit, goal: `${isUpper ? "<=" : ">="} ${formatted(bound)}`, met };
}

/** A vcan that nothing else uses; `scripts/guest exec` has one where the host's kernel has no CAN. */
const RECEIVE_ON = { interface: "vcan0", framesPerSecond: 4000, seconds: 5 } as const;

async function receive(): Promise<Part> {
  const figures = await benchmarkReceive(RECEIVE_ON);
  if (figures.kind === "unavailable") return notMeasured("receive", figures.reason);
  const { native, npmSocketcan, cRecvmmsg } = figures;
  const ratio = native.cpuMicrosPerFrame / npmSocketcan.cpuMicrosPerFrame;
  const rows = [
    row("receive", "receive addon and driver", native.cpuMicrosPerFrame, "µs CPU/frame"),
    row("receive", "npm socketcan", npmSocketcan.cpuMicrosPerFrame, "µs CPU/frame"),
    row("receive", "C reader with recvmmsg", cRecvmmsg.cpuMicrosPerFrame, "µs CPU/frame"),
    row("receive", "receive addon against npm socketcan", ratio, "x", { atMost: 1 / 6 }),
    row("receive", "frames the receive addon lost", native.lost, "frames", { atMost: 0 }),
    row("receive", "frames npm socketcan lost", npmSocketcan.lost, "frames"),
  ];
  return { rows, figures };
}

function notMeasured(part: string, reason: string): Part {
  const measured = { part, what: reason, measured: "not measured", unit: "", goal: "<= 1/6 of npm socketcan" };
  return { rows: [{ ...measured, met: undefined }], figures: { reason } };
}

function decode(): Part {
  const figures = benchmarkDecode();
  const rows = [
    row("decode", "generated decoders", figures.generatedPerSecond / 1e6, "M signals/s"),
    row("decode", "bit by bit, same process", figures.referencePerSecond / 1e6, "M signals/s"),
    row("decode", "ratio (the goal is set against python cantools)", figures.ratio, "x", { atLeast: 30 }),
  ];
  return { rows, figures };
}

function encode(): Part {
  const figures = benchmarkEncode();
  const { every, onChange, writeNs, protobufjsNs, ratioToProtobufjs, wholeZstdNs } = figures;
  const rows = [
    row("encode", "on change, not compressed", onChange.raw, "bytes/sample", { atMost: 3 }),
    row("encode", "on change, gzip", onChange.gzip, "bytes/sample", { atMost: 1.5 }),
    row("encode", "on change, zstd", onChange.zstd, "bytes/sample", { atMost: 1.5 }),
    row("encode", "every value, not compressed", every.raw, "bytes/sample", { atMost: 3 }),
    row("encode", "every value, gzip", every.gzip, "bytes/sample", { atMost: 1.5 }),
    row("encode", "every value, zstd", every.zstd, "bytes/sample", { atMost: 1.5 }),
    row("encode", "hand writer", writeNs, "ns/sample"),
    row("encode", "protobufjs, same process", protobufjsNs, "ns/sample"),
    row("encode", "ratio", ratioToProtobufjs, "x", { atLeast: 5 }),
    row("encode", "sort, write and zstd", wholeZstdNs, "ns/sample"),
  ];
  return { rows, figures };
}

function outbox(): Part {
  const figures = benchmarkOutbox();
  const rows = [
    row("outbox", "durable, a commit and fsync each", figures.samplesPerSecond / 1e6, "M samples/s", { atLeast: 2 }),
    row("outbox", "one row a sample, same SQLite", figures.rowsPerSecond / 1e6, "M samples/s"),
    row("outbox", "append, 99th percentile", figures.appendP99Ms, "ms"),
    row("outbox", "read and acknowledged again", figures.drainedPerSecond, "records/s"),
  ];
  return { rows, figures };
}

async function path(): Promise<Part> {
  const figures = await benchmarkPath({ seconds: 10, framesPerSecond: 8000 });
  const what = `${figures.signals} signals, ${Math.round(figures.framesPerSecond)} frames/s`;
  const rows = [
    row("path", `${what}: CPU`, figures.cpuPercent, "% of a core", { atMost: 5 }),
    row("path", "resident memory", figures.rssMb, "MB", { atMost: 120 }),
    row("path", "samples stored", figures.samplesPerSecond, "samples/s"),
    row("path", "payload as stored", figures.bytesPerSample, "bytes/sample", { atMost: 1.5 }),
    row("path", "samples discarded", figures.discardedSamples, "", { atMost: 0 }),
  ];
  return { rows, figures };
}

function formatted(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function table(rows: readonly Row[]): string {
  const cells = rows.map(({ part, what, measured, unit, goal, met }) => [
    part,
    what,
    typeof measured === "number" ? formatted(measured) : measured,
    unit,
    goal,
    met === undefined ? "" : met ? "met" : "MISSED",
  ]);
  const all = [["part", "what", "measured", "unit", "goal", ""], ...cells];
  const widths = all[0].map((_, column) => Math.max(...all.map((line) => line[column].length)));
  return all
    .map((line) =>
      line
        .map((cell, at) => cell.padEnd(widths[at]))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { json: { type: "boolean" }, only: { type: "string" }, help: { type: "boolean", short: "h" } },
  });
  if (values.help === true) {
    process.stdout.write(HELP);
    return 0;
  }
  const names = values.only === undefined ? Object.keys(PARTS) : [values.only];
  const rows: Row[] = [];
  const figures: Record<string, unknown> = {};
  for (const name of names) {
    const part = PARTS[name];
    if (part === undefined) {
      process.stderr.write(`unknown part ${name}; there are ${Object.keys(PARTS).join(", ")}\n`);
      return 64;
    }
    process.stderr.write(`measuring ${name} ...\n`);
    const measured = await part();
    rows.push(...measured.rows);
    figures[name] = measured.figures;
  }
  const machine = { cpu: cpus()[0].model, cores: cpus().length, node: process.version, kernel: release() };
  if (values.json === true) {
    process.stdout.write(`${JSON.stringify({ schemaVersion: 1, machine, ...figures, goals: rows })}\n`);
  } else {
    process.stdout.write(`${machine.cpu}, ${machine.cores} cores, node ${machine.node}, Linux ${machine.kernel}\n\n`);
    process.stdout.write(`${table(rows)}\n`);
  }
  return 0;
}

process.exitCode = await main();
