import type Database from "better-sqlite3";
import { STREAMS, type StreamName } from "../../ports/outbox.ts";
import { accountState, SeqAccount } from "../store/seq-account.ts";
import type { Gap } from "../store/sink.ts";

type Key = [thing: string, epoch: number, stream: string];
type Row = { readonly thing: string; readonly epoch: number; readonly stream: string; readonly state: string };

/** Accounts that are read at a time when gaps are looked for. */
const PAGE = 100;

/** What has come of each thing, epoch and stream. */
export class AccountTable {
  readonly #get: Database.Statement<Key, Row>;
  readonly #set: Database.Statement<[...Key, state: string]>;
  readonly #page: Database.Statement<[...Key, rows: number], Row>;

  constructor(database: Database.Database) {
    this.#get = database.prepare("SELECT * FROM accounts WHERE thing = ? AND epoch = ? AND stream = ?");
    this.#set = database.prepare(
      "INSERT INTO accounts (thing, epoch, stream, state) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state",
    );
    this.#page = database.prepare(
      "SELECT * FROM accounts WHERE (thing, epoch, stream) > (?, ?, ?) ORDER BY thing, epoch, stream LIMIT ?",
    );
  }

  /** The accounts of one transaction, which are written by its `save`. */
  open(): OpenAccounts {
    return new OpenAccounts(
      (key) => {
        const row = this.#get.get(...key);
        return row === undefined ? new SeqAccount() : accountOf(row);
      },
      (key, account) => {
        this.#set.run(...key, JSON.stringify(account.state()));
      },
    );
  }

  /** Gaps that have been known since `untilUs` or longer, by thing, epoch, stream and seq. */
  *gaps(untilUs: number): Generator<Gap> {
    let after: Key = ["", -1, ""];
    for (;;) {
      const page = this.#page.all(...after, PAGE);
      for (const row of page) {
        const stream = streamOf(row.stream);
        if (stream === undefined) continue;
        for (const gap of accountOf(row).gaps(untilUs)) yield { thing: row.thing, epoch: row.epoch, stream, ...gap };
      }
      const last = page.at(-1);
      if (last === undefined) return;
      after = [last.thing, last.epoch, last.stream];
    }
  }
}

/** Accounts that are read once and written once, in one transaction. */
export class OpenAccounts {
  readonly #read: (key: Key) => SeqAccount;
  readonly #write: (key: Key, account: SeqAccount) => void;
  readonly #open = new Map<string, { readonly key: Key; readonly account: SeqAccount }>();

  constructor(read: (key: Key) => SeqAccount, write: (key: Key, account: SeqAccount) => void) {
    this.#read = read;
    this.#write = write;
  }

  of(...key: Key): SeqAccount {
    const name = key.join("\u0000");
    const known = this.#open.get(name);
    if (known !== undefined) return known.account;
    const account = this.#read(key);
    this.#open.set(name, { key, account });
    return account;
  }

  save(): void {
    for (const { key, account } of this.#open.values()) this.#write(key, account);
  }
}

function accountOf({ state }: Row): SeqAccount {
  return new SeqAccount(accountState.parse(JSON.parse(state)));
}

function streamOf(text: string): StreamName | undefined {
  return STREAMS.find((stream) => stream === text);
}
