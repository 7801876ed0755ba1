import { parseArgs } from "node:util";
import { EXIT } from "../agent/core/errors.ts";
import { fuzzCampaigns, weighHeavyTexts } from "../test/bench/benchmarks/campaign-fuzz.ts";
import { fuzzExpressions } from "../test/bench/benchmarks/expression-fuzz.ts";

const HELP = `usage: node scripts/fuzz-campaigns.ts [--count N] [--seed N] [--drive N]

Offers campaign documents at random to a vehicle that collects, as YAML text and as the cloud has them: each must run, or be refused with
its place while nothing else changes. Then as many expressions. Exits with 1 when one of them went wrong, and prints it.

  --count N    documents, and expressions (default 100000)
  --seed N     the same seed makes the same documents (default 1)
  --drive N    one of N accepted documents is fed with frames (default 50)
  --heavy      only documents that are made to cost much, each with its time
  --help       this text

Example:
  node scripts/fuzz-campaigns.ts --count 1000000 --seed 14
`;

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "100000" },
    seed: { type: "string", default: "1" },
    drive: { type: "string", default: "50" },
    heavy: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

if (values.help) process.stdout.write(HELP);
else process.exitCode = await (values.heavy ? weigh() : fuzz());

async function weigh(): Promise<number> {
  for (const { name, ms, verdict, driveMs } of await weighHeavyTexts()) {
    const { kind, failure = "" } = verdict;
    const shown = failure.slice(0, 200);
    process.stdout.write(`${name}: ${kind}, ${ms.toFixed(0)} ms, ${driveMs.toFixed(0)} ms while it ran ${shown}\n`);
  }
  return EXIT.ok;
}

async function fuzz(): Promise<number> {
  const [count, seed, driveOneOf] = [Number(values.count), Number(values.seed), Number(values.drive)];
  const start = performance.now();
  const tell = (made: number, failed: number): void =>
    void process.stderr.write(`${made} documents, ${failed} wrong\n`);
  const documents = await fuzzCampaigns({ count, seed, driveOneOf, progress: { every: 20_000, tell } });
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  const expressions = fuzzExpressions(count, seed);
  const { failures, ...figures } = documents;
  process.stdout.write(`${JSON.stringify({ seed, seconds, ...figures }, undefined, 2)}\n`);
  const { failures: unfit, ...counts } = expressions;
  process.stdout.write(`${JSON.stringify({ expressions: counts }, undefined, 2)}\n`);
  for (const failure of [...failures, ...unfit]) process.stdout.write(`FAILED ${failure}\n\n`);
  return failures.length + unfit.length > 0 ? EXIT.failed : EXIT.ok;
}
