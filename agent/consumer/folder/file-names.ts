import { createHash } from "node:crypto";
import { join } from "node:path";
import type { FolderSettings } from "./settings.ts";

/** Longest name of a thing as a part of a path, before its digest takes the place of what is beyond. */
const MAX_NAME = 150;
const DAY_US = 86_400_000_000;
/** What the store itself has in its folder. */
export const STATE_FILE = "state.db";
export const LOCK_FILE = "roller.lock";
export const CLOCKS_FILE = "clocks.csv";
/** Where files are until they are whole. */
export const PARTIAL_FOLDER = ".partial";
const OWN = new Set([
  STATE_FILE,
  `${STATE_FILE}-wal`,
  `${STATE_FILE}-shm`,
  LOCK_FILE,
  `${LOCK_FILE}-journal`,
  CLOCKS_FILE,
]);

/** Which rows a file holds. */
export type FileKind = "samples" | "events";

/** The day of a time, as days since the Unix epoch, UTC. */
export function dayOf(timeUs: number): number {
  return Math.floor(timeUs / DAY_US);
}

/** First time of a day, µs since the Unix epoch. */
export function startOf(day: number): number {
  return day * DAY_US;
}

/**
 * A name as one part of a path, whatever it holds: letters, digits, "-", "_" and dots that are not first stay, all else is
 * percent-encoded, as Hive does it. A very long one ends with its digest. Different names stay different.
 */
export function pathPart(name: string): string {
  if (OWN.has(name)) return `%${name.charCodeAt(0).toString(16).toUpperCase()}${name.slice(1)}`;
  const encoded = encodeURIComponent(name.toWellFormed())
    .replaceAll(/[!'()*~]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/^\./, "%2E");
  if (encoded.length <= MAX_NAME) return encoded;
  const digest = createHash("sha256").update(name).digest("hex").slice(0, 32);
  return `${encoded.slice(0, MAX_NAME).replace(/%.?$/, "")}%${digest}`;
}

/** What a file holds. */
export type FileFacts = { readonly kind: FileKind; readonly thing: string; readonly day: number };

/**
 * Path of a file in the folder: `KIND/thing=THING/date=DAY/part-NAME.FORMAT`, where `name` is that of the roll; or
 * `THING/DAY.FORMAT` with `.events` before the format for events, where from the second attempt on a number follows the day.
 */
export function filePath(
  { layout, format }: Pick<FolderSettings, "layout" | "format">,
  { kind, thing, day }: FileFacts,
  name: string,
  attempt = 1,
): string {
  const date = new Date(startOf(day) / 1000).toISOString().slice(0, -"T00:00:00.000Z".length);
  const counted = attempt === 1 ? "" : `.${attempt}`;
  if (layout === "hive")
    return join(kind, `thing=${pathPart(thing)}`, `date=${date}`, `part-${name}${counted}.${format}`);
  return join(pathPart(thing), `${date}${counted}${kind === "events" ? ".events" : ""}.${format}`);
}
