#!/usr/bin/env node
import { benchmarkKills } from "../test/bench/benchmarks/identity-kills.ts";
import { benchmarkKeys } from "../test/bench/benchmarks/key-benchmark.ts";
import { benchmarkLifecycle } from "../test/bench/benchmarks/lifecycle-benchmark.ts";
import { type Part, printFigures, row } from "./benchmarks/figures.ts";

const HELP = `usage: npm run bench:identity -- [--json] [--only NAME]

Measures the identity on a software TPM and a real mosquitto, and prints the goals beside the figures.

  --json       one JSON object
  --only NAME  one part: keys, lifecycle, kills
  --help       this text

Kills: the process is killed before and after every named step, CAUSEWAY_TEST_KILLS times each (once when it is not set).

Example:
  npm run bench:identity -- --json > figures.json
`;

const RUNS = 11;
const ROTATIONS = 3;
const PARTS: Readonly<Record<string, () => Part | Promise<Part>>> = { keys, lifecycle, kills };

async function keys(): Promise<Part> {
  const figures = await benchmarkKeys(RUNS);
  const { createMs, requestMs, loginMs, signMs, connectMs } = figures;
  const rows = [
    row("keys", "make an EC P-256 key, with its process", createMs["ec-p256"], "ms"),
    row("keys", "make an RSA-2048 key, with its process", createMs["rsa-2048"], "ms"),
    row("keys", "certificate request, EC P-256, with its process", requestMs["ec-p256"], "ms"),
    row("keys", "certificate request, RSA-2048, with its process", requestMs["rsa-2048"], "ms"),
    row("keys", "log in to the token", loginMs, "ms"),
    row("keys", "sign with EC P-256", signMs["ec-p256"], "ms"),
    row("keys", "sign with RSA-2048", signMs["rsa-2048"], "ms"),
    row("keys", "login, TLS and CONNECT with the key in the TPM", connectMs.tpm, "ms"),
    row("keys", "TLS and CONNECT with a key in a file, same broker", connectMs.file, "ms"),
    row("keys", "key in the TPM against key in a file", connectMs.ratio, "x"),
  ];
  return { rows, figures };
}

async function lifecycle(): Promise<Part> {
  const figures = await benchmarkLifecycle(ROTATIONS);
  const { enrolMs, rotations, missing } = figures;
  const part = "lifecycle";
  const rows = [
    row(part, "enrol with a claim certificate, token there", enrolMs, "ms"),
    row(part, "rotate key and certificate, slowest", Math.max(...rotations.map(({ ms }) => ms)), "ms"),
    row(part, "pause of telemetry, longest", Math.max(...rotations.map(({ gapMs }) => gapMs)), "ms", { atMost: 5000 }),
    row(part, "records lost", missing, "records", { atMost: 0 }),
  ];
  return { rows, figures };
}

async function kills(): Promise<Part> {
  const rounds = Math.max(1, Number(process.env.CAUSEWAY_TEST_KILLS ?? "1"));
  const figures = await benchmarkKills(rounds);
  const named = { enrol: "first enrolment", again: "second enrolment", renew: "renewal" } as const;
  const rows = figures.map(({ task, kills, problems }) => {
    const what = `kills survived, ${named[task]}, ${rounds} at each place`;
    return row("kills", what, kills - problems.length, "kills", { atLeast: kills });
  });
  return { rows, figures };
}

process.exitCode = await printFigures(PARTS, HELP);
