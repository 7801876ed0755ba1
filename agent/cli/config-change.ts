import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Setting } from "../../config/edit/setting-path.ts";
import { withoutSetting, withSetting } from "../../config/edit/yaml-edit.ts";
import { valueAt } from "../../config/json-schema.ts";
import { loadConfigFile, ownFiles } from "../../config/load.ts";
import { type Key, readYamlFile, type YamlFile, yamlFileOf } from "../../config/yaml-file.ts";
import { rewriteFile } from "../../drivers/os/durable-file.ts";
import { AgentError, errnoOf } from "../core/errors.ts";
import { fileTrouble } from "../core/file-trouble.ts";
import type { LayeredConfig } from "../daemon/configuration/layered-config.ts";
import { type CheckedConfig, checkedConfig } from "./checked-config.ts";
import { configInForce } from "./config-in-force.ts";
import { type CliContext, note } from "./context.ts";
import { isRunning } from "./running-agent.ts";

/** A change of one file, made but not written. */
export type Change = {
  readonly file: string;
  readonly setting: Setting;
  readonly before: unknown;
  /** Undefined: it is taken away. */
  readonly value: unknown;
  readonly oldText: string;
  readonly newText: string;
};

/** The lines that go and that come, as diff shows them. */
export function changedLines({ oldText, newText }: Change): readonly string[] {
  const [old, now] = [oldText.split("\n"), newText.split("\n")];
  let start = 0;
  while (start < Math.min(old.length, now.length) && old[start] === now[start]) start += 1;
  let end = 0;
  const most = Math.min(old.length, now.length) - start;
  while (end < most && old[old.length - 1 - end] === now[now.length - 1 - end]) end += 1;
  return [
    ...old.slice(start, old.length - end).map((line) => `- ${line}`),
    ...now.slice(start, now.length - end).map((line) => `+ ${line}`),
  ];
}

