import type { PublishedStream } from "./publisher-protocol.ts";

/** The rows of one record, as a reader of a sink finds them. */
export type FoundRecord = {
  readonly thing: string;
  readonly epoch: number;
  readonly stream: string;
  readonly seq: number;
  readonly samples: number;
};

/** What is in a sink, against what was published. */
export type SinkAccount = {
  /** Records of samples that were published. */
  readonly published: number;
  /** Samples in the sink. */
  readonly samples: number;
  /** Records that are not there. */
  readonly gaps: number;
  /** Records whose rows are there twice or more often. */
  readonly repeats: number;
  /** Records of which some rows are missing, or too many. */
  readonly partial: number;
  /** Records that nobody published. */
  readonly strangers: number;
};

/** Compares id by id. Streams without samples leave no rows, and are not looked for. */
export function accountOf(published: readonly PublishedStream[], found: Iterable<FoundRecord>): SinkAccount {
  const samplesOf = new Map<string, number>();
  for (const { thing, epoch, stream, samples } of published) {
    for (const [at, count] of samples.entries())
      if (count > 0) samplesOf.set(`${thing} ${epoch} ${stream} ${at + 1}`, count);
  }
  const account = { published: samplesOf.size, samples: 0, gaps: 0, repeats: 0, partial: 0, strangers: 0 };
  const seen = new Set<string>();
  for (const { thing, epoch, stream, seq, samples } of found) {
    const id = `${thing} ${epoch} ${stream} ${seq}`;
    const expected = samplesOf.get(id);
    account.samples += samples;
    if (expected === undefined) account.strangers += 1;
    else if (seen.has(id) || samples >= 2 * expected) account.repeats += 1;
    else if (samples !== expected) account.partial += 1;
    seen.add(id);
  }
  for (const id of samplesOf.keys()) if (!seen.has(id)) account.gaps += 1;
  return account;
}
