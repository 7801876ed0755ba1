import { resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Command } from "commander";
import { pathText, settingAt } from "../../../config/edit/setting-path.ts";
import { readSettingValue } from "../../../config/edit/setting-value.ts";
import { EXIT } from "../../core/errors.ts";
import { type Applied, applyChange, type Change, changedLines, changeOf, shownValue } from "../config-change.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { originOf } from "../setting-origin.ts";

type SetOptions = { readonly file?: string; readonly dryRun: boolean };

/** `causeway config set`: one setting in the files of the vehicle. */
export function registerConfigSet(config: Command, context: CliContext): void {
  config
    .command("set")
    .description("write one setting into the configuration, where all of it can be used then; 2 where nothing changes")
    .argument("<setting>", "such as broker.port or buses[0].name; the index behind the last adds an entry")
    .argument(
      "<value>",
      "text, number, true or false; a list as [a, b]; a time or size with its unit: '5 min', '16 MB'",
    )
    .option("--file <file>", "agent.yaml, or one of agent.d beside it; the one that says it now when absent")
    .option("--dry-run", "check it and show the lines that would change; write nothing", false)
    .addHelpText(
      "after",
      `
Comments, order and spaces stay. The whole configuration is checked first, as config validate does; the file is replaced in one step, and
keeps its owner and mode. It counts from the next start of the agent.

Examples:
  causeway config set collect.batchMs '5 s'
  causeway config set buses[1] '{name: can1, driver: native, interface: can1}'
  causeway config set outbox.maxBytes '512 MB' --file agent.d/site.yaml --dry-run`,
    )
    .action((path: string, value: string, options: SetOptions) => set(path, value, options, context));
}

async function set(pathGiven: string, valueGiven: string, options: SetOptions, context: CliContext): Promise<void> {
  const setting = settingAt(pathGiven);
  const value = readSettingValue(valueGiven, setting);
  const main = resolve(context.options().config);
  const change = await changeOf(main, setting, value, options.file);
  const isNew = !isDeepStrictEqual(change.before, value);
  if (!isNew) {
    note(context, `${pathText(setting.path)} is that already in ${change.file}`);
    context.finish(EXIT.nothingToDo);
  }
  const applied = isNew ? await applyChange(change, options.dryRun, main, context) : undefined;
  tell(change, applied, context);
}

/** `applied` is undefined where nothing changes. */
function tell(change: Change, applied: Applied | undefined, context: CliContext): void {
  const { file, setting, before, value } = change;
  const { inForce, restartNeeded = false } = applied ?? {};
  const isWritten = inForce !== undefined;
  const place = isWritten ? originOf(inForce, setting.path) : undefined;
  const hidden = place !== undefined && place.place?.startsWith(`${file}:`) !== true ? place : undefined;
  if (hidden !== undefined && typeof value !== "object") {
    const by = hidden.place ?? `a ${hidden.kind}`;
    note(context, `warning: it is written, and not in force: ${by} says otherwise and comes after it`);
  }
  if (context.options().json) {
    const now = { path: pathText(setting.path), value, before, file, written: isWritten, restartNeeded };
    return printJson(context, { schemaVersion: 1, ...now, ...(hidden === undefined ? {} : { hiddenBy: hidden }) });
  }
  if (applied === undefined) return;
  if (!isWritten) for (const line of changedLines(change)) printLine(context, line);
  const was = before === undefined ? "" : ` (was ${shownValue(before)})`;
  const verb = isWritten ? "" : "would be written: ";
  printLine(context, `${verb}${file}: ${pathText(setting.path)} = ${shownValue(value)}${was}`);
}
