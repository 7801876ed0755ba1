import { isShallow, SHADOW_STATE_LEVELS } from "../cloud/named-shadow.ts";
import { bytesOf } from "../cloud/reported-change.ts";
import type { Settings } from "../jobs/settings/settings-trials.ts";
import type { SettingsVerdict } from "./desired-settings.ts";

/** Key of reported that says how the desired settings do; no section of the configuration has its name. */
const VERDICT_KEY = "settings";

/** Levels of a section: those of the state and of reported are above it. */
const SECTION_LEVELS = SHADOW_STATE_LEVELS - 2;

/** The keys of reported that are the agent's, where these sections can be set. */
export function configKeys(sections: readonly string[]): readonly string[] {
  return [...sections, VERDICT_KEY];
}

/**
 * What is told of settings: those in force, as they are desired, and how what is desired does. Sections in force are left out that have
 * more levels than a shadow takes, which a job can set, and all of them where `maxBytes` of JSON are not enough. Undefined while they are tried: what was told before is as good.
 */
export function configDocument(
  verdict: SettingsVerdict,
  inForce: Settings,
  maxBytes: number,
): { readonly reported: Settings; readonly omitted: readonly string[] } | undefined {
  const { state, reason, digest } = verdict;
  if (state === "unread" || state === "trying") return undefined;
  const told = { [VERDICT_KEY]: { state, digest, ...(reason === "" ? {} : { reason }) } };
  const sections = Object.entries(withoutEmpty(inForce));
  const shallow = Object.fromEntries(sections.filter(([, section]) => isShallow(section, SECTION_LEVELS)));
  const kept = bytesOf({ ...shallow, ...told }) <= maxBytes ? shallow : {};
  const omitted = sections.map(([key]) => key).filter((key) => !(key in kept));
  return { reported: { ...kept, ...told }, omitted };
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
