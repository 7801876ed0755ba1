import { existsSync, readdirSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { untilAborted } from "../core/aborted.ts";
import { AgentError, errnoOf } from "../core/errors.ts";
import { fileTrouble, isDenied } from "../core/file-trouble.ts";
import { nearestWord } from "../core/nearest-word.ts";
import type { CliContext } from "./context.ts";

const CHUNK_BYTES = 65_536;

/** The whole file. Throws `input.missing` naming it. */
export async function readInputFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** The whole file, or all of stdin for "-", of at most `maxBytes`. Throws `input.missing` and `input.malformed`. */
export async function readWhole(context: CliContext, path: string, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of readInput(context, path)) {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      const what = `${path === "-" ? "stdin" : path} is longer than ${maxBytes} bytes`;
      throw new AgentError("input.malformed", { what, remedy: "give the file that is meant" });
    }
    chunks.push(Uint8Array.from(chunk));
  }
  return Buffer.concat(chunks);
}

/** Whether the file can be read. Throws as `readInputFile`. */
export async function checkInputFile(path: string): Promise<void> {
  try {
    await using file = await open(path);
    await file.read(new Uint8Array(1));
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** The bytes of a file piece by piece, or of stdin when `path` is undefined or "-". A piece is valid until the next one. Throws `input.missing`. */
export async function* readInput(context: CliContext, path: string | undefined): AsyncGenerator<Uint8Array> {
  if (path === undefined || path === "-") {
    yield* untilAborted(context.terminal.stdin, context.signal);
    return;
  }
  const buffer = new Uint8Array(CHUNK_BYTES);
  try {
    await using file = await open(path);
    for (;;) {
      const { bytesRead } = await file.read(buffer);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } catch (error) {
    throw error instanceof AgentError ? error : unreadable(path, error);
  }
}

/** The fault of a file or folder that cannot be read, with the command that shows why. */
export function unreadable(path: string, error: unknown): AgentError {
  if (isDenied(error)) {
    return new AgentError("input.refused", {
      what: `${path}: cannot be read: permission denied`,
      remedy: `run it as a user who may (ls -l ${path}), or with sudo`,
      cause: error,
    });
  }
  const isAbsent = errnoOf(error) === "ENOENT";
  return new AgentError("input.missing", {
    what: isAbsent ? `${path}: no such file` : `${path}: cannot be read: ${fileTrouble(error)}`,
    remedy: isAbsent ? absentRemedy(path) : "give a file",
    cause: error,
  });
}

/** A name in the folder that is like it, or the command that shows what is there. */
function absentRemedy(path: string): string {
  let folder = dirname(path);
  if (existsSync(folder)) {
    const near = nearestWord(basename(path), namesIn(folder));
    const meant = near === undefined ? "" : `did you mean ${join(folder, near)}? `;
    return `${meant}check the path: ls ${folder}`;
  }
  while (!existsSync(folder)) folder = dirname(folder);
  return `there is no folder ${dirname(path)}; check the path: ls ${folder}`;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    // A folder that may not be listed has no names to offer.
    return [];
  }
}
