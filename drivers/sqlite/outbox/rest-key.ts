import type Database from "better-sqlite3";
import type { RestCipher } from "./rest-cipher.ts";

/** Why payloads of the database cannot be decrypted with `cipher`; undefined where they can, where none is encrypted, or where it is empty. */
export function keyProblem(database: Database.Database, cipher: RestCipher | undefined): string | undefined {
  const noted = notedKey(database);
  if (noted === undefined || cipher?.keyId.equals(noted) === true || isEmpty(database)) return undefined;
  return cipher === undefined
    ? "its payloads are encrypted, and outbox.encryption names no key"
    : "its payloads are encrypted with another key than that of outbox.encryption";
}

/** Notes which key payloads are encrypted with from here on; for a database of which `keyProblem` has none. */
export function noteKey(database: Database.Database, cipher: RestCipher | undefined): void {
  const noted = notedKey(database);
  if (noted === cipher?.keyId || (noted !== undefined && cipher?.keyId.equals(noted) === true)) return;
  if (cipher === undefined) database.exec("DELETE FROM rest_key");
  else database.prepare("INSERT OR REPLACE INTO rest_key VALUES (1, ?)").run(cipher.keyId);
}

function notedKey(database: Database.Database): Buffer | undefined {
  return database.prepare<[], Buffer>("SELECT key_id FROM rest_key").pluck().get();
}

function isEmpty(database: Database.Database): boolean {
  const any = database.prepare<[], number>("SELECT EXISTS (SELECT 1 FROM records) OR EXISTS (SELECT 1 FROM kept)");
  return any.pluck().get() === 0;
}
