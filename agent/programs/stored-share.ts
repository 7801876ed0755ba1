import { z } from "zod";
import { PROGRAM_STREAMS, type ProgramStream } from "../core/program-streams.ts";
import { type Outbox, type RecordId, STREAMS, type StreamName } from "../ports/outbox.ts";
import { outboxFaultOf } from "../ports/outbox-faults.ts";

/** In so many runs, or up to twice as many, the records of a program are told apart. */
const RUNS = 32;
/** Of a kept share, at most: a larger one is not of this code. */
const MAX_KEPT_RUNS = 1000;

type Run = { readonly stream: StreamName; readonly epoch: number; lastSeq: number; bytes: number };

const keptRuns = z
  .array(
    z.object({
      stream: z.enum(STREAMS),
      epoch: z.int().min(0),
      /** Absent: of records whose ids were not known yet. */
      lastSeq: z.int().min(0).optional(),
      bytes: z.number().min(0),
    }),
  )
  .max(MAX_KEPT_RUNS);

export type ShareOutbox = Pick<Outbox, "stats" | "read" | "lastRow">;

/**
 * Bytes of one program's records in the outbox, never too few, those from before a restart included.
 *
 * Records count until every older one of their stream has left the outbox too, and in runs of up to 1/32 of the bound: while a backlog
 * drains, what was delivered out of its turn still counts. While memory stands in for the disk of the outbox, nothing is forgotten.
 */
export class StoredShare {
  readonly #outbox: ShareOutbox;
  readonly #runBytes: number;
  #runs: Run[] = [];
  #bytes = 0;

  /** `kept` is what `kept` gave with the last records that were stored, in this run of the agent or an earlier one; what cannot be read is none. */
  constructor(outbox: ShareOutbox, maxBytes: number, kept?: Uint8Array) {
    this.#outbox = outbox;
    this.#runBytes = maxBytes / RUNS;
    if (kept !== undefined) this.#restore(kept);
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

  /**
   * What is to be kept beside records that are on their way into the outbox, of which there are so many bytes at most, so that a restart knows
   * both them and what is there. Undefined while memory stands in: the disk has kept what is on it.
   */
  kept(pendingBytes: Readonly<Record<ProgramStream, number>>): Uint8Array | undefined {
    const { epoch, fault } = this.#outbox.stats();
    if (fault !== undefined) return undefined;
    const pending = PROGRAM_STREAMS.flatMap((stream) =>
      pendingBytes[stream] > 0 ? [{ stream, epoch, bytes: pendingBytes[stream] }] : [],
    );
    const runs: z.infer<typeof keptRuns> = [...this.#runs, ...pending];
    return Buffer.from(JSON.stringify(runs));
  }

  /** Forgets what has left the outbox: asks it once a stream. Throws nothing that the disk does. One that the broker has refused for good waits for nobody, and holds nothing up. */
  settle(): void {
    if (this.#runs.length === 0) return;
    if (this.#outbox.stats().fault !== undefined) return;
    let gone: ReadonlySet<Run>;
    try {
      gone = new Set(STREAMS.flatMap((stream) => this.#gone(stream)));
    } catch (thrown) {
      // A disk that cannot be read: what is known counts on.
      if (outboxFaultOf(thrown) === undefined) throw thrown;
      return;
    }
    this.#runs = this.#runs.filter((run) => !gone.has(run));
    this.#bytes = this.#runs.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /**
   * Runs of a stream that are older than all that it has. Runs are in the order in which they were stored: one of an epoch before, of a file
   * that was damaged and brought over, goes with the first later one that is gone.
   */
  #gone(stream: StreamName): readonly Run[] {
    const runs = this.#runs.filter((run) => run.stream === stream);
    if (runs.length === 0) return [];
    const [oldest] = this.#outbox.read(stream, 0, this.#outbox.lastRow(), 1, 0);
    // Where there are records and none could be read, the oldest was damaged: the next look finds another.
    if (oldest === undefined) return this.#outbox.stats().streams[stream].records === 0 ? runs : [];
    const last = runs.findLastIndex((run) => run.epoch === oldest.epoch && run.lastSeq < oldest.seq);
    return runs.slice(0, last + 1);
  }

  #restore(kept: Uint8Array): void {
    const read = keptRuns.safeParse(jsonOf(kept));
    if (!read.success) return;
    const { streams } = this.#outbox.stats();
    // The id of what was on its way is not known; it is none that comes after this.
    const known = (stream: StreamName): number => streams[stream].lastSeq;
    this.#runs = read.data.map(({ lastSeq, ...run }) => ({ ...run, lastSeq: lastSeq ?? known(run.stream) }));
    this.settle();
  }
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
}
