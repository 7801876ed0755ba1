import type Database from "better-sqlite3";
import { REST_MARK, type RestCipher } from "./rest-cipher.ts";

/** Why payloads of the database cannot be decrypted with `cipher`; undefined where they can, or where none is encrypted. */
export function keyProblem(database: Database.Database, cipher: RestCipher | undefined): string | undefined {
  const noted = notedKey(database);
  if (noted === undefined || cipher?.keyId.equals(noted) === true || isInClear(database)) return undefined;
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

/** Looks at all payloads, so not for every start. */
function isInClear(database: Database.Database): boolean {
  const length = REST_MARK.length;
  const any = database.prepare<[mark: Uint8Array, mark: Uint8Array], number>(
    `SELECT EXISTS (SELECT 1 FROM records WHERE substr(payload, 1, ${length}) = ?)
         OR EXISTS (SELECT 1 FROM kept WHERE substr(value, 1, ${length}) = ?)`,
  );
  return any.pluck().get(REST_MARK, REST_MARK) === 0;
}
