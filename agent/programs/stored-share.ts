import { type Outbox, type RecordId, STREAMS, type StreamName } from "../ports/outbox.ts";

/** In so many runs, or up to twice as many, the records of a program are told apart. */
const RUNS = 32;

type Run = { readonly stream: StreamName; readonly epoch: number; lastSeq: number; bytes: number };

/**
 * Bytes of one program's records in the outbox, never too few of those since start.
 *
 * Records count until every older one of their stream has left the outbox too, and in runs of up to 1/32 of the bound: while a backlog
 * drains, what was delivered out of its turn still counts.
 */
export class StoredShare {
  readonly #outbox: Pick<Outbox, "stats" | "read" | "lastRow">;
  readonly #runBytes: number;
  #runs: Run[] = [];
  #bytes = 0;

  constructor(outbox: Pick<Outbox, "stats" | "read" | "lastRow">, maxBytes: number) {
    this.#outbox = outbox;
    this.#runBytes = maxBytes / RUNS;
  }

  /** As of the last `settle`, with what came since. */
  get bytes(): number {
    return this.#bytes;
  }

  add({ stream, epoch, seq }: RecordId, bytes: number): void {
    this.#bytes += bytes;
    const last = this.#runs.findLast((run) => run.stream === stream && run.epoch === epoch);
    if (last !== undefined && last.bytes + bytes <= this.#runBytes) {
      last.lastSeq = seq;
      last.bytes += bytes;
    } else {
      this.#runs.push({ stream, epoch, lastSeq: seq, bytes });
    }
  }

  /** Forgets what has left the outbox: asks it once a stream. One that the broker has refused for good waits for nobody, and holds nothing up. */
  settle(): void {
    if (this.#runs.length === 0) return;
    const { epoch } = this.#outbox.stats();
    const lastRow = this.#outbox.lastRow();
    const oldest = new Map(STREAMS.map((stream) => [stream, this.#outbox.read(stream, 0, lastRow, 1, 0)[0]?.seq]));
    const isStored = (run: Run): boolean =>
      run.epoch === epoch && run.lastSeq >= (oldest.get(run.stream) ?? Number.POSITIVE_INFINITY);
    this.#runs = this.#runs.filter(isStored);
    this.#bytes = this.#runs.reduce((sum, { bytes }) => sum + bytes, 0);
  }
}
