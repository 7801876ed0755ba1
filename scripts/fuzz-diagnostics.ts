import { parseArgs } from "node:util";
import { EXIT } from "../agent/core/errors.ts";
import { type FuzzedParser, fuzzDiagnostics } from "../test/bench/benchmarks/diagnostic-fuzz/fuzz.ts";

const HELP = `usage: node --expose-gc scripts/fuzz-diagnostics.ts [--count N] [--seed N] [--only TEXT] [--json]

Offers frames, PDUs and texts at random to every parser of diagnostics, and of receivers of positions: sound ones that were spoilt, and plain noise. Each must read or refuse
them, soon, and keep no more than its bounds allow. Exits with 1 when one of them went wrong, and prints the input.

  --count N    inputs for each parser (default 100000)
  --seed N     the same seed makes the same inputs (default 1)
  --only TEXT  the parsers alone whose name has this in it
  --json       one JSON object instead of a table
  --help       this text

Example:
  node --expose-gc scripts/fuzz-diagnostics.ts --count 1000000 --seed 16
`;
/** What the heap may have grown by in the end, with all parsers gone. */
const MOST_GROWTH_MB = 50;

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "100000" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

if (values.help) process.stdout.write(HELP);
else process.exitCode = await fuzz();

async function fuzz(): Promise<number> {
  const settings = { count: Number(values.count), seed: Number(values.seed), only: values.only };
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const parsers = await fuzzDiagnostics(settings, (parser) => (values.json ? undefined : show(parser)));
  globalThis.gc?.();
  const grownMb = Math.round((process.memoryUsage().heapUsed - before) / 1e5) / 10;
  const failed = parsers.filter(({ failures }) => failures.length > 0).length;
  const hasGrown = globalThis.gc !== undefined && grownMb > MOST_GROWTH_MB;
  if (values.json) process.stdout.write(`${JSON.stringify({ schemaVersion: 1, ...settings, grownMb, parsers })}\n`);
  else
    process.stdout.write(
      `${parsers.length} parsers, ${failed} with failures, heap ${grownMb} MB larger (seed ${settings.seed})\n`,
    );
  return failed > 0 || hasGrown || parsers.length === 0 ? EXIT.failed : EXIT.ok;
}

function show({ name, inputs, counts, meanMicros, slowestMicros, failures }: FuzzedParser): void {
  const counted = Object.entries(counts).map(([what, count]) => `${count} ${what}`);
  const times = `${meanMicros.toFixed(2)} µs, slowest ${slowestMicros.toFixed(1)}`;
  process.stdout.write(`${name.padEnd(26)}${String(inputs).padStart(9)}  ${times.padEnd(28)}${counted.join(", ")}\n`);
  for (const failure of failures) process.stdout.write(`FAILED ${failure}\n\n`);
}
