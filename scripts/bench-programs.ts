#!/usr/bin/env node
import { type BusFigures, benchmarkPrograms } from "../test/bench/benchmarks/program-benchmark.ts";
import { type Part, printFigures, row } from "./benchmarks/figures.ts";

const HELP = `usage: node scripts/bench-programs.ts [--json]

What the data of a bus are left with while other programs hand over records on publish.sock: a bus alone, with a program at its rate
(fair), and with one that floods a thousand connections with lines, empty lines, garbage, half lines and lines without end (hostile). The bus
hands over 50 records of 5 kB a second, in the same process and by the same appender. The times ask for an idle machine. Takes 20 s.

  --json       one JSON object
  --help       this text

Example:
  node scripts/bench-programs.ts --json > figures.json
`;

async function programs(): Promise<Part> {
  const figures = await benchmarkPrograms();
  const { alone, fair, hostile } = figures;
  const rowsOf = (name: string, some: BusFigures) => [
    row(name, "records of the bus that were stored", some.storedShare, "of 1", { atLeast: 0.95 }),
    row(name, "a record of the bus is late by", some.lateMs.median, "ms"),
    row(name, "99 of 100 are late by less than", some.lateMs.p99, "ms"),
    row(name, "CPU of the process", some.cpuShare, "of 1"),
    row(name, "records of programs", some.programRecords, ""),
  ];
  // The share of the configuration, and what connections cost that are turned away.
  const more = row("hostile", "CPU more than alone", hostile.cpuShare - alone.cpuShare, "of 1", { atMost: 0.25 });
  return { rows: [...rowsOf("alone", alone), ...rowsOf("fair", fair), ...rowsOf("hostile", hostile), more], figures };
}

process.exitCode = await printFigures({ programs }, HELP);
