import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { errnoOf, messageOf } from "../agent/core/errors.ts";

/** Keys that may be named as settable: what cannot take the vehicle off its broker, its identity or its owners' hands. */
const SETTABLE =
  /^(?:(?:log|collect|encode|outbox|requests|renewal|support|shutdown)(?:\.[A-Za-z]{1,40}){1,3}|broker\.(?:keepAliveSeconds|connectTimeoutMs|ackTimeoutSeconds|inFlight|pacing|backlogBytes|refusalAttempts|reconnect\.(?:min|max)Ms))$/;

/** A key of the configuration that a command may set, dotted. */
export const settableKey = z
  .string()
  .regex(
    SETTABLE,
    "must be a key of log, collect, encode, outbox, requests, renewal, support, shutdown, or of broker but for where it is",
  );

const settingValue = z.union([z.string().max(1000), z.number(), z.boolean()]);

/** Values that were set apart from the configuration's files, by dotted key. */
export const overridesSchema = z.record(settableKey, settingValue).readonly();
export type Overrides = z.infer<typeof overridesSchema>;

const overridesFile = z.strictObject({ schemaVersion: z.literal(1), settings: overridesSchema });

/** Overrides as they were found: those of the file, or why there is nothing to go by. */
export type FoundOverrides =
  | { readonly kind: "found"; readonly overrides: Overrides }
  | { readonly kind: "unusable"; readonly what: string };

/** Where the overrides of an agent are kept: beside its state, since its configuration is not its own to write. */
export function overridesPath(stateDir: string): string {
  return join(stateDir, "settings.json");
}

/** The content of the file. */
export function overridesText(overrides: Overrides): string {
  return `${JSON.stringify({ schemaVersion: 1, settings: overrides }, undefined, 2)}\n`;
}

/** Reads the overrides; none where there is no file. */
export async function readOverrides(stateDir: string): Promise<FoundOverrides> {
  const file = overridesPath(stateDir);
  try {
    const { settings: overrides } = overridesFile.parse(JSON.parse(await readFile(file, "utf8")));
    return { kind: "found", overrides };
  } catch (thrown) {
    const errno = errnoOf(thrown);
    if (errno === "ENOENT" || errno === "ENOTDIR") return { kind: "found", overrides: {} };
    const what = thrown instanceof z.ZodError ? z.prettifyError(thrown) : messageOf(thrown);
    return { kind: "unusable", what: `${file}: ${what}` };
  }
}

/** A configuration as it was read, with `overrides` laid over it; those whose key is not in `allowed` are left out. */
export function withOverrides(config: unknown, overrides: Overrides, allowed: readonly string[]): unknown {
  return Object.entries(overrides)
    .filter(([key]) => allowed.includes(key))
    .reduce<unknown>((under, [key, value]) => setAt(under, key.split("."), value), config);
}

function setAt(under: unknown, [first, ...rest]: readonly string[], value: unknown): unknown {
  if (first === undefined) return value;
  const members = typeof under === "object" && under !== null && !Array.isArray(under) ? { ...under } : {};
  const member: unknown = Object.entries(members).find(([name]) => name === first)?.[1];
  return { ...members, [first]: setAt(member, rest, value) };
}
