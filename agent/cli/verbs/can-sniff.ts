import { type Command, Option } from "commander";
import { EXIT } from "../../core/errors.ts";
import { formatCounted } from "../../core/quantity.ts";
import { type CliContext, note, printJson } from "../context.ts";
import { listenedBuses } from "../listened-buses.ts";
import { Listening } from "../listening.ts";
import { secondsArgument } from "../listening-time.ts";
import { LiveScreen } from "../live-screen.ts";
import { SNIFF_SORTS, type SniffRow, type SniffSort, SniffTable } from "../traffic/sniff-table.ts";
import { sniffLines } from "../traffic/sniff-text.ts";

const SECOND_MS = 1000;
/** Often enough to see a change, and seldom enough for a slow line. */
const LIVE_MS = 200;

type SniffOptions = {
  readonly seconds?: number;
  readonly hold: number;
  readonly learn?: number;
  readonly sort: SniffSort;
  readonly bits: boolean;
  readonly changed: boolean;
};

/** `causeway can sniff`: works with the daemon down. */
export function registerCanSniff(can: Command, context: CliContext): void {
  can
    .command("sniff <bus...>")
    .description("one row an id with its newest data, changed bits marked: live as cansniffer, or once for --seconds")
    .option("--seconds <seconds>", "listen for this time, and show once what changed in it", secondsArgument)
    .option("--hold <seconds>", "a changed bit stays marked for so long", secondsArgument, 1)
    .option(
      "--learn <seconds>",
      "bits that change in this time at first are not marked: what you do then stands out",
      secondsArgument,
    )
    .addOption(
      new Option("--sort <what>", "order of the rows; s goes on to the next in a live view")
        .choices(SNIFF_SORTS)
        .default("id"),
    )
    .option("-b, --bits", "show each bit; b in a live view", false)
    .option("-c, --changed", "only rows with a marked bit; c in a live view", false)
    .addHelpText(
      "after",
      "\nBUS may carry candump's filters: can0,123:7FF,400:700. A byte with a changed bit has * behind it, and stands out where there is colour.\n" +
        "Keys: q ends, s sorts, b bits, c only changed rows, l learns: what has changed until now is not marked any more.\n\n" +
        "Example:\n  causeway can sniff can0\n  causeway can sniff --learn 10 --changed can0,000:400\n  causeway can sniff --seconds 5 --json can0",
    )
    .action(async (buses: readonly string[], options: SniffOptions) => sniff(context, buses, options));
}

async function sniff(context: CliContext, given: readonly string[], options: SniffOptions): Promise<void> {
  const listened = await listenedBuses(context, given);
  const table = new SniffTable();
  const listening = await Listening.open(context, listened, {
    take: (bus, frame) => {
      table.add(bus, frame, context.clock.monotonicMs());
      return true;
    },
  });
  const startMs = context.clock.monotonicMs();
  const stopLearning = options.learn === undefined ? undefined : learnAfter(context, table, options.learn * SECOND_MS);
  try {
    const view: View = { table, withBus: listened.length > 1, startMs };
    if (options.seconds === undefined) await showLive(context, view, options, listening.ended);
    else await showOnce(context, view, options, listening.ended);
  } finally {
    stopLearning?.();
    await listening.stop();
  }
  if (table.otherFrames > 0)
    note(
      context,
      `${formatCounted(table.otherFrames, "frame of a further id is", "frames of further ids are")} not shown`,
    );
}

/** Learns once, when `ms` are over; not any more after the returned function was called. */
function learnAfter({ clock }: CliContext, table: SniffTable, ms: number): () => void {
  const stop: () => void = clock.every(ms, () => {
    stop();
    table.learn();
  });
  return stop;
}

type View = { readonly table: SniffTable; readonly withBus: boolean; readonly startMs: number };

async function showOnce(context: CliContext, view: View, options: SniffOptions, ended: AbortSignal): Promise<void> {
  const { clock, terminal } = context;
  const { table, withBus } = view;
  await clock.sleep((options.seconds ?? 0) * SECOND_MS, AbortSignal.any([context.signal, ended]));
  const all = table.rows(options.sort, clock.monotonicMs(), Number.POSITIVE_INFINITY);
  const rows = options.changed ? all.filter(isChanged) : all;
  if (context.options().json) printRows(context, view, rows);
  else if (rows.length > 0)
    terminal.stdout.write(
      `${sniffLines(rows, { bits: options.bits, color: context.options().color, withBus }).join("\n")}\n`,
    );
  if (all.length === 0) {
    note(context, "no frame came");
    context.finish(EXIT.degraded);
  }
}

async function showLive(context: CliContext, view: View, options: SniffOptions, ended: AbortSignal): Promise<void> {
  const { clock } = context;
  let { sort, bits, changed: onlyChanged } = options;
  using screen = new LiveScreen(context, ({ name }) => {
    switch (name) {
      case "s":
        sort = SNIFF_SORTS[(SNIFF_SORTS.indexOf(sort) + 1) % SNIFF_SORTS.length];
        return true;
      case "b":
        bits = !bits;
        return true;
      case "c":
        onlyChanged = !onlyChanged;
        return true;
      case "l":
        view.table.learn();
        return true;
      default:
        return false;
    }
  });
  const { json, color } = context.options();
  const over = AbortSignal.any([screen.signal, ended]);
  let shownMs = clock.monotonicMs();
  const rows = (): readonly SniffRow[] => {
    // What is shown once a second must not miss a change before that.
    const nowMs = clock.monotonicMs();
    const all = view.table.rows(sort, nowMs, Math.max(options.hold * SECOND_MS, nowMs - shownMs));
    return onlyChanged ? all.filter(isChanged) : all;
  };
  while (!over.aborted) {
    await clock.sleep(screen.isLive && !json ? LIVE_MS : SECOND_MS, over);
    if (json) printRows(context, view, rows());
    else screen.paint(() => sniffLines(rows(), { bits, color, withBus: view.withBus }));
    shownMs = clock.monotonicMs();
  }
}

function isChanged({ changed }: SniffRow): boolean {
  return changed.some((byte) => byte !== 0);
}

/** One object with all ids. */
function printRows(context: CliContext, { table, startMs }: View, rows: readonly SniffRow[]): void {
  const seconds = (context.clock.monotonicMs() - startMs) / SECOND_MS;
  const ids = rows.map(({ bus, id, extended, count, perSecond, ageMs, data, remote, changed }) => ({
    bus,
    id,
    ext: extended,
    count,
    perSecond,
    ageMs: Math.round(ageMs),
    length: data.length,
    data: Buffer.from(data).toString("hex"),
    changed: Buffer.from(changed).toString("hex"),
    ...(remote ? { remote } : {}),
  }));
  printJson(context, { schemaVersion: 1, seconds, ids, otherFrames: table.otherFrames });
}
