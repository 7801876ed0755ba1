import { correctionOf, type TimeCorrection } from "../../telemetry/record/read/correct-times.ts";
import type { DecodedRecord } from "../../telemetry/record/read/decoded-record.ts";
import { type Anchor, betterAnchor, isOfBoot } from "../store/clock-offsets.ts";
import { type RecordTable, type TableBody, withPart } from "../store/record-table.ts";

/** Boots and tables that are remembered; of what is beyond, times stay as they are and signals without names. */
const MAX_KNOWN = 100_000;

/** What records say of others: signal tables, and the best clock of each boot. For a reader that has no store. */
export class KnownTables {
  /** By thing and id: a thing speaks for itself alone. */
  readonly #tables = new Map<string, RecordTable>();
  /** By id alone: what the caller vouches for. */
  readonly #given = new Map<string, RecordTable>();
  readonly #anchors = new Map<string, Anchor>();

  /** Takes a part of a table for any thing. */
  give(part: TableBody): void {
    this.#given.set(part.id, withPart(this.#given.get(part.id), part));
  }

  /** Takes what a record says of others: the part of a table that it holds, and its anchor. */
  learn({ thing, bootId, anchor, body }: DecodedRecord): void {
    const boot = `${thing}\u0000${bootId}`;
    const best = this.#anchors.get(boot);
    if (isOfBoot({ bootId }) && (best !== undefined || this.#anchors.size < MAX_KNOWN)) {
      this.#anchors.set(boot, best === undefined ? anchor : betterAnchor(best, anchor));
    }
    if (body.kind !== "table") return;
    const key = `${thing}\u0000${body.id}`;
    const known = this.#tables.get(key);
    if (known !== undefined || this.#tables.size < MAX_KNOWN) this.#tables.set(key, withPart(known, body));
  }

  /** The table that the samples of a record are of, as far as it is known. */
  tableOf({ thing, body }: DecodedRecord): RecordTable | undefined {
    if (body.kind !== "samples") return undefined;
    return this.#tables.get(`${thing}\u0000${body.table}`) ?? this.#given.get(body.table);
  }

  /** Whether nothing that a record's samples need is missing. */
  knows(record: DecodedRecord): boolean {
    if (record.body.kind !== "samples") return true;
    const signals = this.tableOf(record)?.signals;
    return signals !== undefined && record.body.columns.every(({ signal }) => signals.has(signal));
  }

  /** By the best clock of the boot of a record. */
  correctionOf({ thing, bootId, anchor }: DecodedRecord): TimeCorrection {
    const best = this.#anchors.get(`${thing}\u0000${bootId}`);
    return correctionOf(anchor, best === undefined ? [] : [best]);
  }
}
