import type Database from "better-sqlite3";
import type { ClockQuality } from "../../core/clock.ts";
import { boottimeUsOf, rankOf } from "../../telemetry/record/read/correct-times.ts";
import { type Anchor, betterAnchor } from "../store/clock-offsets.ts";

type Row = {
  readonly thing: string;
  readonly boot_id: string;
  readonly monotonic_us: number;
  readonly wall_us: number;
  readonly quality: ClockQuality;
};
type Key = [thing: string, bootId: string];

/** The best clock of each boot, and how far files are behind it. For use in a transaction. */
export class ClockTable {
  readonly #get: Database.Statement<Key, Row>;
  readonly #set: Database.Statement<
    [thing: string, bootId: string, monotonicUs: number, wallUs: number, quality: string, rank: number]
  >;
  readonly #wrote: Database.Statement<[rank: number, thing: string, bootId: string]>;
  readonly #behind: Database.Statement<[], Row>;

  constructor(database: Database.Database) {
    this.#get = database.prepare("SELECT * FROM clocks WHERE thing = ? AND boot_id = ?");
    this.#set = database.prepare(
      `INSERT INTO clocks (thing, boot_id, monotonic_us, wall_us, quality, rank) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET monotonic_us = excluded.monotonic_us, wall_us = excluded.wall_us, quality = excluded.quality,
       rank = excluded.rank`,
    );
    this.#wrote = database.prepare(
      "UPDATE clocks SET written = min(coalesce(written, 9), ?) WHERE thing = ? AND boot_id = ?",
    );
    this.#behind = database.prepare("SELECT * FROM clocks WHERE written < rank ORDER BY thing, boot_id");
  }

  best(thing: string, bootId: string): Anchor | undefined {
    const row = this.#get.get(thing, bootId);
    return row === undefined ? undefined : anchorOf(row);
  }

  /** Takes an anchor of a boot, and gives the best one of it: `anchor` itself where that is better than what was known. */
  learn(thing: string, bootId: string, anchor: Anchor): Anchor {
    const before = this.best(thing, bootId);
    if (before !== undefined && betterAnchor(before, anchor) === before) return before;
    const { wallUs, quality } = anchor;
    this.#set.run(thing, bootId, boottimeUsOf(anchor), wallUs, quality, rankOf(quality));
    return anchor;
  }

  /** A file holds times of this quality. */
  wrote(thing: string, bootId: string, quality: ClockQuality): void {
    this.#wrote.run(rankOf(quality), thing, bootId);
  }

  /** Boots whose best clock is better than that of times in files. */
  *behind(): Generator<{ readonly thing: string; readonly bootId: string; readonly best: Anchor }> {
    for (const row of this.#behind.iterate()) {
      yield { thing: row.thing, bootId: row.boot_id, best: anchorOf(row) };
    }
  }
}

function anchorOf({ monotonic_us: monotonicUs, wall_us: wallUs, quality }: Row): Anchor {
  return { monotonicUs, wallUs, quality };
}
