import { isRecord } from "../../config/json-schema.ts";
import type { Key } from "../../config/yaml-file.ts";
import { type LayeredConfig, layerFolder } from "../daemon/configuration/layered-config.ts";

/** Where a value in force comes from. */
export type Origin = {
  /** "job": settings of a job or of the settings shadow; "file-set": a signed set of files; "last-good": the copy that stands in for files that cannot be used. */
  readonly kind: "default" | "file" | "last-good" | "file-set" | "job" | "command";
  /** "file:line:col" of what is written. */
  readonly place?: string;
};

/** A setting that has one value, and where that comes from. */
export type OriginOf = { readonly path: readonly Key[]; readonly value: unknown; readonly origin: Origin };

/** The value at `path` and those below it, each with its origin; a list of plain values is one. */
export function* originsBelow(loaded: LayeredConfig, path: readonly Key[], value: unknown): Generator<OriginOf> {
  const below = entriesOf(value);
  if (below.length === 0) yield { path, value, origin: originOf(loaded, path) };
  for (const [key, part] of below) yield* originsBelow(loaded, [...path, key], part);
}

/** Where the value at `path` comes from. */
export function originOf({ config, overrides, origin, copy }: LayeredConfig, path: readonly Key[]): Origin {
  const dotted = path.join(".");
  const isSettable = config.commands?.settable.some((key) => key === dotted) === true;
  if (isSettable && Object.hasOwn(overrides, dotted)) return { kind: "command" };
  const place = origin(path);
  if (place === undefined) return { kind: "default" };
  if (place.startsWith(`${layerFolder(config.stateDir, "settings")}/`)) return { kind: "job", place };
  if (place.startsWith(`${layerFolder(config.stateDir, "files")}/`)) return { kind: "file-set", place };
  return { kind: copy === undefined ? "file" : "last-good", place };
}

function entriesOf(value: unknown): readonly (readonly [key: Key, part: unknown])[] {
  if (isRecord(value)) return Object.entries(value).filter(([, part]) => part !== undefined);
  if (!Array.isArray(value)) return [];
  const items: readonly unknown[] = value;
  return items.some((item) => typeof item === "object") ? [...items.entries()] : [];
}
