/** One delivered record, as a consumer reports it. */
export type Delivery = {
  readonly consumer: string;
  readonly thing: string;
  readonly epoch: number;
  readonly stream: string;
  readonly seq: number;
  readonly samples: number;
  readonly bytes: number;
  /** Both consumers get every signal table, and the broker repeats a retained one to each that subscribes. */
  readonly copies: boolean;
  /** Seqs of the records of which it holds the samples that were kept. */
  readonly standsFor: readonly number[];
};

/** A loss record: seq `first`..`last` will not come. */
export type ReportedLoss = {
  readonly epoch: number;
  readonly stream: string;
  readonly first: number;
  readonly last: number;
  /** Of thinned records: those of the range that do not come, and have no other loss, are in records among these seqs. */
  readonly kept?: { readonly first: number; readonly last: number } | undefined;
};

/** Highest seq that an outbox assigned in one stream. */
export type LastSeq = { readonly epoch: number; readonly stream: string; readonly lastSeq: number };

/** Result of the comparison at the end. */
export type Gaps = {
  /** Records that were stored, were not delivered, and that no loss record covers. */
  readonly missing: number;
  /** Records that loss records cover. */
  readonly reportedLost: number;
  /** Records that came with fewer samples in another one, which says so, as does a loss record. */
  readonly thinned: number;
  /** Delivered under an id that the outbox never assigned. */
  readonly unknown: number;
  /** "epoch/stream/seq" of the first missing ones. */
  readonly examples: readonly string[];
};

const MAX_EXAMPLES = 10;

/** Exact account of what was delivered: every (epoch, stream, seq) of one thing. */
export class DeliveryAccount {
  readonly #delivered = new Map<string, { readonly seqs: Set<number>; highest: number }>();
  /** Seqs that delivered records stand for. */
  readonly #thinned = new Map<string, Set<number>>();
  readonly #losses = new Map<string, ReportedLoss[]>();
  readonly #copies = new Set<string>();
  /** Distinct records. */
  records = 0;
  /** Deliveries of an id that had come before. */
  duplicates = 0;
  samples = 0;
  payloadBytes = 0;

  /** Enters one delivery; true when its id is new. */
  note(delivery: Delivery): boolean {
    const key = keyOf(delivery.epoch, delivery.stream);
    const known = this.#delivered.get(key) ?? { seqs: new Set(), highest: 0 };
    this.#delivered.set(key, known);
    const isNew = !known.seqs.has(delivery.seq);
    if (isNew) {
      known.seqs.add(delivery.seq);
      known.highest = Math.max(known.highest, delivery.seq);
      this.records += 1;
      this.samples += delivery.samples;
      this.payloadBytes += delivery.bytes;
      const thinned = this.#thinned.get(key) ?? new Set();
      this.#thinned.set(key, thinned);
      for (const seq of delivery.standsFor) thinned.add(seq);
    } else if (!delivery.copies || this.#copies.has(`${delivery.consumer} ${key} ${delivery.seq}`)) {
      this.duplicates += 1;
    }
    if (delivery.copies) this.#copies.add(`${delivery.consumer} ${key} ${delivery.seq}`);
    return isNew;
  }

  noteLoss(loss: ReportedLoss): void {
    const key = keyOf(loss.epoch, loss.stream);
    this.#losses.set(key, [...(this.#losses.get(key) ?? []), loss]);
  }

  /** Holes below the highest seq that has come, without loss records: what can be said while records are still on their way. */
  holes(): number {
    let holes = 0;
    for (const [key, { seqs, highest }] of this.#delivered) {
      const all = this.#losses.get(key) ?? [];
      const losses = all.filter(({ kept }) => kept === undefined);
      const lost = losses.reduce((sum, { first, last }) => sum + last - first + 1, 0);
      let thinned = 0;
      for (let seq = 1; all.length > losses.length && seq <= highest; seq++) {
        if (!seqs.has(seq) && !isIn(losses, seq) && isIn(all, seq)) thinned += 1;
      }
      holes += Math.max(0, highest - seqs.size - lost - thinned);
    }
    return holes;
  }

  /** Compares with the highest seqs that the outbox assigned. */
  gaps(lastSeqs: readonly LastSeq[]): Gaps {
    const examples: string[] = [];
    let missing = 0;
    let reportedLost = 0;
    let thinned = 0;
    let known = 0;
    for (const { epoch, stream, lastSeq } of lastSeqs) {
      const key = keyOf(epoch, stream);
      const seqs = this.#delivered.get(key)?.seqs ?? new Set();
      const all = this.#losses.get(key) ?? [];
      const losses = all.filter(({ kept }) => kept === undefined);
      const standIns = this.#thinned.get(key) ?? new Set();
      // Where a record that stood for others is lost, what it stood for is lost with it, and nobody can say any more which those were.
      const toldAsThinned = all.filter(({ kept }) => kept !== undefined);
      const lostWith = toldAsThinned.filter(
        ({ kept }) => kept && losses.some(({ first, last }) => first <= kept.last && kept.first <= last),
      );
      for (let seq = 1; seq <= lastSeq; seq++) {
        if (seqs.has(seq)) known += 1;
        else if (isIn(losses, seq)) reportedLost += 1;
        else if (standIns.has(seq) && isIn(toldAsThinned, seq)) thinned += 1;
        else if (isIn(lostWith, seq)) reportedLost += 1;
        else {
          missing += 1;
          if (examples.length < MAX_EXAMPLES) examples.push(`${key}/${seq}`);
        }
      }
    }
    return { missing, reportedLost, thinned, unknown: this.records - known, examples };
  }
}

function isIn(losses: readonly ReportedLoss[], seq: number): boolean {
  return losses.some(({ first, last }) => first <= seq && seq <= last);
}

function keyOf(epoch: number, stream: string): string {
  return `${epoch}/${stream}`;
}
