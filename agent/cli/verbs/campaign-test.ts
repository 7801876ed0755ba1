import type { Command } from "commander";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { AgentError, EXIT } from "../../core/errors.ts";
import { exactLine } from "../../core/exact-json.ts";
import { formatCounted } from "../../core/quantity.ts";
import { readLog } from "../../signals/log-formats/read-log.ts";
import { type CampaignPlan, planCampaign } from "../../telemetry/campaigns/plan/campaign-plan.ts";
import type { DecodedRecord } from "../../telemetry/record/read/decoded-record.ts";
import { createRecordReader } from "../../telemetry/record/read/record-reader.ts";
import { SignalTables, samplesOf } from "../../telemetry/record/read/samples.ts";
import { type CampaignFile, readCampaign, unfitCampaign } from "../campaign/documents.ts";
import { LogPlayer, peekLog } from "../campaign/log-run.ts";
import { CampaignSimulation, contextOf, type SimulatedRecord, type SimulatedVehicle } from "../campaign/simulation.ts";
import { Tally } from "../campaign/tally.ts";
import { type TestedCampaign, testJson, testText } from "../campaign/test-report.ts";
import { type LogSpan, utcTime } from "../campaign/timeline.ts";
import { type VehicleOptions, vehicleOf } from "../campaign/vehicle.ts";
import { type CliContext, note, printLine } from "../context.ts";
import { appended, DBC_HELP, dbcOptions } from "../dbc-file.ts";
import { readInput } from "../input-file.ts";

/** `causeway campaign test`: works with the daemon down. */
export function registerCampaignTest(campaign: Command, context: CliContext): void {
  const test = campaign
    .command("test")
    .description(
      "run campaigns over a log (candump, Vector ASC or BLF, PEAK TRC) as the agent would, and tell what they send",
    )
    .argument("<log>", "the log; - reads stdin")
    .argument("<files...>", "the documents, one campaign each")
    .option("--dbc <file>", `${DBC_HELP}; the vehicle of the configuration when absent`, appended)
    .option(
      "--bus <name>",
      "an interface of the log that is a bus of the vehicle; may be repeated; those in the log's beginning when absent",
      appended,
    );
  for (const option of dbcOptions()) test.addOption(option);
  test
    .addHelpText(
      "after",
      `
The times are those of the log. With --dbc, settings that are not in the
document have their defaults. Start and end of a campaign, and for which
vehicles it is, are left aside. Bytes a day are those of a day that is like the
log. --json gives each sample as records decode does, other records whole, and a
summary last.

In the line of time of a campaign ^ is a trigger, = what is recorded around it.

Examples:
  causeway campaign test drive.log --dbc vehicle.dbc hard-braking.yaml
  causeway campaign test drive.blf --dbc can0=engine.dbc --dbc can1=body.dbc --json hard-braking.yaml`,
    )
    .action(async (log: string, files: readonly string[], options: VehicleOptions) => {
      const documents: CampaignFile[] = [];
      for (const file of files) documents.push(await readCampaign(file));
      rejectTwins(documents);
      await runTest(context, log, documents, options);
    });
}

function rejectTwins(documents: readonly CampaignFile[]): void {
  const twin = documents.find(({ document }, at) => documents.findIndex((one) => one.document.id === document.id) < at);
  if (twin === undefined) return;
  const what = `${twin.locate(["id"])} id: another of the documents is ${twin.document.id} too`;
  throw new AgentError("usage.invalid", { what, remedy: "give one document of each id" });
}

async function runTest(
  context: CliContext,
  log: string,
  documents: readonly CampaignFile[],
  options: VehicleOptions,
): Promise<void> {
  const name = log === "-" ? "stdin" : log;
  const { pieces, interfaces, startUs } = await peekLog(readLog(name, readInput(context, log)));
  const vehicle = await vehicleOf(context, options, interfaces);
  const { busOf } = vehicle;
  const plans = documents.map((one) => planOf(context, one, vehicle));
  const sink = new RecordSink(context);
  const simulation = new CampaignSimulation(vehicle, startUs ?? 0, (record) => sink.take(record));
  const player = new LogPlayer(context, name);
  const startedMs = context.clock.monotonicMs();
  simulation.start(plans);
  for await (const piece of pieces) {
    player.play(piece, ({ bus, frame }) => simulation.take(busOf.get(bus) ?? bus, frame));
    await sink.drained();
    if (context.signal.aborted) return context.finish(EXIT.interrupted);
  }
  const campaigns = simulation.finish().map((status) => ({ ...status, tally: sink.tally.of(status.plan.document.id) }));
  await sink.drained();
  report(context, player, campaigns, vehicle.busNames);
  if (context.options().verbose) noteSpeed(context, player.span, context.clock.monotonicMs() - startedMs);
}

