import { type Command, Option } from "commander";
import { EXIT } from "../../core/errors.ts";
import { type SignalsSnapshot, watchSignals } from "../../local-api/signals-schema.ts";
import { type CliContext, note, printJson, printProblem } from "../context.ts";
import { ListView } from "../list-view.ts";
import { LiveScreen } from "../live-screen.ts";
import { type RunningAgent, runningAgent } from "../running-agent.ts";
import { SampleRates } from "../signals/sample-rates.ts";
import { SignalColumns, wholeLines } from "../signals/signal-lines.ts";
import { filteredRows, SIGNAL_ORDERS, type SignalOrder, signalRows, sortedRows } from "../signals/signal-rows.ts";
import { unmatchedProblem } from "../signals/unmatched.ts";

type WatchOptions = { readonly sort?: SignalOrder; readonly filter: string; readonly wait: boolean };
type Watch = WatchOptions & { readonly patterns: readonly string[] };

/** `causeway signals watch`: the latest value of each signal, as the running daemon has it. */
export function registerWatch(signals: Command, context: CliContext): void {
  signals
    .command("watch [patterns...]")
    .description(
      "latest values from the running agent; patterns over MESSAGE.SIGNAL, BUS/MESSAGE@0xID.SIGNAL, a VSS path, or NAME or CAMPAIGN/NAME of a derived signal, with '*'",
    )
    .addOption(new Option("--sort <order>", "instead of the order of the DBC files").choices(SIGNAL_ORDERS))
    .option("--filter <text>", "only lines with this in name, value, text or unit; '*' for anything between", "")
    .option("--wait", "wait where no signal matches yet, instead of ending with 2", false)
    .addHelpText(
      "after",
      "\nOn a terminal j, k, PgUp and PgDn scroll, / filters, s sorts, q quits. --json has all that the patterns match,\none look a line.\n\nExamples:\n  causeway signals watch 'Engine*.*'\n  causeway signals watch 'Vehicle.Powertrain.*' --sort age\n  causeway signals watch --filter rpm",
    )
    .action(async (patterns: readonly string[], options: WatchOptions) => {
      const agent = await runningAgent(context);
      const watch = { ...options, patterns };
      if (context.options().json) await printLooks(agent, watch, context);
      else await showLooks(agent, watch, context);
    });
}

async function printLooks(agent: RunningAgent, watch: Watch, context: CliContext): Promise<void> {
  let isFirst = true;
  for await (const current of agent.follow(watchSignals, { patterns: watch.patterns })) {
    if (isFirst && !tellUnmatched(current, watch, context)) return;
    isFirst = false;
    printJson(context, current);
  }
}

async function showLooks(agent: RunningAgent, watch: Watch, context: CliContext): Promise<void> {
  const view = new ListView({ filter: watch.filter, orders: SIGNAL_ORDERS, order: watch.sort });
  using screen = new LiveScreen(context, (key) => view.take(key));
  const rates = new SampleRates();
  const columns = new SignalColumns();
  let isFirst = true;
  for await (const current of agent.follow(watchSignals, { patterns: watch.patterns }, screen.signal)) {
    if (isFirst && !tellUnmatched(current, watch, context)) return;
    const rows = signalRows(current);
    if (isFirst && rows.length === 0 && !screen.isLive) note(context, waiting(current));
    isFirst = false;
    rates.note(current.t, rows);
    screen.paint((size) => {
      const order = SIGNAL_ORDERS.find((one) => one === view.order);
      const chosen = sortedRows(filteredRows(rows, view.filter), order, (row) => rates.of(row));
      if (size === undefined) return wholeLines(chosen);
      if (rows.length === 0) return [waiting(current), "q quits"];
      const rated = chosen.map((row) => ({ row, rate: rates.of(row) }));
      const { head, lines } = columns.lines(rated, size.columns);
      return view.draw(head, lines, size);
    });
  }
}

/** Whether there is something to watch; patterns that match nothing are told at once. */
function tellUnmatched(current: SignalsSnapshot, { wait }: Watch, context: CliContext): boolean {
  const { matched, unmatched = [] } = current;
  for (const one of unmatched) printProblem(context, unmatchedProblem(one));
  // An agent of an earlier version does not say.
  if (matched !== 0 || wait) return true;
  if (unmatched.length === 0) {
    const what = "the agent has no signals: its configuration names no DBC file with some";
    printProblem(context, { what, remedy: "name a DBC file under dbc in the configuration, and restart the agent" });
  }
  context.finish(EXIT.nothingToDo);
  return false;
}

function waiting({ matched }: SignalsSnapshot): string {
  const what = matched === 1 ? "the 1 signal that matches" : `${matched ?? "all"} signals`;
  return `waiting for a first value of ${what}; causeway status says what the buses bring`;
}
