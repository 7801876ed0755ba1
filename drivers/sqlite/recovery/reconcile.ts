import type Database from "better-sqlite3";
import type { LossRange } from "../../../agent/ports/outbox.ts";
import { streamOf } from "../outbox/codes.ts";
import { LossTable } from "../outbox/losses.ts";
import { endEpoch, PastEpochs } from "../outbox/past-epochs.ts";
import { RecordTable } from "../outbox/records.ts";
import type { FoundWatermark, OwedRange } from "./watermark.ts";

/** What reason a loss gives for people. */
const DETAIL = "outbox.db damaged";

const LESS = "less was found than promised";

/** A sound database compared with what was promised: why its epoch must end, and what it lost. */
export type Reconciled = { readonly why: string; readonly losses: readonly LossRange[] } | undefined;

/** What `reconcile` compares, and where the next epoch comes from. */
export type ReconcileParts = {
  readonly database: Database.Database;
  readonly found: FoundWatermark;
  /** Whether a watermark was made with the database. */
  readonly hasWatermark: boolean;
  readonly drawEpoch: () => number;
};

/**
 * Compares a database that SQLite found sound with what was promised. What was promised and is not known to it is noted as lost,
 * "damaged", and the epoch ends, so that no seq is given out twice; the epoch also ends where that cannot be known.
 *
 * A kill leaves at most one commit that is not promised; only after a close in order must both be equal.
 */
export function reconcile({ database, found, hasWatermark, drawEpoch }: ReconcileParts): Reconciled {
  return database
    .transaction((): Reconciled => {
      const known = knownRanges(database);
      const missing = found.kind === "found" ? found.promises.owed.flatMap((owed) => missingOf(owed, known)) : [];
      const why = missing.length > 0 ? LESS : epochProblemOf(found, hasWatermark, known);
      if (why === undefined) return undefined;
      renewEpoch(database, drawEpoch);
      return { why, losses: noteMissing(database, missing) };
    })
    .immediate();
}

/** Notes in one transaction the loss of what is owed and not known to `database`, and returns it. */
export function noteMissingAsLost(
  database: Database.Database,
  owed: readonly OwedRange[],
  detail: string,
): readonly LossRange[] {
  const known = knownRanges(database);
  const missing = owed.flatMap((range) => missingOf(range, known));
  return database.transaction(() => noteMissing(database, missing, detail)).immediate();
}

/** Notes the loss of seqs that were promised and were not kept, and returns it. */
export function noteDamaged(range: OwedRange, records: RecordTable, losses: LossTable, detail = DETAIL): LossRange {
  const { epoch, stream, first, last } = range;
  const loss = { epoch, stream: streamOf(stream), first, last, reason: "damaged", detail } as const;
  losses.note(loss);
  records.countLost(stream, last - first + 1);
  records.includePast(range);
  return loss;
}

/** The records that were lost. */
export function recordsIn(losses: readonly Pick<LossRange, "first" | "last">[]): number {
  return losses.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}

function noteMissing(
  database: Database.Database,
  missing: readonly OwedRange[],
  detail = DETAIL,
): readonly LossRange[] {
  const table = new RecordTable(database);
  const ledger = new LossTable(database);
  const losses = missing.map((range) => noteDamaged(range, table, ledger, detail));
  table.persist();
  return losses;
}

function missingOf(owed: OwedRange, known: readonly OwedRange[]): readonly OwedRange[] {
  const { epoch, stream, last } = owed;
  const same = known.find((range) => range.epoch === epoch && range.stream === stream);
  const first = Math.max(owed.first, (same?.last ?? 0) + 1);
  return first > last ? [] : [{ epoch, stream, first, last }];
}

/** Why the database may have given out seqs that it does not know of; undefined when it cannot. */
function epochProblemOf(found: FoundWatermark, hasWatermark: boolean, known: readonly OwedRange[]): string | undefined {
  if (!hasWatermark) return undefined;
  if (found.kind !== "found") return `the watermark is ${found.kind}`;
  if (found.promises.epoch !== known[0]?.epoch) return "the watermark is of another epoch";
  const differs = (isWrong: (last: number, promised: number) => boolean): boolean =>
    found.promises.owed.some(({ epoch, stream, last }) =>
      known.some((range) => range.epoch === epoch && range.stream === stream && isWrong(range.last, last)),
    );
  // Also where nothing is owed: what was delivered must not be given out again.
  if (differs((last, promised) => last < promised)) return LESS;
  return found.isClosed && differs((last, promised) => last !== promised)
    ? "seqs differ from those at the close"
    : undefined;
}

/** Highest seq that the database knows of each epoch and stream, those of its own epoch first. */
function knownRanges(database: Database.Database): readonly OwedRange[] {
  const current = database
    .prepare<[], OwedRange>("SELECT epoch, stream, 1 AS first, last_seq AS last FROM outbox, streams")
    .all();
  return [...current, ...new PastEpochs(database).list()];
}

function renewEpoch(database: Database.Database, drawEpoch: () => number): void {
  const ended = database.prepare<[], number>("SELECT epoch FROM outbox").pluck().get() ?? 0;
  endEpoch(database, ended);
  const drawn = drawEpoch();
  database.prepare<[number]>("UPDATE outbox SET epoch = ?").run(drawn === ended ? otherThan(drawn) : drawn);
  database.exec("UPDATE streams SET last_seq = 0, oldest_seq = 0");
}

function otherThan(epoch: number): number {
  return epoch > 1 ? epoch - 1 : epoch + 1;
}
