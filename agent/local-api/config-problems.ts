import type { ConfigCopy } from "../core/config-copy.ts";
import type { Status } from "./status-schema.ts";

/** A configuration that is in force, and what of what was written is not. */
export type UnmetConfig = {
  readonly path: string;
  /** What was read in place of the vehicle's own files, which `unusable` says why. */
  readonly copy: Pick<ConfigCopy, "keptAt"> | undefined;
  readonly unusable: { readonly message: string } | undefined;
  /** Layers that this start goes without, and why. */
  readonly refused: readonly { readonly layer: string; readonly what: string }[];
  /** Why what commands have set is not in force. */
  readonly ignored: string | undefined;
  /** Campaigns that do not run, where they were looked at. */
  readonly campaigns?: { readonly refused: readonly { readonly file: string; readonly what: string }[] };
};

/** Something that was written to configure the agent and that is not in force. `event` names it in the log and in records. */
export type ConfigProblem = { readonly event: string; readonly what: string; readonly remedy: string };

/** What this start of the agent goes without. */
export function configProblems({
  path,
  copy,
  unusable,
  refused,
  ignored,
  campaigns,
}: UnmetConfig): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (copy !== undefined && unusable !== undefined) {
    const what = `the configuration cannot be used, and the one of ${copy.keptAt} is in force: ${firstOf(unusable.message)}`;
    const cost = "commands that act are refused and updates wait until then";
    problems.push({
      event: "config.unusable",
      what,
      remedy: `correct it (causeway config validate --config ${path}) and start the agent anew; ${cost}`,
    });
  }
  for (const { layer, what } of refused) {
    const remedy = "install the set of files anew, or send the settings again";
    problems.push({ event: "config.layer-refused", what: `the set of ${layer} is not in force: ${what}`, remedy });
  }
  if (ignored !== undefined) {
    const what = `what commands have set is not in force: ${ignored}`;
    problems.push({ event: "config.settings-ignored", what, remedy: "set it anew with the command config.set" });
  }
  for (const { what } of campaigns?.refused ?? []) {
    const remedy = `correct it (causeway config validate --config ${path}), then: causeway campaign reload`;
    problems.push({ event: "campaign.refused", what: `a campaign does not run: ${firstOf(what)}`, remedy });
  }
  return problems;
}

/** Of many faults the first; `config validate` tells them all. */
function firstOf(message: string): string {
  const [first, ...more] = message.split("\n");
  return more.length === 0 ? first : `${first} (and ${more.length} lines more)`;
}

/** The configuration's part of the status. */
export function configStatus(loaded: UnmetConfig): Status["configuration"] {
  const problems = configProblems(loaded).map(({ what, remedy }) => ({ what, remedy }));
  return { file: loaded.path, source: loaded.copy === undefined ? "files" : "last-good", problems };
}
