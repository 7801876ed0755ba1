import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { AgentError } from "../../../agent/core/errors.ts";
import { STORE_FILE } from "./store-check.ts";
import { ATTRIBUTE, attributesText, CLASS, keyRows, type NewKey, parseAttributes } from "./store-objects.ts";

/** Schema of the database that libtpm2_pkcs11 1.9 makes and reads; a library of another schema would not find what is written here. */
const SCHEMA_VERSION = 8;
/** How long another process that writes is waited for. */
const BUSY_MS = 5000;
/** Rows of the token and its primary as the library writes them. */
const TOKEN_CONFIG = '---\n!!map {\n  ? !!str "token-init"\n  : !!bool "true",\n}\n...\n';

/** An object as the TPM gave it: its public and its (encrypted) private part. */
export type SealedObject = { readonly publicBlob: Uint8Array; readonly privateBlob: Uint8Array };

/** A token before it is stored. `salt`s go with the PINs into the authorisations of the seal objects. */
export type NewToken = {
  readonly label: string;
  /** The primary as a serialised ESYS_TR. */
  readonly parent: Uint8Array;
  readonly user: SealedObject & { readonly salt: string };
  readonly officer: SealedObject & { readonly salt: string };
};

/** A token as it is stored. */
export type StoredToken = {
  readonly id: number;
  readonly parent: Uint8Array;
  readonly user: (SealedObject & { readonly salt: string }) | undefined;
  readonly officer: SealedObject;
};

/** A private key as it is stored; `id` is that of its row, `rows` are its own and that of its public half. */
export type StoredKey = SealedObject & {
  readonly label: string;
  readonly id: number;
  readonly rows: readonly number[];
};

const blob = z.instanceof(Uint8Array);
const tokenRow = z.object({
  id: z.number(),
  config: z.string(),
  userpub: blob.nullable(),
  userpriv: blob.nullable(),
  userauthsalt: z.string().nullable(),
  sopub: blob,
  sopriv: blob,
});
const objectRow = z.object({ id: z.number(), attrs: z.string() });

/**
 * The database of libtpm2_pkcs11, so far as making, listing and deleting keys needs it. Every change is one transaction: it is there as a
 * whole, or not at all.
 */
export class TokenStore implements Disposable {
  readonly #database: DatabaseSync;
  readonly #file: string;

