import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import type { FileKind } from "../../config/files.ts";
import type { WantedLines } from "../commands/actions/wanted-lines.ts";
import { errnoOf } from "../core/errors.ts";
import type { StoredLog } from "../ports/log-folder.ts";
import type { HeldSource } from "../ports/object-store.ts";
import { byAge, readLogName } from "../telemetry/frame-log/log-names.ts";

/** A file that may be uploaded. */
export type OfferedFile = { readonly name: string; readonly source: HeldSource };

type MadeFile = { readonly name: string; readonly content: Uint8Array };

/** What is made when it is asked for, without secrets. */
export type MadeFiles = {
  /** A support bundle of this moment. */
  readonly collect: () => Promise<MadeFile>;
  /** Lines of the log, at most so many bytes; undefined where none is wanted. */
  readonly logFile: (wanted: WantedLines, maxBytes: number) => MadeFile | undefined;
};

/** What somebody asks for. `lines`: of the log; all of them where it is undefined. */
export type WantedFile = {
  readonly kind: FileKind;
  readonly name: string | undefined;
  readonly lines: WantedLines | undefined;
};

export type FileSourceParts = {
  readonly kinds: readonly FileKind[];
  /** Undefined while nobody makes any. */
  readonly made: () => MadeFiles | undefined;
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
  /** Makes one file of several; "too-large" where they have more than `maxBytes`. Rejects with the system's error. */
  readonly pack: (paths: readonly string[], maxBytes: number) => Promise<Uint8Array | "too-large">;
};

/** What all DBC files may have together, bytes: they are in memory while they are made one. */
const MAX_DBC_SET_BYTES = 16_777_216;

const ALL_LINES: WantedLines = { sinceMs: undefined, untilMs: undefined, level: undefined, code: undefined };

/**
 * Finds what is asked for among what there is. A name is compared and never put into a path: nothing else of the machine can be asked for.
 * Without a name it is the newest finished capture, or all DBC files (one alone as it is, several in an archive). Of DBC files the path in the configuration is a name too, for those
 * that have the same in other folders. A slice of the log has at most `maxBytes`, at least 4096. Gives why not, for people.
 */
export async function findFile(
  parts: FileSourceParts,
  { kind, name, lines = ALL_LINES }: WantedFile,
  maxBytes: number,
): Promise<OfferedFile | string> {
  if (!parts.kinds.includes(kind)) return `files.kinds has no ${kind}`;
  if (kind === "bundle" || kind === "logs") {
    if (name !== undefined) return `a file of kind ${kind} has no name before it is made`;
    const makers = parts.made();
    const made = kind === "bundle" ? await makers?.collect() : makers?.logFile(lines, maxBytes);
    if (made === undefined) return `there is nothing that a file of kind ${kind} could be made of`;
    return { name: made.name, source: { kind: "bytes", content: made.content } };
  }
  if (kind === "dbc") return await findDbc(parts, name);
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

async function findDbc(
  { dbcFiles: files, pack }: FileSourceParts,
  name: string | undefined,
): Promise<OfferedFile | string> {
  const named = name === undefined ? files : files.filter((path) => path === name || basename(path) === name);
  const [path, ...others] = named;
  if (path === undefined) return notFound("dbc", name);
  if (others.length === 0) return offeredAt(path, true);
  const { length } = named;
  if (name === undefined) return await dbcSet(files, pack);
  return `there are ${length} files of kind dbc with that name: give the path that the configuration has for it`;
}

async function dbcSet(files: readonly string[], pack: FileSourceParts["pack"]): Promise<OfferedFile | string> {
  try {
    const content = await pack(files, MAX_DBC_SET_BYTES);
    if (content === "too-large") {
      return `the ${files.length} files of kind dbc have more than ${MAX_DBC_SET_BYTES} bytes together: name one`;
    }
    const sha256 = createHash("sha256").update(content).digest("hex");
    return { name: `dbc-${sha256.slice(0, 8)}.tar.gz`, source: { kind: "bytes", content } };
  } catch (thrown) {
    const why = errnoOf(thrown);
    if (why === undefined) throw thrown;
    return `one of the ${files.length} files of kind dbc cannot be read: ${why}`;
  }
}

/** `mayChange`: somebody may write to it while it is held. */
function offeredAt(path: string, mayChange: boolean): OfferedFile {
  return { name: basename(path), source: { kind: "file", path, mayChange } };
}

function notFound(kind: FileKind, name: string | undefined): string {
  return name === undefined ? `there is no file of kind ${kind}` : `there is no file of kind ${kind} with that name`;
}
