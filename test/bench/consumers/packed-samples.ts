import { z } from "zod";

const double = z.custom<number>((value) => typeof value === "number");
const bigints = z.array(z.bigint());

/** The lists of `PackedSamples`, as the descriptor describes them. */
export const packedLists = z.object({
  counts: z.array(z.number()),
  starts: bigints,
  steps: bigints,
  signals: z.array(z.number()),
  axes: z.array(z.number()),
  kinds: z.array(z.enum(["COLUMN_KIND_INTEGER", "COLUMN_KIND_FLOAT", "COLUMN_KIND_DOUBLE"])),
  firsts: bigints,
  deltas: bigints,
  floats: z.array(double),
  doubles: z.array(double),
});

/** Axes and columns as `Samples` has them. */
export type UnpackedLists = {
  readonly axes: { deltas: bigint[] }[];
  readonly columns: { signal: number; axis: number; raws: bigint[]; floats: number[]; doubles: number[] }[];
};

/** The axes and columns that are in these lists, each by itself. Throws where a list is too short or too long. */
export function unpackLists(lists: z.infer<typeof packedLists>): UnpackedLists {
  const starts = new Queue(lists.starts);
  const steps = new Queue(lists.steps);
  let start = 0n;
  let step = 0n;
  const axes = lists.counts.map((count) => {
    start += starts.next();
    const deltas = [start];
    while (deltas.length < count) {
      step += steps.next();
      deltas.push(step);
    }
    return { deltas };
  });
  const numbers = [new Queue(lists.signals), new Queue(lists.axes)] as const;
  const kinds = new Queue(lists.kinds.length === 0 ? lists.signals.map(() => "COLUMN_KIND_INTEGER") : lists.kinds);
  const values = { firsts: new Queue(lists.firsts), deltas: new Queue(lists.deltas) };
  const exact = { floats: new Queue(lists.floats), doubles: new Queue(lists.doubles) };
  let signal = 0;
  let axis = 0;
  const columns = lists.signals.map(() => {
    signal += numbers[0].next();
    axis += numbers[1].next();
    const column = {
      signal,
      axis,
      raws: new Array<bigint>(),
      floats: new Array<number>(),
      doubles: new Array<number>(),
    };
    const { length } = lists.counts[axis] === undefined ? failed("axis", axis) : axes[axis].deltas;
    const kind = kinds.next();
    if (kind === "COLUMN_KIND_FLOAT") while (column.floats.length < length) column.floats.push(exact.floats.next());
    else if (kind === "COLUMN_KIND_DOUBLE")
      while (column.doubles.length < length) column.doubles.push(exact.doubles.next());
    else {
      column.raws.push(values.firsts.next());
      while (column.raws.length < length) column.raws.push(values.deltas.next());
    }
    return column;
  });
  for (const queue of [starts, steps, ...numbers, kinds, values.firsts, values.deltas, exact.floats, exact.doubles])
    queue.end();
  return { axes, columns };
}

function failed(what: string, value: number): never {
  throw new Error(`packed samples have no ${what} ${value}`);
}

class Queue<T> {
  readonly #values: readonly T[];
  #at = 0;

  constructor(values: readonly T[]) {
    this.#values = values;
  }

  next(): T {
    if (this.#at >= this.#values.length) failed("value", this.#at);
    this.#at += 1;
    return this.#values[this.#at - 1];
  }

  end(): void {
    if (this.#at < this.#values.length)
      throw new Error(`packed samples have ${this.#values.length} values, not ${this.#at}`);
  }
}
