import { createHash } from "node:crypto";
import { z } from "zod";
import { keyOf, type RowKey, type RowStore } from "../store/row-store.ts";
import { type Person, person, type SignInSecrets, signInSecrets } from "./identity-provider.ts";

/** A session ends so long after the sign-in, ms. */
export const SESSION_MS = 8 * 3_600_000;
/** A sign-in is under way for so long, ms. */
export const SIGN_IN_MS = 600_000;

export type SessionsParts = {
  readonly rows: RowStore;
  /** 256 random bits, base64url. */
  readonly token: () => string;
  readonly nowMs: () => number;
};

const sessionRow = z.strictObject({ person });

/**
 * Sessions and sign-ins under way. A browser holds a random token, the store its digest: neither the store nor a copy of it is a way in.
 * A session gets a new token at each sign-in, and is gone at sign-out wherever its cookie went.
 */
export class Sessions {
  readonly #parts: SessionsParts;

  constructor(parts: SessionsParts) {
    this.#parts = parts;
  }

  /** Gives the token. */
  async open(of: Person): Promise<string> {
    return await this.#put("session", [], JSON.stringify({ person: of }), SESSION_MS);
  }

  async find(token: string | undefined): Promise<Person | undefined> {
    if (token === undefined) return undefined;
    const text = await this.#parts.rows.get(keyAt("session", [token]), this.#parts.nowMs());
    return text === undefined ? undefined : sessionRow.parse(JSON.parse(text)).person;
  }

  /** Ends a session; gives whose it was. */
  async close(token: string | undefined): Promise<Person | undefined> {
    if (token === undefined) return undefined;
    const text = await this.#parts.rows.take(keyAt("session", [token]), this.#parts.nowMs());
    return text === undefined ? undefined : sessionRow.parse(JSON.parse(text)).person;
  }

  /** Keeps what belongs to a sign-in that begins; gives the token by which the same browser is known when it comes back. */
  async beginSignIn(secrets: SignInSecrets): Promise<string> {
    return await this.#put("sign-in", [secrets.state], JSON.stringify(secrets), SIGN_IN_MS);
  }

  /** Once, and only to the browser that began it, with the state that came back. */
  async takeSignIn(token: string | undefined, state: string | undefined): Promise<SignInSecrets | undefined> {
    if (token === undefined || state === undefined) return undefined;
    const text = await this.#parts.rows.take(keyAt("sign-in", [token, state]), this.#parts.nowMs());
    return text === undefined ? undefined : signInSecrets.parse(JSON.parse(text));
  }

  async #put(kind: string, others: readonly string[], text: string, lifeMs: number): Promise<string> {
    const token = this.#parts.token();
    const nowMs = this.#parts.nowMs();
    const life = { nowMs, expiresAtMs: nowMs + lifeMs };
    const isNew = await this.#parts.rows.putNew(keyAt(kind, [token, ...others]), text, life);
    if (!isNew) throw new Error("a random token came twice");
    return token;
  }
}

function keyAt(kind: string, secrets: readonly string[]): RowKey {
  return keyOf([kind, createHash("sha256").update(JSON.stringify(secrets)).digest("base64url")], ["-"]);
}