/** For this log: whatever vehicles and times it is meant for. */
function planOf(context: CliContext, file: CampaignFile, vehicle: SimulatedVehicle): CampaignPlan {
  const planned = planCampaign(file.document, contextOf(vehicle));
  if (planned.kind === "unfit") throw unfitCampaign(file, planned.problems);
  for (const { path, problem } of planned.plan.warnings) note(context, `${file.locate(path)} warning: ${problem}`);
  const { start: _start, end: _end, ...document } = planned.plan.document;
  return { ...planned.plan, document };
}

/** Where the records of a run go: to a tally, and with --json to stdout. */
class RecordSink {
  readonly tally: Tally;
  readonly #context: CliContext;
  readonly #reader = createRecordReader(readDescriptor());
  readonly #tables = new SignalTables();
  readonly #lines: string[] = [];

  constructor(context: CliContext) {
    this.#context = context;
    this.tally = new Tally(this.#reader);
  }

  take(record: SimulatedRecord): void {
    const decoded = this.#context.options().json ? this.#reader.decode(record.payload) : undefined;
    this.tally.take(record, decoded);
    if (decoded !== undefined) this.#tell(decoded);
  }

  /** Writes what there is, and waits for a slow reader. */
  async drained(): Promise<void> {
    const { stdout } = this.#context.terminal;
    if (this.#lines.length === 0) return;
    stdout.write(`${this.#lines.join("\n")}\n`);
    this.#lines.length = 0;
    await stdout.drained?.();
  }

  #tell(record: DecodedRecord): void {
    const { body } = record;
    if (body.kind === "table") this.#tables.add(body);
    else if (body.kind !== "samples" && body.kind !== "rows")
      this.#lines.push(exactLine({ schemaVersion: 1, ...record }));
    else
      for (const sample of samplesOf(record, this.#tables))
        this.#lines.push(exactLine({ schemaVersion: 1, ...sample }));
  }
}

function report(
  context: CliContext,
  { counts, span }: LogPlayer,
  campaigns: readonly TestedCampaign[],
  buses: readonly string[],
): void {
  const { frames, malformed, untimed, strange } = counts;
  if (context.options().json) {
    const { fromUs, toUs } = frames === 0 ? { fromUs: null, toUs: null } : span;
    const told = { frames, malformed, untimed, strange: Object.fromEntries(strange), buses, fromUs, toUs };
    const summary = { ...told, campaigns: campaigns.map((one) => testJson(one, span)) };
    printLine(context, exactLine({ schemaVersion: 1, summary }));
  } else if (frames > 0) {
    const length = `${((span.toUs - span.fromUs) / 1e6).toFixed(1)} s`;
    printLine(
      context,
      `${formatCounted(frames, "frame")} of ${buses.join(", ")} in ${length}, from ${utcTime(span.fromUs, 0)} UTC`,
    );
    for (const line of campaigns.flatMap((one) => ["", ...testText(one, span)])) printLine(context, line);
  }
  const strangers = [...strange].map(([bus, count]) => `${count} of ${bus}`);
  if (strangers.length > 0)
    note(context, `frames of interfaces that are no bus of the vehicle: ${strangers.join(", ")}; name them with --bus`);
  if (untimed > 0) note(context, `${formatCounted(untimed, "frame")} without a time left out`);
  if (malformed > 0) note(context, `${malformed} ${malformed === 1 ? "place" : "places"} of the log could not be read`);
  if (frames === 0) note(context, "the log has no frame that can be taken");
  if (malformed + untimed > 0 || frames === 0) context.finish(EXIT.badInput);
}

function noteSpeed(context: CliContext, { fromUs, toUs }: LogSpan, tookMs: number): void {
  if (toUs < fromUs || tookMs <= 0) return;
  const factor = (toUs - fromUs) / 1000 / tookMs;
  note(context, `took ${(tookMs / 1000).toFixed(2)} s, ${factor.toFixed(0)} x as fast as it was recorded`);
}
