/**
 * The outbox's tables, one entry a version (PRAGMA user_version). Entries are only ever added.
 *
 * `records.payload` comes last, so that reading the other columns never walks its overflow pages. `streams` holds the totals of
 * its records and changes in the same transaction as they do; `past` the seqs that earlier epochs, which it does not count, still owe.
 * `reports` remembers which record carries which loss, so that a loss record that is lost itself gives its range back to `losses`.
 * `salvages` are damaged files from which records are still coming over, `missing` what has not come yet, and `carried` the `reports`
 * of records that have not. `records.thin` is how a record may still be thinned, `thinned_from` the lowest seq that it stands for where that was
 * done: rows are in the order of seqs, but for those of what was thinned. `kept` changes in the transactions of the records that its values go with.
 * `records.route` is the topic of a record that does not go by that of its stream. `rest_key` names the key with which payloads and kept values
 * were encrypted last.
 */
export const OUTBOX_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE outbox (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL CHECK (epoch BETWEEN 1 AND 281474976710655)
  ) STRICT;

  CREATE TABLE streams (
    stream INTEGER PRIMARY KEY CHECK (stream BETWEEN 0 AND 3),
    last_seq INTEGER NOT NULL CHECK (last_seq >= 0),
    last_row INTEGER NOT NULL CHECK (last_row >= 0),
    oldest_seq INTEGER NOT NULL CHECK (oldest_seq >= 0),
    records INTEGER NOT NULL CHECK (records >= 0),
    dead INTEGER NOT NULL CHECK (dead >= 0),
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    lost INTEGER NOT NULL CHECK (lost >= 0)
  ) STRICT;
  INSERT INTO streams VALUES (0, 0, 0, 0, 0, 0, 0, 0), (1, 0, 0, 0, 0, 0, 0, 0), (2, 0, 0, 0, 0, 0, 0, 0), (3, 0, 0, 0, 0, 0, 0, 0);

  CREATE TABLE records (
    row INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    stream INTEGER NOT NULL CHECK (stream BETWEEN 0 AND 3),
    seq INTEGER NOT NULL CHECK (seq > 0),
    encoding INTEGER NOT NULL CHECK (encoding BETWEEN 0 AND 2),
    time_quality INTEGER NOT NULL CHECK (time_quality BETWEEN 0 AND 3),
    stored_at_us INTEGER NOT NULL,
    expires_at_ms INTEGER,
    retain_key TEXT,
    dead INTEGER NOT NULL CHECK (dead IN (0, 1)),
    bytes INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    payload BLOB NOT NULL
  ) STRICT;
  CREATE INDEX records_by_stream ON records (stream, dead);

  CREATE TABLE losses (
    id INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    stream INTEGER NOT NULL CHECK (stream BETWEEN 0 AND 3),
    first INTEGER NOT NULL,
    last INTEGER NOT NULL CHECK (last >= first),
    reason INTEGER NOT NULL CHECK (reason BETWEEN 0 AND 3),
    detail TEXT NOT NULL
  ) STRICT;
  CREATE INDEX losses_by_last ON losses (epoch, stream, reason, last);
  CREATE INDEX losses_by_first ON losses (epoch, stream, reason, first);

  CREATE TABLE reports (
    row INTEGER PRIMARY KEY REFERENCES records (row) ON DELETE CASCADE,
    epoch INTEGER NOT NULL,
    stream INTEGER NOT NULL CHECK (stream BETWEEN 0 AND 3),
    first INTEGER NOT NULL,
    last INTEGER NOT NULL CHECK (last >= first),
    reason INTEGER NOT NULL CHECK (reason BETWEEN 0 AND 3),
    detail TEXT NOT NULL
  ) STRICT;
  `,
  // A further reason. The check of a column cannot be changed in place (sqlite.org/lang_altertable.html#otheralter).
  `
  CREATE TABLE new_losses (
    id INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    stream INTEGER NOT NULL CHECK (stream BETWEEN 0 AND 3),
    first INTEGER NOT NULL,
    last INTEGER NOT NULL CHECK (last >= first),
    reason INTEGER NOT NULL CHECK (reason BETWEEN 0 AND 4),
    detail TEXT NOT NULL
  ) STRICT;
  INSERT INTO new_losses SELECT * FROM losses;
  DROP TABLE losses;
  ALTER TABLE new_losses RENAME TO losses;
  CREATE INDEX losses_by_last ON losses (epoch, stream, reason, last);
  CREATE INDEX losses_by_first ON losses (epoch, stream, reason, first);

  CREATE TABLE new_reports (
    row INTEGER PRIMARY KEY REFERENCES records (row) ON DELETE CASCADE,
    epoch INTEGER NOT NULL,
    stream INTEGER NOT NULL CHECK (stream BETWEEN 0 AND 3),
    first INTEGER NOT NULL,
    last INTEGER NOT NULL CHECK (last >= first),
    reason INTEGER NOT NULL CHECK (reason BETWEEN 0 AND 4),
    detail TEXT NOT NULL
  ) STRICT;
  INSERT INTO new_reports SELECT * FROM reports;
  DROP TABLE reports;
  ALTER TABLE new_reports RENAME TO reports;
  `,
  // What earlier epochs owe.
  `
  CREATE TABLE past (
    epoch INTEGER NOT NULL,
    stream INTEGER NOT NULL CHECK (stream BETWEEN 0 AND 3),
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    records INTEGER NOT NULL CHECK (records >= 0),
    PRIMARY KEY (epoch, stream)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO past
    SELECT epoch, stream, min(first), max(last), sum(records) FROM (
      SELECT epoch, stream, seq AS first, seq AS last, 1 AS records FROM records
      UNION ALL SELECT epoch, stream, first, last, 0 FROM losses
      UNION ALL SELECT epoch, stream, first, last, 0 FROM reports)
    WHERE epoch <> (SELECT epoch FROM outbox) GROUP BY epoch, stream;
  `,
  // The age of a record without trust in the wall clock: first 48 bits of the kernel's boot id, and ms of the monotonic clock.
  `
  ALTER TABLE records ADD COLUMN boot INTEGER;
  ALTER TABLE records ADD COLUMN stored_at_monotonic_ms INTEGER;
  `,
  // Salvage in steps.
  `
  CREATE TABLE salvages (
    id INTEGER PRIMARY KEY,
    file TEXT NOT NULL,
    next_row INTEGER NOT NULL,
    last_row INTEGER NOT NULL,
    records INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE missing (
    id INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    stream INTEGER NOT NULL CHECK (stream BETWEEN 0 AND 3),
    first INTEGER NOT NULL,
    last INTEGER NOT NULL CHECK (last >= first)
  ) STRICT;
  CREATE INDEX missing_by_first ON missing (epoch, stream, first);

  CREATE TABLE carried (
    row INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    stream INTEGER NOT NULL CHECK (stream BETWEEN 0 AND 3),
    first INTEGER NOT NULL,
    last INTEGER NOT NULL CHECK (last >= first),
    reason INTEGER NOT NULL CHECK (reason BETWEEN 0 AND 4),
    detail TEXT NOT NULL
  ) STRICT;
  `,
  // Checks of the losses; of what an older agent noted there is none.
  `
  ALTER TABLE losses ADD COLUMN crc INTEGER;
  ALTER TABLE reports ADD COLUMN crc INTEGER;
  ALTER TABLE carried ADD COLUMN crc INTEGER;
  `,
  // Values kept beside the records.
  `
  CREATE TABLE kept (
    key TEXT PRIMARY KEY,
    value BLOB,
    crc INTEGER NOT NULL
  ) STRICT;
  `,
  // Thinning, a further reason. Losses say what came of the records.
  `
  ALTER TABLE records ADD COLUMN thin INTEGER CHECK (thin BETWEEN 2 AND 1000);
  ALTER TABLE records ADD COLUMN thinned_from INTEGER;
  CREATE INDEX records_to_thin ON records (stream) WHERE thin IS NOT NULL;

  CREATE TABLE new_losses (
    id INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    stream INTEGER NOT NULL CHECK (stream BETWEEN 0 AND 3),
    first INTEGER NOT NULL,
    last INTEGER NOT NULL CHECK (last >= first),
    reason INTEGER NOT NULL CHECK (reason BETWEEN 0 AND 5),
    detail TEXT NOT NULL,
    crc INTEGER,
    ratio INTEGER,
    kept_first INTEGER,
    kept_last INTEGER
  ) STRICT;
  INSERT INTO new_losses SELECT *, NULL, NULL, NULL FROM losses;
  DROP TABLE losses;
  ALTER TABLE new_losses RENAME TO losses;
  CREATE INDEX losses_by_last ON losses (epoch, stream, reason, last);
  CREATE INDEX losses_by_first ON losses (epoch, stream, reason, first);

  CREATE TABLE new_reports (
    row INTEGER PRIMARY KEY REFERENCES records (row) ON DELETE CASCADE,
    epoch INTEGER NOT NULL,
    stream INTEGER NOT NULL CHECK (stream BETWEEN 0 AND 3),
    first INTEGER NOT NULL,
    last INTEGER NOT NULL CHECK (last >= first),
    reason INTEGER NOT NULL CHECK (reason BETWEEN 0 AND 5),
    detail TEXT NOT NULL,
    crc INTEGER,
    ratio INTEGER,
    kept_first INTEGER,
    kept_last INTEGER
  ) STRICT;
  INSERT INTO new_reports SELECT *, NULL, NULL, NULL FROM reports;
  DROP TABLE reports;
  ALTER TABLE new_reports RENAME TO reports;

  CREATE TABLE new_carried (
    row INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    stream INTEGER NOT NULL CHECK (stream BETWEEN 0 AND 3),
    first INTEGER NOT NULL,
    last INTEGER NOT NULL CHECK (last >= first),
    reason INTEGER NOT NULL CHECK (reason BETWEEN 0 AND 5),
    detail TEXT NOT NULL,
    crc INTEGER,
    ratio INTEGER,
    kept_first INTEGER,
    kept_last INTEGER
  ) STRICT;
  INSERT INTO new_carried SELECT *, NULL, NULL, NULL FROM carried;
  DROP TABLE carried;
  ALTER TABLE new_carried RENAME TO carried;
  `,
  // Records with a topic of their own.
  `
  ALTER TABLE records ADD COLUMN route TEXT;
  `,
  // Which key encrypts payloads.
  `
  CREATE TABLE rest_key (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    key_id BLOB NOT NULL
  ) STRICT;
  `,
];
