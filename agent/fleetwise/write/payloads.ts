import { compress } from "snappyjs";

/** Payloads of what was too large for one, in order, and how much of it fits into none. */
export type Payloads = { readonly payloads: readonly Uint8Array[]; readonly dropped: number };

/** How something is written, and taken apart. */
export type Split<T> = {
  readonly encode: (whole: T) => Uint8Array;
  /** Undefined for what cannot be taken apart. */
  readonly halve: (whole: T) => readonly [T, T] | undefined;
  readonly compress: boolean;
  readonly maxBytes: number;
};

/** `whole` in payloads of at most `maxBytes`: halved as often as needed. What is too large by itself is counted in `dropped`. */
export function payloadsOf<T>(whole: T, split: Split<T>): Payloads {
  const bytes = split.encode(whole);
  const payload = split.compress ? compressRaw(bytes) : bytes;
  if (payload.length <= split.maxBytes) return { payloads: [payload], dropped: 0 };
  const halves = split.halve(whole);
  if (halves === undefined) return { payloads: [], dropped: 1 };
  const [first, second] = halves.map((half) => payloadsOf(half, split));
  return { payloads: [...first.payloads, ...second.payloads], dropped: first.dropped + second.dropped };
}

/** Raw snappy: a length and elements, without the frames and sums of snappy's stream format (google/snappy, format_description.txt). */
export function compressRaw(bytes: Uint8Array): Uint8Array {
  return compress(bytes);
}

/** The list in two halves, the first not shorter. */
export function halvesOf<T>(list: readonly T[]): readonly [readonly T[], readonly T[]] {
  const middle = Math.ceil(list.length / 2);
  return [list.slice(0, middle), list.slice(middle)];
}
