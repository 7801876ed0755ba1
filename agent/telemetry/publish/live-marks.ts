/** A record that could not be sent for this long is not live any more: it joins the backlog. */
const LIVE_MS = 10_000;

/** Remembers the newest row of each moment, and so tells up to which row records are not live any more. */
export class LiveMarks {
  #marks: { readonly atMs: number; readonly row: number }[] = [];

  /** A new connection: what is stored by now is backlog, and what comes from here on begins anew. */
  clear(): void {
    this.#marks = [];
  }

  /** Notes the newest row, and gives the newest that is not live any more; undefined when none has become so. */
  note(nowMs: number, lastRow: number): number | undefined {
    this.#marks.push({ atMs: nowMs, row: lastRow });
    const live = this.#marks.findIndex(({ atMs }) => atMs > nowMs - LIVE_MS);
    return this.#marks.splice(0, live).at(-1)?.row;
  }
}
