import { statSync } from "node:fs";
import { join } from "node:path";
import { deserialize, serialize } from "node:v8";
import type Database from "better-sqlite3";
import { z } from "zod";
import { errnoOf } from "../../core/errors.ts";
import type { ParquetEnd } from "../parquet/parquet-body.ts";
import { type FileFacts, filePath, PARTIAL_FOLDER } from "./file-names.ts";
import type { RollFile } from "./roll-file.ts";
import type { FolderSettings } from "./settings.ts";

/** Row groups of a file that is appended to: with more, footers weigh as much as rows, and another file of the day begins. */
const MAX_GROUPS = 200;

type Row = { readonly bytes: number; readonly rows: number; readonly groups: Uint8Array | null };

const rowGroups = z.custom<ParquetEnd["rowGroups"]>(Array.isArray);

/** Files of days that are appended to: how far each of them is whole. */
export class FileTable {
  readonly #folder: string;
  readonly #settings: FolderSettings;
  readonly #get: Database.Statement<[path: string], Row>;
  readonly #set: Database.Statement<[path: string, bytes: number, rows: number, groups: Uint8Array]>;

  constructor(database: Database.Database, settings: FolderSettings) {
    this.#folder = settings.path;
    this.#settings = settings;
    this.#get = database.prepare("SELECT bytes, rows, groups FROM files WHERE path = ?");
    this.#set = database.prepare(
      `INSERT INTO files (path, bytes, rows, groups) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET bytes = excluded.bytes, rows = excluded.rows, groups = excluded.groups`,
    );
  }

  /**
   * Where rows of a thing and day go. In the daily layout behind those that are there, unless somebody has changed the file since, moved
   * it away or made one of the name: then into a new one beside it.
   */
  target(facts: FileFacts, name: string): RollFile {
    for (let attempt = 1; ; attempt++) {
      const path = filePath(this.#settings, facts, name, attempt);
      const known = this.#settings.layout === "daily" ? this.#get.get(path) : undefined;
      const bytes = sizeOf(join(this.#folder, path));
      if (bytes === undefined) {
        return { path, partial: join(PARTIAL_FOLDER, path.replaceAll("/", "+")), before: undefined };
      }
      if (known === undefined || known.bytes !== bytes) continue;
      const groups = known.groups === null ? [] : rowGroups.parse(deserialize(known.groups));
      if (groups.length < MAX_GROUPS) return { path, partial: undefined, before: { ...known, rowGroups: groups } };
    }
  }

  /** Remembers how far a file is whole; of a layout whose files are written once nothing. For use in a transaction. */
  save(path: string, { bytes, rows, rowGroups: groups }: ParquetEnd): void {
    if (this.#settings.layout === "daily") this.#set.run(path, bytes, rows, serialize(groups));
  }
}

function sizeOf(file: string): number | undefined {
  try {
    return statSync(file).size;
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
}
