const KEPT_SAMPLES = 15;
/** When the first of them is looked for on a connection, ms, so many at a time, and how often that is repeated, since links change. */
const FIRST_LOOK_MS = 500;
const LOOK_SAMPLES = 5;
const LOOK_EVERY_MS = 10_000;
/** Not more of the time than this goes to it on a link that is slow: a look takes some PUBACKs. */
const LOOK_EVERY_PUBACKS = 100;
/** PUBACKs may take so many times as long while the backlog goes out: what is fresh then waits less than twice as long as without one. */
const MOST_TIMES = 1.7;
/** Of a window so many must have taken longer: some do on a link whose PUBACKs come unevenly. */
const SLOW_SHARE = 2 / 3;
/** What the window is multiplied by then, and how many records it gains otherwise. */
const SHRINK = 0.75;
const GAIN = 1;
/** So many are always on their way, however long it takes: a link whose PUBACKs come unevenly must not starve the backlog. */
const LEAST_RECORDS = 2;

/** A record whose PUBACK has come, and how long that took, ms. */
export type Acknowledged = { readonly row: number; readonly isBacklog: boolean; readonly tookMs: number };

/**
 * How many records of the backlog are on their way at a time: as many as the link and the machine carry without a queue in which fresh records
 * would wait. The way of LEDBAT (RFC 6817): the time that PUBACKs take is held against the one that they take without a backlog. Where most
 * of a window take longer it shrinks, otherwise it grows.
 */
export class BacklogWindow {
  /** Not above `#most` once that is known. */
  #records: number = LEAST_RECORDS;
  #most = Number.POSITIVE_INFINITY;
  #samples: number[] = [];
  /** ms that a PUBACK takes without a backlog; undefined until that is known. */
  #clearMs: number | undefined;
  /** Records on their way that none of the backlog went before, or after. */
  readonly #clear = new Set<number>();
  #lookDueMs = 0;
  /** Samples that the look still wants; 0 while there is none. */
  #wanted = 0;
  #quick = 0;
  #slow = 0;

  /** Another connection is another link: it begins with few, and grows into what this one carries. */
  startConnection(nowMs: number): void {
    this.#records = LEAST_RECORDS;
    this.#samples = [];
    this.#clearMs = undefined;
    this.#clear.clear();
    this.#lookDueMs = nowMs + FIRST_LOOK_MS;
    this.#wanted = 0;
    this.#quick = 0;
    this.#slow = 0;
  }

  /** Most records of the backlog that may be on their way, from 1 to `most`. */
  limit(most: number, nowMs: number): number {
    if (this.#wanted === 0 && nowMs >= this.#lookDueMs) this.#wanted = LOOK_SAMPLES;
    this.#most = most;
    return this.#wanted > 0 ? 1 : Math.max(1, Math.min(most, Math.floor(this.#records)));
  }

  /** `backlog`: records of it that were on their way already. */
  noteSent(row: number, isBacklog: boolean, backlog: number): void {
    if (isBacklog) this.#clear.clear();
    if (backlog === 0) this.#clear.add(row);
  }

  noteAcked({ row, isBacklog, tookMs }: Acknowledged, nowMs: number): void {
    if (this.#clear.delete(row)) this.#noteClear(tookMs, nowMs);
    else if (isBacklog) this.#weigh(tookMs);
  }

  /** No PUBACK comes for it. */
  forget(row: number): void {
    this.#clear.delete(row);
  }

  #noteClear(tookMs: number, nowMs: number): void {
    this.#samples = [...this.#samples.slice(1 - KEPT_SAMPLES), tookMs];
    const sorted = this.#samples.toSorted((left, right) => left - right);
    const clearMs = sorted[Math.floor(sorted.length / 2)] ?? tookMs;
    this.#clearMs = clearMs;
    if (this.#wanted === 0) return;
    this.#wanted -= 1;
    const everyMs = Math.max(LOOK_EVERY_MS, LOOK_EVERY_PUBACKS * clearMs);
    if (this.#wanted === 0) this.#lookDueMs = nowMs + everyMs;
  }

  /** Decides once a window of them has come. */
  #weigh(tookMs: number): void {
    const clearMs = this.#clearMs;
    if (clearMs === undefined) return;
    if (tookMs > clearMs * MOST_TIMES) this.#slow += 1;
    else this.#quick += 1;
    const records = Math.min(this.#most, this.#records);
    const all = this.#slow + this.#quick;
    if (all < records) return;
    this.#records =
      this.#slow > all * SLOW_SHARE ? Math.max(LEAST_RECORDS, records * SHRINK) : Math.min(this.#most, records + GAIN);
    this.#slow = 0;
    this.#quick = 0;
  }
}
