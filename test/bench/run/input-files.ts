import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { AgentError, errnoOf } from "../../../agent/core/errors.ts";
import { fileTrouble } from "../../../agent/core/file-trouble.ts";
import { FRAME_FLAG } from "../../../agent/ports/frame.ts";
import { parseDbcBytes } from "../../../agent/signals/dbc/bytes.ts";
import type { DbcMessage } from "../../../agent/signals/dbc/model.ts";
import { parseCandump } from "../../../agent/signals/log-formats/candump.ts";
import type { BenchOptions } from "./bench-options.ts";

const MOST_ERRORS = 5;
const NOT_SENT = FRAME_FLAG.error | FRAME_FLAG.remote;
const KINDS = { log: "log of --replay", dbc: "DBC file of --dbc", root: "trust root of --root", campaign: "campaign" };

/** Looks whether each file of the command line is there and can be read. Throws `input.missing`, which names the option. */
export function checkInputFiles({ replay, rootFile, campaigns }: BenchOptions): void {
  if (replay !== undefined) checkFile(replay.logFile, "log");
  if (replay !== undefined) checkFile(replay.dbcFile, "dbc");
  if (rootFile !== undefined) checkFile(rootFile, "root");
  for (const file of campaigns) checkFile(file, "campaign");
}

function checkFile(file: string, kind: keyof typeof KINDS): void {
  try {
    if (statSync(file).isDirectory()) throw new Error("it is a folder");
    accessSync(file, constants.R_OK);
  } catch (error) {
    const isAbsent = errnoOf(error) === "ENOENT";
    throw new AgentError("input.missing", {
      what: `the ${KINDS[kind]}, ${file}, ${isAbsent ? "is not there" : `cannot be read: ${fileTrouble(error)}`}`,
      remedy: isAbsent
        ? "check the path; it is read from the folder that the bench is started in"
        : "give a file that this user may read",
      cause: error,
    });
  }
}

/**
 * Up to `most` signals that frames of the log hold, as "Message.Signal": one of each message first, those of messages that are sent often
 * before others. The first ones of the DBC file where no frame has the very id of a message, as with J1939. Throws `input.malformed` for a log
 * without frames and for a DBC file with errors.
 */
export async function replayedSignals(logFile: string, dbcFile: string, most: number): Promise<readonly string[]> {
  const messages = messagesOf(dbcFile);
  const counts = new Map<DbcMessage, number>();
  for (const [key, frames] of await framesOf(logFile)) {
    const message = messages.get(key);
    if (message !== undefined) counts.set(message, frames);
  }
  if (counts.size === 0) for (const message of messages.values()) counts.set(message, 0);
  const sent = [...counts].sort(([, a], [, b]) => b - a).map(([{ name, signals }]) => ({ name, signals }));
  const ranked = sent.flatMap(({ name, signals }) =>
    signals.map((signal, rank) => ({ rank, name: `${name}.${signal.name}` })),
  );
  return ranked
    .sort((a, b) => a.rank - b.rank)
    .slice(0, most)
    .map(({ name }) => name);
}

function messagesOf(dbcFile: string): ReadonlyMap<string, DbcMessage> {
  const { database, errors } = parseDbcBytes(readFileSync(dbcFile));
  if (errors.length > 0) {
    const told = errors.slice(0, MOST_ERRORS).map(({ line, column, text }) => `${dbcFile}:${line}:${column} ${text}`);
    const others = errors.length - told.length;
    throw new AgentError("input.malformed", {
      what: [...told, ...(others === 0 ? [] : [`and ${others} more`])].join("\n  "),
      remedy: `mend the DBC file; scripts/causeway dbc check ${dbcFile} shows all of it`,
    });
  }
  return new Map(database.messages.map((message) => [keyOf(message.id, message.extended), message]));
}

/** How many frames of each id are in the log. */
async function framesOf(logFile: string): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  await using file = await open(logFile);
  for await (const text of file.readLines()) {
    const line = parseCandump(text);
    if (line.kind !== "frame" || (line.frame.flags & NOT_SENT) !== 0) continue;
    const key = keyOf(line.frame.id, (line.frame.flags & FRAME_FLAG.extended) !== 0);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  if (counts.size > 0) return counts;
  throw new AgentError("input.malformed", {
    what: `the ${KINDS.log}, ${logFile}, has no frame as candump -l writes it: (1735270496.916858) can0 110#00112233`,
    remedy: `give a log of candump; scripts/causeway can convert --help says how one is made of ASC, TRC and BLF files`,
  });
}

function keyOf(id: number, extended: boolean): string {
  return `${id}${extended ? "x" : ""}`;
}
