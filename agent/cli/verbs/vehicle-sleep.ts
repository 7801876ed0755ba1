import type { Command } from "commander";
import { EXIT } from "../../core/errors.ts";
import { formatDuration } from "../../core/quantity.ts";
import { vehicleSleep } from "../../local-api/sleep-schema.ts";
import { type CliContext, printJson, printLine } from "../context.ts";
import { runningAgent } from "../running-agent.ts";

type SleepOptions = { readonly dryRun?: boolean; readonly hurry?: boolean };

/** `causeway vehicle sleep`: to sleep now, or what stands against it. */
export function registerVehicleSleep(vehicle: Command, context: CliContext): void {
  vehicle
    .command("sleep")
    .description(
      "go to sleep now, as the vehicle does when it has been asleep-soon for long; 2 when something stands against it",
    )
    .option("--dry-run", "only say what stands against it")
    .option("--hurry", "the supply is low: within power.sleep.hurryMs, whatever stands against it")
    .addHelpText("after", "\nExample:\n  causeway vehicle sleep --dry-run\n  causeway vehicle sleep")
    .action((options: SleepOptions) => sleep(options, context));
}

async function sleep({ dryRun = false, hurry = false }: SleepOptions, context: CliContext): Promise<void> {
  const { answer, raw } = await (await runningAgent(context)).ask(vehicleSleep, { dryRun, hurry });
  const { against, report } = answer;
  if (against.length > 0) context.finish(EXIT.nothingToDo);
  if (context.options().json) return printJson(context, raw);
  for (const what of against) printLine(context, `not now: ${what}`);
  if (report === undefined && against.length === 0) printLine(context, "nothing stands against it");
  if (report === undefined) return;
  const left = report.left.length === 0 ? "" : `; no time for: ${report.left.join(", ")}`;
  const end = report.outcome === "ready" ? "ready for sleep" : "turned around: the vehicle is in use";
  printLine(context, `${end} after ${formatDuration(report.tookMs)}${left}`);
}
