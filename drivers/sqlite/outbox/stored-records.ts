import { existsSync, rmSync } from "node:fs";
import Database from "better-sqlite3";
import { AgentError } from "../../../agent/core/errors.ts";
import type { RecordState, StreamName } from "../../../agent/ports/outbox.ts";
import { pragmaNumber } from "../database.ts";
import { faultOf } from "../faults.ts";
import { stateCode, streamCode } from "./codes.ts";
import type { RecordRow } from "./records.ts";
import { isAtRest } from "./rest-cipher.ts";
import { OUTBOX_MIGRATIONS } from "./schema.ts";
import { hasSoundColumns, hasSoundPayload } from "./seal.ts";

/** A record as the file holds it. */
export type FiledRecord = {
  readonly stream: StreamName;
  readonly seq: number;
  readonly payload: Uint8Array;
};

/** A look into the file: whole records, how many were not, and where to go on; `next` is undefined behind the last. */
export type FiledPage = {
  readonly records: readonly FiledRecord[];
  readonly damaged: number;
  /** Encrypted, so that the agent alone reads them. */
  readonly encrypted: number;
  readonly next: number | undefined;
};

/** Bounds of a page; the first record is in it however large it is. */
export type PageBounds = { readonly records: number; readonly bytes: number };

/** Which records are looked for: of this stream, and waiting or dead. */
export type FiledKind = { readonly stream: StreamName; readonly state: RecordState };

/**
 * Records of a kind behind row `after`, oldest first, from the outbox database of an agent that does not run. Nothing in it changes: the log
 * of a process that was killed is read too, and left to the agent. The file is held for this look alone, since an agent that starts meanwhile finds
 * it held, and starts again.
 *
 * Throws `agent.already-running` where an agent holds it, `outbox.unavailable` where it is damaged or of a later version, `input.missing` where
 * there is none.
 */
export function readFiledRecords(file: string, kind: FiledKind, after: number, bounds: PageBounds): FiledPage {
  if (!existsSync(file)) {
    throw new AgentError("input.missing", {
      what: `${file}: no such file: nothing was ever stored there`,
      remedy: "check stateDir in the configuration: causeway config get stateDir --origin",
    });
  }
  const isShared = existsSync(`${file}-shm`);
  try {
    using database = openForReading(file);
    return pageOf(database.connection, kind, after, bounds);
  } catch (thrown) {
    throw faultOf(thrown, file, "outbox");
  } finally {
    // Of our own reading of a log that was left behind; the agent never has one.
    if (!isShared) rmSync(`${file}-shm`, { force: true });
  }
}

function openForReading(file: string) {
  const connection = new Database(file, { readonly: true, fileMustExist: true, timeout: 0 });
  const close = (): void => void connection.close();
  try {
    const version = pragmaNumber(connection, "user_version");
    if (version <= OUTBOX_MIGRATIONS.length) return { connection, [Symbol.dispose]: close };
    throw new AgentError("outbox.unavailable", {
      what: `${file} has version ${version}; this program knows up to ${OUTBOX_MIGRATIONS.length}`,
      remedy: "use the causeway program of the agent that made it",
    });
  } catch (thrown) {
    close();
    throw thrown;
  }
}

function pageOf(
  connection: Database.Database,
  { stream, state }: FiledKind,
  after: number,
  bounds: PageBounds,
): FiledPage {
  const records: FiledRecord[] = [];
  const left = { damaged: 0, encrypted: 0 };
  let next: number | undefined;
  let bytes = 0;
  let looked = 0;
  const rows = connection
    .prepare<[number, number, number, number], RecordRow>(
      "SELECT * FROM records WHERE stream = ? AND dead = ? AND row > ? ORDER BY row LIMIT ?",
    )
    .iterate(streamCode(stream), stateCode(state), after, bounds.records);
  for (const row of rows) {
    if (looked > 0 && bytes + row.payload.length > bounds.bytes) return { records, ...left, next };
    looked += 1;
    bytes += row.payload.length;
    next = row.row;
    if (!hasSoundColumns(row) || !hasSoundPayload(row)) left.damaged += 1;
    else if (isAtRest(row.payload)) left.encrypted += 1;
    else records.push({ stream, seq: row.seq, payload: row.payload });
  }
  return { records, ...left, next: looked < bounds.records ? undefined : next };
}