/** A value for people. */
export function shownValue(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** What would be written, and where. Throws `usage.invalid` for a file that is none of the configuration's. */
export async function changeOf(
  main: string,
  setting: Setting,
  value: unknown,
  given: string | undefined,
): Promise<Change> {
  const files = await filesOf(main);
  const file = given === undefined ? fileSaying(files, setting.path) : fileGiven(main, given);
  const oldText = files.some(({ path }) => path === file) ? await readFile(file, "utf8") : "";
  const yaml = yamlFileOf(file, oldText);
  const newText = withSetting(yaml, oldText, setting.path, value);
  return { file, setting, value, before: valueAt(yaml.value, setting.path), oldText, newText };
}

/** What would be taken away, of the file that says it last; undefined where none does. Throws as `changeOf`. */
export async function removalOf(
  main: string,
  setting: Setting,
  given: string | undefined,
): Promise<Change | undefined> {
  const { path } = setting;
  const wanted = given === undefined ? undefined : fileGiven(main, given);
  const says = (yaml: YamlFile): boolean => yaml.document.hasIn(path);
  const file = (await filesOf(main)).findLast((one) => says(one) && (wanted ?? one.path) === one.path)?.path;
  if (file === undefined) return undefined;
  // Text and document of one reading.
  const oldText = await readFile(file, "utf8");
  const yaml = yamlFileOf(file, oldText);
  if (!says(yaml)) return undefined;
  const newText = withoutSetting(yaml, oldText, path);
  return { file, setting, value: undefined, before: valueAt(yaml.value, path), oldText, newText };
}

/** The files of the configuration, in the order in which they are merged. */
async function filesOf(main: string): Promise<readonly YamlFile[]> {
  const files: YamlFile[] = [];
  for (const file of await ownFiles(main)) files.push(await readYamlFile(file));
  return files;
}

/** The file that says the setting, or else the most of what is above it. */
function fileSaying(files: readonly YamlFile[], path: readonly Key[]): string {
  for (let depth = path.length; depth > 0; depth--) {
    const found = files.findLast(({ document }) => document.hasIn(path.slice(0, depth)));
    if (found !== undefined) return found.path;
  }
  return files[0].path;
}

/** A relative name is looked for from the shell's folder and from that of the configuration. */
function fileGiven(main: string, given: string): string {
  const folder = dirname(main);
  const isRead = (file: string): boolean =>
    file === main || (dirname(file) === join(folder, "agent.d") && file.endsWith(".yaml"));
  const found = [resolve(given), resolve(folder, given)].find(isRead);
  if (found !== undefined) return found;
  throw new AgentError("usage.invalid", {
    what: `${given}: the agent reads ${main} and *.yaml in ${join(folder, "agent.d")}, not this file`,
    remedy: `give one of them with --file, such as ${join(folder, "agent.d", "site.yaml")}`,
  });
}

/** What came of a change. */
export type Applied = {
  /** What the agent would start with now; undefined where nothing was written. */
  readonly inForce: LayeredConfig | undefined;
  /** An agent runs, with what was there before. */
  readonly restartNeeded: boolean;
};

/** Checks the change, and writes it unless `isDry`; says what there is to think of. Throws as `checkChange` and `writeChange`. */
export async function applyChange(change: Change, isDry: boolean, main: string, context: CliContext): Promise<Applied> {
  const { warnings } = await checkChange(main, change, context);
  for (const warning of warnings) note(context, `warning: ${warning}`);
  if (isDry) return { inForce: undefined, restartNeeded: false };
  await writeChange(change, main, context);
  const inForce = await configInForce(context);
  const restartNeeded = await isRunning(inForce.config, context.clock);
  if (restartNeeded) note(context, "the running agent goes on with what it started with: systemctl restart causeway");
  return { inForce, restartNeeded };
}

/**
 * Checks the configuration with the change, as a whole. Throws `input.malformed` where it makes a sound one unusable, since then the value
 * is at fault; otherwise what is wrong with the configuration.
 */
async function checkChange(
  main: string,
  { file, newText, value }: Change,
  context: CliContext,
): Promise<CheckedConfig> {
  try {
    return await checkedConfig(await loadConfigFile(main, { drafts: new Map([[file, newText]]) }), context);
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    const wasSound = await loadConfigFile(main)
      .then((loaded) => checkedConfig(loaded, context))
      .then(
        () => true,
        () => false,
      );
    throw new AgentError(wasSound ? "input.malformed" : thrown.code, {
      what: thrown.message,
      remedy: wasSound
        ? `nothing was changed; ${value === undefined ? "the rest cannot be used without it" : "give a value that fits"}`
        : `nothing was changed; correct the configuration first (causeway config validate --config ${main}), or set what mends all of it`,
      cause: thrown,
    });
  }
}

/** Replaces the file, which keeps its owner and mode. Throws `input.unavailable` where it is not what was changed any more. */
async function writeChange(change: Change, main: string, context: CliContext): Promise<void> {
  const { file, oldText, newText } = change;
  const now = await readFile(file, "utf8").catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return "";
    throw error;
  });
  if (now !== oldText) {
    throw new AgentError("input.unavailable", {
      what: `${file} was changed by someone else meanwhile; nothing was written`,
      remedy: "look at it, and set it again",
    });
  }
  try {
    rewriteFile(file, newText, main);
  } catch (error) {
    throw unwritable(change, error, context);
  }
}

function unwritable({ file, value }: Change, error: unknown, context: CliContext): AgentError {
  const what = `${file} cannot be written: ${fileTrouble(error)}`;
  switch (errnoOf(error)) {
    case "EACCES":
    case "EPERM": {
      const verb = value === undefined ? "unset" : "set";
      const remedy = `run it as root: sudo causeway config ${verb} ... --config ${context.options().config}`;
      return new AgentError("agent.not-permitted", { what, remedy, cause: error });
    }
    case "ENOENT": {
      const remedy = `make the folder first: sudo mkdir ${dirname(file)}`;
      return new AgentError("output.unwritable", { what, remedy, cause: error });
    }
    default: {
      const remedy = "mount the disk writable, and see that it has room; the file is as it was";
      return new AgentError("output.unwritable", { what, remedy, cause: error });
    }
  }
}
