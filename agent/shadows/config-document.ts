import { bytesOf } from "../cloud/reported-change.ts";
import type { Settings } from "../jobs/settings/settings-trials.ts";
import type { SettingsVerdict } from "./desired-settings.ts";

/** Key of reported that says how the desired settings do; no section of the configuration has its name. */
const VERDICT_KEY = "settings";

/** The keys of reported that are the agent's, where these sections can be set. */
export function configKeys(sections: readonly string[]): readonly string[] {
  return [...sections, VERDICT_KEY];
}

/**
 * What is told of settings: those in force, as they are desired, and how what is desired does. Those in force are left out where `maxBytes`
 * of JSON are not enough for them. Undefined while they are tried: what was told before is as good.
 */
export function configDocument(
  verdict: SettingsVerdict,
  inForce: Settings,
  maxBytes: number,
): { readonly reported: Settings; readonly omitted: readonly string[] } | undefined {
  const { state, reason, digest } = verdict;
  if (state === "unread" || state === "trying") return undefined;
  const told = { [VERDICT_KEY]: { state, digest, ...(reason === "" ? {} : { reason }) } };
  const whole = { ...withoutEmpty(inForce), ...told };
  if (bytesOf(whole) <= maxBytes) return { reported: whole, omitted: [] };
  return { reported: told, omitted: Object.keys(whole).filter((key) => key !== VERDICT_KEY) };
}

/** A shadow drops objects that are empty. */
function withoutEmpty(tree: Settings): Settings {
  const entries = Object.entries(tree).flatMap(([key, value]): (readonly [string, unknown])[] => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return [[key, value]];
    const below = withoutEmpty({ ...value });
    return Object.keys(below).length === 0 ? [] : [[key, below]];
  });
  return Object.fromEntries(entries);
}
