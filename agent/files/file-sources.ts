import { basename, join } from "node:path";
import type { FileKind } from "../../config/files.ts";
import type { StoredLog } from "../ports/log-folder.ts";
import type { HeldSource } from "../ports/object-store.ts";
import { byAge, readLogName } from "../telemetry/frame-log/log-names.ts";

/** A file that may be uploaded. */
export type OfferedFile = { readonly name: string; readonly source: HeldSource };

export type FileSourceParts = {
  readonly kinds: readonly FileKind[];
  /** A support bundle of this moment. */
  readonly bundle: () => Promise<{ readonly name: string; readonly content: Uint8Array }>;
  /** The continuous log: its folder, what is in it, and the file that is being written; undefined where there is none. */
  readonly frameLog:
    | {
        readonly folder: string;
        readonly list: () => Promise<readonly StoredLog[]>;
        readonly current: () => string | undefined;
      }
    | undefined;
  /** Paths of the DBC files of the configuration. */
  readonly dbcFiles: readonly string[];
};

/**
 * Finds what is asked for among what there is. A name is compared and never put into a path: nothing else of the machine can be asked for.
 * Without a name it is the newest finished capture, or the one DBC file. Of DBC files the path in the configuration is a name too, for those
 * that have the same in other folders. Gives why not, for people.
 */
export async function findFile(
  parts: FileSourceParts,
  kind: FileKind,
  name: string | undefined,
): Promise<OfferedFile | string> {
  if (!parts.kinds.includes(kind)) return `files.kinds has no ${kind}`;
  if (kind === "bundle") {
    if (name !== undefined) return "a bundle has no name before it is made";
    const made = await parts.bundle();
    return { name: made.name, source: { kind: "bytes", content: made.content } };
  }
  if (kind === "dbc") return findDbc(parts.dbcFiles, name);
  const offered = await capturesOf(parts);
  const found = name === undefined ? offered.at(-1) : offered.find((one) => one.name === name);
  return found ?? notFound(kind, name);
}

/** Finished files of the continuous log, oldest first. */
async function capturesOf({ frameLog }: FileSourceParts): Promise<readonly OfferedFile[]> {
  if (frameLog === undefined) return [];
  const logs = (await frameLog.list()).flatMap(({ name }) => {
    const read = readLogName(name);
    return read === undefined || name === frameLog.current() ? [] : [{ name, read }];
  });
  return logs
    .toSorted((a, b) => byAge(a.read, b.read))
    .map(({ name }) => offeredAt(join(frameLog.folder, name), false));
}

function findDbc(files: readonly string[], name: string | undefined): OfferedFile | string {
  const named = name === undefined ? files : files.filter((path) => path === name || basename(path) === name);
  const [path, ...others] = named;
  if (path === undefined) return notFound("dbc", name);
  if (others.length === 0) return offeredAt(path, true);
  const { length } = named;
  return name === undefined
    ? `there are ${length} files of kind dbc: name one`
    : `there are ${length} files of kind dbc with that name: give the path that the configuration has for it`;
}

/** `mayChange`: somebody may write to it while it is held. */
function offeredAt(path: string, mayChange: boolean): OfferedFile {
  return { name: basename(path), source: { kind: "file", path, mayChange } };
}

function notFound(kind: FileKind, name: string | undefined): string {
  return name === undefined ? `there is no file of kind ${kind}` : `there is no file of kind ${kind} with that name`;
}
