import { z } from "zod";
import { STREAMS, type StreamName } from "../../ports/outbox.ts";
import { accountState, SeqAccount } from "../store/seq-account.ts";
import type { Gap } from "../store/sink.ts";
import { type AccountEntry, enterAll, entryText, parseEntry } from "./account-entry.ts";
import { damaged, number, text, textIn } from "./attributes.ts";
import type { DynamoTable, Item } from "./table-client.ts";

/** Whose seqs an account is of. */
export type AccountOwner = { readonly thing: string; readonly epoch: number; readonly stream: StreamName };

/** Ranges of each kind that an account holds; its item, which is written whole at each commit, then has about 60 KB. What is over it shows as gaps. */
const MAX_RANGES = 1000;
/** Entries, and bytes of them, that are put into the state by whoever adds one more. */
const FOLD_AT = 48;
const FOLD_BYTES = 32_000;
/** Bytes of entries that are added at once, at least one. With a full state and those of several workers an item stays below its 400 KB. */
const ADD_BYTES = 32_000;

const PREFIX = "seen#";
const stream = z.enum(STREAMS);

/**
 * Accounts of seqs, one item each: a state, and beside it entries that are not in it yet. Entries are added to a set, which needs no
 * condition: workers never wait for each other. One of them folds entries into the state when there are many; where two do so at once,
 * one of them does nothing.
 */
export class AccountStore {
  readonly #table: DynamoTable;

  constructor(table: DynamoTable) {
    this.#table = table;
  }

  /** `expiresAt` in s since the Unix epoch. */
  async add(owner: AccountOwner, entries: readonly AccountEntry[], expiresAt: number): Promise<void> {
    for (const lines of cutLines([...new Set(entries.map(entryText))])) {
      const item = await this.#table.update(keyOf(owner), {
        expression: "ADD recent :new SET expires_at = :end",
        values: { ":new": { SS: [...lines] }, ":end": number(expiresAt) },
      });
      const recent = item?.recent?.SS ?? [];
      const bytes = recent.reduce((sum, line) => sum + line.length, 0);
      if (item !== undefined && (recent.length >= FOLD_AT || bytes >= FOLD_BYTES)) await this.#fold(owner, item);
    }
  }

  /** Of all things, known since `untilUs` or longer. Reads the whole table. */
  async *gaps(untilUs: number): AsyncGenerator<Gap> {
    const filter = { expression: "begins_with(fact, :seen)", values: { ":seen": text(PREFIX) } };
    for await (const item of this.#table.scan(filter)) {
      const owner = ownerOf(item);
      for (const gap of accountOf(item).account.gaps(untilUs)) yield { ...owner, ...gap };
    }
  }

  async #fold(owner: AccountOwner, item: Item): Promise<void> {
    const { account, version, lines } = accountOf(item);
    const values = {
      ":state": text(JSON.stringify(account.state())),
      ":next": number(version + 1),
      ":folded": { SS: [...lines] },
      ":version": number(version),
    };
    const expression = "SET account = :state, version = :next DELETE recent :folded";
    const known = version === 0 ? "(attribute_not_exists(version) OR version = :version)" : "version = :version";
    await this.#table.update(keyOf(owner), { expression, values }, known);
  }
}

/** The lines in portions of at most `ADD_BYTES`, but for one that is longer by itself. */
function cutLines(lines: readonly string[]): readonly (readonly string[])[] {
  const portions: string[][] = [];
  let bytes = 0;
  for (const line of lines) {
    if (portions.length === 0 || bytes + line.length > ADD_BYTES) {
      portions.push([]);
      bytes = 0;
    }
    portions.at(-1)?.push(line);
    bytes += line.length;
  }
  return portions;
}

function keyOf({ thing, epoch, stream }: AccountOwner): Item {
  return { thing: text(thing), fact: text(`${PREFIX}${epoch}#${stream}`) };
}

function ownerOf(item: Item): AccountOwner {
  const [, epoch, name] = textIn(item, "fact").split("#");
  const known = stream.safeParse(name);
  if (!known.success || !Number.isSafeInteger(Number(epoch))) throw damaged(item, "names no epoch and stream");
  return { thing: textIn(item, "thing"), epoch: Number(epoch), stream: known.data };
}

function accountOf(item: Item): {
  readonly account: SeqAccount;
  readonly version: number;
  readonly lines: readonly string[];
} {
  const lines = item.recent?.SS ?? [];
  const account = new SeqAccount(stateOf(item), MAX_RANGES);
  enterAll(
    account,
    lines.map((line) => parseEntry(line) ?? fail(item, `does not know the entry ${JSON.stringify(line.slice(0, 80))}`)),
  );
  return { account, version: Number(item.version?.N ?? 0), lines };
}

function stateOf(item: Item): z.infer<typeof accountState> | undefined {
  if (item.account?.S === undefined) return undefined;
  try {
    return accountState.parse(JSON.parse(item.account.S));
  } catch (thrown) {
    throw damaged(item, "holds no account", thrown);
  }
}

function fail(item: Item, problem: string): never {
  throw damaged(item, problem);
}
