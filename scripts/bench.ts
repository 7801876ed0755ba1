import { fileURLToPath } from "node:url";
import type { ScreenContext } from "../agent/cli/live-screen.ts";
import { sinkOf } from "../agent/cli/process.ts";
import { AgentError, EXIT } from "../agent/core/errors.ts";
import { BENCH_USAGE, type BenchOptions, parseBenchOptions, UsageError } from "../test/bench/run/bench-options.ts";
import { showPage } from "../test/bench/run/bench-page.ts";
import { BenchBusy, type BenchState, takeState } from "../test/bench/run/bench-state.ts";
import { describeSummary, isGood } from "../test/bench/run/bench-summary.ts";
import { BenchView } from "../test/bench/run/bench-view.ts";
import { describeDay, isGoodDay } from "../test/bench/run/day-summary.ts";
import { checkInputFiles } from "../test/bench/run/input-files.ts";
import { describeApp, runApp, type ShownApp } from "../test/bench/run/run-app.ts";
import { runBench } from "../test/bench/run/run-bench.ts";
import { runDay } from "../test/bench/run/run-day.ts";
import { describeDiagnosis, describeStep, isGoodDiagnosis, runDiagnostics } from "../test/bench/run/run-diagnostics.ts";
import { demonstrateDoors, describeShown } from "../test/bench/vehicle/door-demonstration.ts";

const STATE = fileURLToPath(new URL("../.bench", import.meta.url));

async function main(args: readonly string[]): Promise<number> {
  const options = parseBenchOptions(args);
  if (options === "help") {
    process.stdout.write(BENCH_USAGE);
    return EXIT.ok;
  }
  checkInputFiles(options);
  const state = takeState(options.stateDir ?? STATE);
  const interrupt = listen(state);
  const isLive = process.stdout.isTTY === true && !options.json;
  let hasView = false;
  const view = new BenchView(screenContext(interrupt.signal));
  try {
    if (options.doors) return await showDoors(options.json, interrupt.signal);
    if (options.diagnostics) return await showDiagnostics(options.json, interrupt.signal);
    if (options.drive !== undefined) return await showDay(options.drive, options.json, state, interrupt.signal);
    if (options.app) return await showApp(options.json, interrupt.signal);
    const summary = await runBench(
      {
        options,
        state,
        onTick: (tick) => {
          hasView = isLive;
          if (isLive) view.draw(tick);
        },
        onEvent: (what) => {
          // The view shows it, and a line between would tear it apart.
          if (!hasView) process.stderr.write(`bench: ${what}\n`);
        },
        showSwitches: (switches) => showPage(options.uiPort ?? 0, state.runtime, switches),
      },
      interrupt.signal,
    );
    view.close();
    process.stdout.write(options.json ? `${JSON.stringify(summary)}\n` : describeSummary(summary));
    return isGood(summary) ? EXIT.ok : EXIT.failed;
  } catch (error) {
    view.close();
    if (!interrupt.signal.aborted) throw error;
    process.stderr.write(`bench: ${describe(error)}\n`);
    return EXIT.interrupted;
  } finally {
    state.release();
  }
}

/** The bench takes no keys but Ctrl-C. */
function screenContext(signal: AbortSignal): ScreenContext {
  const terminal = { stdout: sinkOf(process.stdout), stderr: sinkOf(process.stderr), stdin: process.stdin };
  return { terminal, environment: process.env, signal };
}

async function showDoors(isJson: boolean, signal: AbortSignal): Promise<number> {
  process.stderr.write("bench: starting a vehicle with a door control unit, its broker and the agent\n");
  const write = (text: string): void => void process.stdout.write(`${text}\n`);
  const commands = await demonstrateDoors((one) => (isJson ? undefined : write(`  ${describeShown(one)}`)), signal);
  if (isJson) write(JSON.stringify({ schemaVersion: 1, commands }));
  return commands.every(({ isGood }) => isGood) ? EXIT.ok : EXIT.failed;
}

async function showDiagnostics(isJson: boolean, signal: AbortSignal): Promise<number> {
  process.stderr.write("bench: starting a vehicle with control units, its broker, two consumers and the agent\n");
  const write = (text: string): void => void process.stdout.write(text);
  const summary = await runDiagnostics((step) => (isJson ? undefined : write(`  ${describeStep(step)}\n`)), signal);
  write(isJson ? `${JSON.stringify(summary)}\n` : describeDiagnosis(summary));
  return isGoodDiagnosis(summary) ? EXIT.ok : EXIT.failed;
}

async function showDay(
  { day, speed }: NonNullable<BenchOptions["drive"]>,
  isJson: boolean,
  state: BenchState,
  signal: AbortSignal,
): Promise<number> {
  const onEvent = (what: string): void => void process.stderr.write(`bench: ${what}\n`);
  const summary = await runDay({ day, speed, state, onEvent }, signal);
  process.stdout.write(isJson ? `${JSON.stringify(summary)}\n` : describeDay(summary));
  return isGoodDay(summary) ? EXIT.ok : EXIT.failed;
}

async function showApp(isJson: boolean, signal: AbortSignal): Promise<number> {
  process.stderr.write(
    "bench: starting a vehicle with a door control unit, its broker, the agent and the companion app\n",
  );
  const show = (app: ShownApp): void => {
    process.stdout.write(isJson ? `${JSON.stringify(app)}\n` : describeApp(app));
  };
  await runApp(show, (text) => void process.stderr.write(`bench: ${text}\n`), signal);
  return EXIT.ok;
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
    process.exit(exitCodeOf(error));
  },
);

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  return isBadInput(error) ? EXIT.badInput : EXIT.unavailable;
}

/** A file of the command line that is not there or not what it should be; a day that cannot be played. */
function isBadInput(error: unknown): error is AgentError {
  return error instanceof AgentError && /^(config|input)\./.test(error.code);
}

/** What could not be started is told in one message; only a bug needs its trace. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isBadInput(error)) return `${error.message}\n  remedy: ${error.remedy}`;
  const isPlain = error instanceof UsageError || error instanceof BenchBusy || error.constructor === Error;
  return isPlain ? error.message : (error.stack ?? error.message);
}
