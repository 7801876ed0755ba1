import { crc32 } from "node:zlib";
import { z } from "zod";
import type { Json } from "../../../agent/core/canonical-json.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import { COMMAND_STATES, type CommandEntry, type CommandState } from "../../../agent/ports/journal.ts";

const json = z.json();

/** Begins the digest of a read in its row. */
const READ = "read:";

/** A command as its row holds it, but for `crc`. */
export type CommandColumns = {
  readonly id: string;
  readonly digest: string;
  readonly state: number;
  readonly told: number;
  readonly ran_ms: number;
  readonly body: string;
};
export type CommandRow = CommandColumns & { readonly seq: number; readonly crc: number };

/** A document as its row holds it. */
export type DocumentRow = {
  readonly space: string;
  readonly key: string;
  readonly value: string;
  readonly crc: number;
};

/** A command state as its column holds it: never renumbered, only added to. */
export function stateCode(state: CommandState): number {
  return COMMAND_STATES.indexOf(state);
}

/** A command's digest as its column holds it. */
export function digestColumn({ digest, isRead }: CommandEntry): string {
  return isRead ? `${READ}${digest}` : digest;
}

/** The checksum that belongs to a command's columns. */
export function commandCrc({ id, digest, state, told, ran_ms, body }: CommandColumns): number {
  return crc32(JSON.stringify([id, digest, state, told, ran_ms, body]));
}

/** The checksum that belongs to a document. */
export function documentCrc(space: string, key: string, value: string): number {
  return crc32(JSON.stringify([space, key, value]));
}

/** Throws `journal.unavailable` when the row is not what was written. */
export function checkCommand(row: CommandRow, file: string): void {
  if (commandCrc(row) !== row.crc) throw altered(file, `command ${row.id}`);
}

/** Throws `journal.unavailable` when the row is not what was written. */
export function checkDocument({ space, key, value, crc }: DocumentRow, file: string): void {
  if (documentCrc(space, key, value) !== crc) throw altered(file, `${space}/${key}`);
}

/** The command in a row; throws as `checkCommand`. */
export function commandOf(row: CommandRow, file: string): CommandEntry {
  checkCommand(row, file);
  const { id, told, body } = row;
  const isRead = row.digest.startsWith(READ);
  const digest = isRead ? row.digest.slice(READ.length) : row.digest;
  const state = COMMAND_STATES[row.state];
  return { id, digest, state, isRead, isReported: told === 1, body: json.parse(JSON.parse(body)) };
}

/** The value in a row; throws as `checkDocument`. */
export function valueOf(row: DocumentRow, file: string): Json {
  checkDocument(row, file);
  return json.parse(JSON.parse(row.value));
}

function altered(file: string, what: string): AgentError {
  return new AgentError("journal.unavailable", {
    what: `${file}: ${what} is not what was written`,
    remedy: "restart the agent: it sets the file aside and refuses what needs it until someone has looked",
  });
}
