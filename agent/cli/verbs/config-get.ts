import type { Command } from "commander";
import { stringify } from "yaml";
import { pathText, settingAt } from "../../../config/edit/setting-path.ts";
import { isRecord, valueAt } from "../../../config/json-schema.ts";
import { EXIT } from "../../core/errors.ts";
import { configInForce } from "../config-in-force.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { type Origin, type OriginOf, originsBelow } from "../setting-origin.ts";
import { alignColumns } from "../text.ts";

/** `causeway config get`: one setting, or a section, as it is in force. */
export function registerConfigGet(config: Command, context: CliContext): void {
  config
    .command("get")
    .description("one setting, or all of a section, as it is in force; 2 where it has no value")
    .argument("<setting>", "such as broker.port or buses[0].name")
    .option("--origin", "with where each value comes from: file and line, default, file set, job or command", false)
    .addHelpText(
      "after",
      `
A job is settings of AWS IoT Jobs or of the settings shadow, a file set a signed one, a command config.set. What is in files that the
configuration names is not shown, so that no PIN and no key is.

Examples:
  causeway config get broker.host
  causeway config get outbox --origin`,
    )
    .action((path: string, { origin }: { readonly origin: boolean }) => get(path, origin, context));
}

async function get(text: string, withOrigin: boolean, context: CliContext): Promise<void> {
  const { path } = settingAt(text);
  const loaded = await configInForce(context);
  const value = valueAt(loaded.config, path);
  const name = pathText(path);
  if (value === undefined) {
    note(context, `${name} has no value, and needs none`);
    return context.finish(EXIT.nothingToDo);
  }
  const origins = [...originsBelow(loaded, path, value)];
  if (context.options().json) {
    const found = withOrigin ? origins.map(originJson) : undefined;
    const [only] = origins;
    const isOne = origins.length === 1 && only.path.length === path.length;
    const end = found === undefined ? {} : isOne ? { origin: found[0].origin } : { origins: found };
    return printJson(context, { schemaVersion: 1, path: name, value, ...end });
  }
  if (!withOrigin) return printLine(context, valueText(value));
  const rows = origins.map((one) => [pathText(one.path), lineText(one.value), originText(one.origin)]);
  for (const line of alignColumns(rows)) printLine(context, line);
}

function valueText(value: unknown): string {
  return isRecord(value) || Array.isArray(value) ? stringify(value, { lineWidth: 0 }).trimEnd() : String(value);
}

function lineText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function originJson({ path, value, origin: { kind, place } }: OriginOf) {
  const match = place === undefined ? null : /^(.*):(\d+):(\d+)$/s.exec(place);
  const at = match === null ? {} : { file: match[1], line: Number(match[2]), column: Number(match[3]) };
  return { path: pathText(path), value, origin: { kind, ...at } };
}

function originText({ kind, place }: Origin): string {
  if (place === undefined) return kind;
  return kind === "file" ? place : `${kind} ${place}`;
}
