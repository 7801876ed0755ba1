import { resolve } from "node:path";
import type { Command } from "commander";
import { pathText, settingAt } from "../../../config/edit/setting-path.ts";
import { valueAt } from "../../../config/json-schema.ts";
import { EXIT } from "../../core/errors.ts";
import { type Applied, applyChange, type Change, changedLines, removalOf, shownValue } from "../config-change.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { originOf } from "../setting-origin.ts";

type UnsetOptions = { readonly file?: string; readonly dryRun: boolean };

/** `causeway config unset`: one setting out of the files of the vehicle, so that its default counts, or what an earlier file says. */
export function registerConfigUnset(config: Command, context: CliContext): void {
  config
    .command("unset")
    .description("take one setting out of the configuration, where the rest can be used then; 2 where no file says it")
    .argument("<setting>", "such as collect.batchMs, buses[1] or a section: ota")
    .option("--file <file>", "agent.yaml, or one of agent.d beside it; the last one that says it when absent")
    .option("--dry-run", "check it and show the lines that would change; write nothing", false)
    .addHelpText(
      "after",
      `
Its default counts then, or what an earlier file says, and the answer tells which. Comments, order and spaces elsewhere stay. The whole
configuration is checked first, as config validate does. It counts from the next start of the agent.

Examples:
  causeway config unset collect.batchMs
  causeway config unset buses[1] --dry-run
  causeway config unset outbox.maxBytes --file agent.d/site.yaml`,
    )
    .action((path: string, options: UnsetOptions) => unset(path, options, context));
}

async function unset(given: string, { file, dryRun }: UnsetOptions, context: CliContext): Promise<void> {
  const setting = settingAt(given);
  const main = resolve(context.options().config);
  const change = await removalOf(main, setting, file);
  if (change === undefined) {
    const name = pathText(setting.path);
    note(context, file === undefined ? `no file says ${name}` : `${file} does not say ${name}`);
    return context.finish(EXIT.nothingToDo);
  }
  tell(change, await applyChange(change, dryRun, main, context), context);
}

function tell(change: Change, { inForce, restartNeeded }: Applied, context: CliContext): void {
  const { file, setting, before } = change;
  const path = pathText(setting.path);
  const isWritten = inForce !== undefined;
  // In the place of an entry of a list is the next one.
  const isEntry = typeof setting.path.at(-1) === "number";
  const then =
    !isWritten || isEntry
      ? {}
      : { now: valueAt(inForce.config, setting.path), origin: originOf(inForce, setting.path) };
  if (context.options().json)
    return printJson(context, { schemaVersion: 1, path, before, ...then, file, written: isWritten, restartNeeded });
  if (!isWritten) for (const line of changedLines(change)) printLine(context, line);
  const { now, origin } = then;
  const after = now === undefined ? "" : `; now ${shownValue(now)} (${origin?.place ?? origin?.kind})`;
  const verb = isWritten ? "taken out of" : "would be taken out of";
  printLine(context, `${path} = ${shownValue(before)} ${verb} ${file}${after}`);
}
