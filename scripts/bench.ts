import { EXIT } from "../agent/core/errors.ts";
import { BENCH_USAGE, parseBenchOptions, UsageError } from "../test/bench/bench-options.ts";
import { BenchBusy, type BenchState, takeState } from "../test/bench/bench-state.ts";
import { describeSummary, isGood } from "../test/bench/bench-summary.ts";
import { BenchView } from "../test/bench/bench-view.ts";
import { runBench } from "../test/bench/run-bench.ts";

async function main(args: readonly string[]): Promise<number> {
  const options = parseBenchOptions(args);
  if (options === "help") {
    process.stdout.write(BENCH_USAGE);
    return EXIT.ok;
  }
  const state = takeState(options.stateDir);
  const interrupt = listen(state);
  const isLive = process.stdout.isTTY === true && !options.json;
  const view = new BenchView((text) => process.stdout.write(text));
  try {
    const summary = await runBench(
      {
        options,
        state,
        onTick: (tick) => {
          if (isLive) view.draw(tick);
        },
        onEvent: (what) => {
          if (!isLive) process.stderr.write(`bench: ${what}\n`);
        },
      },
      interrupt.signal,
    );
    process.stdout.write(options.json ? `${JSON.stringify(summary)}\n` : describeSummary(summary));
    return isGood(summary) ? EXIT.ok : EXIT.failed;
  } finally {
    state.release();
  }
}

/** The first Ctrl-C ends the drive and lets everything drain; the second ends at once, and the kernel ends the other processes. */
function listen(state: BenchState): AbortController {
  const interrupt = new AbortController();
  const onSignal = (): void => {
    if (interrupt.signal.aborted) {
      state.release();
      process.exit(EXIT.interrupted);
    }
    interrupt.abort();
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, onSignal);
  return interrupt;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`bench: ${describe(error)}\n`);
    process.exit(error instanceof UsageError ? EXIT.usage : EXIT.unavailable);
  },
);

/** What could not be started is told in one message; only a bug needs its trace. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isPlain = error instanceof UsageError || error instanceof BenchBusy || error.constructor === Error;
  return isPlain ? error.message : (error.stack ?? error.message);
}
