/**
 * The journal's tables, one entry a version (PRAGMA user_version). Entries are only ever added.
 *
 * `crc` is over the other columns of its row: SQLite itself does not notice a bit that flips inside a value. `journal.ran_ms` is how
 * long agents have run on this file; a command's `ran_ms` is that time when it was added.
 */
export const JOURNAL_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE journal (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    ran_ms INTEGER NOT NULL CHECK (ran_ms >= 0),
    lost TEXT,
    lost_at_us INTEGER,
    forgotten INTEGER NOT NULL CHECK (forgotten >= 0)
  ) STRICT;
  INSERT INTO journal VALUES (1, 0, NULL, NULL, 0);

  CREATE TABLE commands (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    digest TEXT NOT NULL,
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3),
    told INTEGER NOT NULL CHECK (told IN (0, 1)),
    ran_ms INTEGER NOT NULL CHECK (ran_ms >= 0),
    body TEXT NOT NULL,
    crc INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX commands_by_told ON commands (told, ran_ms);
  CREATE INDEX commands_by_state ON commands (state);

  CREATE TABLE documents (
    space TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (space, key)
  ) STRICT, WITHOUT ROWID;
  `,
];