  /** Throws `identity.store-unfit` when there is no database, or one of another schema. */
  constructor(storeDir: string) {
    this.#file = join(storeDir, STORE_FILE);
    try {
      // Not better-sqlite3: it is built without double-quoted strings, which the library's own triggers hold.
      this.#database = new DatabaseSync(this.#file, { enableDoubleQuotedStringLiterals: true, timeout: BUSY_MS });
      this.#database.exec("PRAGMA synchronous = FULL");
      this.#requireSchema();
    } catch (error) {
      if (error instanceof AgentError) throw error;
      throw this.#unfit("cannot be read as the database of libtpm2_pkcs11", error);
    }
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  /** Undefined when there is none of this label. */
  token(label: string): StoredToken | undefined {
    const found = this.#database
      .prepare(
        `SELECT tokens.id AS id, pobjects.config AS config, userpub, userpriv, CAST(userauthsalt AS TEXT) AS userauthsalt, sopub, sopriv
         FROM tokens JOIN pobjects ON pobjects.id = tokens.pid JOIN sealobjects ON sealobjects.tokid = tokens.id
         WHERE tokens.label = ?`,
      )
      .get(label);
    if (found === undefined) return undefined;
    const { id, config, userpub, userpriv, userauthsalt, sopub, sopriv } = tokenRow.parse(found);
    const parent = parseAttributes(config).get("esys-tr");
    if (typeof parent !== "string") throw this.#unfit(`holds no persistent primary for the token "${label}"`);
    const hasUser = userpub !== null && userpriv !== null && userauthsalt !== null;
    return {
      id,
      parent: Buffer.from(parent, "hex"),
      user: hasUser ? { publicBlob: userpub, privateBlob: userpriv, salt: userauthsalt } : undefined,
      officer: { publicBlob: sopub, privateBlob: sopriv },
    };
  }

  labels(): readonly string[] {
    const rows = this.#database.prepare("SELECT label FROM tokens WHERE label IS NOT NULL ORDER BY label").all();
    return rows.map((row) => z.object({ label: z.string() }).parse(row).label);
  }

  addToken({ label, parent, user, officer }: NewToken): void {
    const config = `---\n!!map {\n  ? !!str "transient"\n  : !!bool "false",\n  ? !!str "esys-tr"\n  : !!str "${hex(parent)}",\n}\n...\n`;
    this.#transaction(() => {
      const primary = this.#insert("INSERT INTO pobjects (hierarchy, config, objauth) VALUES ('o', ?, '')", config);
      const insertToken = "INSERT INTO tokens (pid, label, config) VALUES (?, ?, ?)";
      const token = this.#insert(insertToken, primary, label, TOKEN_CONFIG);
      this.#insert(
        "INSERT INTO sealobjects (tokid, userpub, userpriv, userauthsalt, sopub, sopriv, soauthsalt) VALUES (?, ?, ?, ?, ?, ?, ?)",
        token,
        user.publicBlob,
        user.privateBlob,
        user.salt,
        officer.publicBlob,
        officer.privateBlob,
        officer.salt,
      );
    });
  }

  /** Private keys of a token, by label. Keys of other kinds than a TPM's key pair are left out. */
  keys(tokenId: number): readonly StoredKey[] {
    const objects = this.#objects(tokenId);
    return objects
      .filter(({ attributes }) => attributes.get(ATTRIBUTE.class) === CLASS.privateKey)
      .flatMap(({ id, attributes }) => {
        const [label, publicBlob, privateBlob] = [ATTRIBUTE.label, ATTRIBUTE.publicBlob, ATTRIBUTE.privateBlob].map(
          (attribute) => bytesOf(attributes.get(attribute)),
        );
        if (label === undefined || publicBlob === undefined || privateBlob === undefined) return [];
        const halves = objects.filter(({ attributes: other }) => other.get(ATTRIBUTE.publicBlob) === hex(publicBlob));
        return [{ label: label.toString("utf8"), id, publicBlob, privateBlob, rows: halves.map((half) => half.id) }];
      })
      .sort((left, right) => (left.label === right.label ? left.id - right.id : left.label < right.label ? -1 : 1));
  }

  /** Gives the id of the new key; stores nothing, and gives undefined, when the token has a private key of this label already. */
  addKey(tokenId: number, key: NewKey): number | undefined {
    return this.#transaction(() => {
      if (this.keys(tokenId).some(({ label }) => label === key.label)) return undefined;
      const [, id] = keyRows(key).map((attributes) =>
        this.#insert("INSERT INTO tobjects (tokid, attrs) VALUES (?, ?)", tokenId, attributesText(attributes)),
      );
      return id;
    });
  }

  deleteKey({ rows }: StoredKey): void {
    this.#transaction(() => {
      const remove = this.#database.prepare("DELETE FROM tobjects WHERE id = ?");
      for (const id of rows) remove.run(id);
    });
  }

  #objects(tokenId: number) {
    const rows = this.#database.prepare("SELECT id, attrs FROM tobjects WHERE tokid = ? ORDER BY id").all(tokenId);
    return rows.map((row) => {
      const { id, attrs } = objectRow.parse(row);
      return { id, attributes: parseAttributes(attrs) };
    });
  }

  #insert(statement: string, ...values: readonly (string | number | Uint8Array)[]): number {
    return Number(this.#database.prepare(statement).run(...values).lastInsertRowid);
  }

  #transaction<T>(change: () => T): T {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const result = change();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  #requireSchema(): void {
    const row = this.#database.prepare("SELECT schema_version AS version FROM schema").get();
    const version = row?.version;
    if (version === SCHEMA_VERSION) return;
    throw this.#unfit(`has schema ${String(version)} of libtpm2_pkcs11, not ${SCHEMA_VERSION}`);
  }

  #unfit(problem: string, cause?: unknown): AgentError {
    return new AgentError("identity.store-unfit", {
      what: `the token store ${this.#file} ${problem}`,
      remedy:
        "use libtpm2-pkcs11-1 1.9 (Debian 12), or set identity.storeDir to a folder that does not exist yet and make the token: causeway key create",
      cause,
    });
  }
}

function bytesOf(value: unknown): Buffer | undefined {
  return typeof value === "string" ? Buffer.from(value, "hex") : undefined;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
