/**
 * Texts of raw values: `texts[i]` is that of `raws[i]`. The raw values ascend, each is there once, and one beyond 2^53 is a bigint.
 *
 * Two arrays and no Map: a file has tens of thousands of these, and signals with equal texts share one object.
 */
export type ValueTexts = { readonly raws: readonly (number | bigint)[]; readonly texts: readonly string[] };

type Pair = readonly [raw: number | bigint, text: string];

/** The texts of `pairs`, of which the last counts where a raw value comes again; undefined when there are none. */
export function valueTexts(pairs: Iterable<Pair>): ValueTexts | undefined {
  const sorted = [...new Map(pairs)].sort(([left], [right]) => (left < right ? -1 : 1));
  if (sorted.length === 0) return undefined;
  return { raws: sorted.map(([raw]) => raw), texts: sorted.map(([, text]) => text) };
}

/** The text of a raw value; undefined where it has none. */
export function textOf(values: ValueTexts | undefined, raw: number | bigint): string | undefined {
  if (values === undefined) return undefined;
  let low = 0;
  let high = values.raws.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values.raws[middle] < raw) low = middle + 1;
    else high = middle;
  }
  return Number.isNaN(raw) || low === values.raws.length || values.raws[low] > raw ? undefined : values.texts[low];
}

/** Each raw value with its text; none of undefined. */
export function textPairs(values: ValueTexts | undefined): readonly Pair[] {
  return values?.raws.map((raw, index) => [raw, values.texts[index]] as const) ?? [];
}

/** Gives the same object for the same texts; of others what is the same in them: most files have a few words and a few ranges of values. */
export class ValueTextPool {
  readonly #known = new Map<string, ValueTexts>();
  readonly #raws = new Map<string, ValueTexts["raws"]>();
  readonly #words = new Map<string, string>();

  /** `texts` as they were met first. */
  share(texts: ValueTexts | undefined): ValueTexts | undefined {
    if (texts === undefined) return undefined;
    const key = textsKey(texts);
    const known = this.#known.get(key) ?? this.#shareParts(texts);
    this.#known.set(key, known);
    return known;
  }

  #shareParts({ raws, texts }: ValueTexts): ValueTexts {
    const values = raws.join(" ");
    const shared = this.#raws.get(values) ?? raws;
    this.#raws.set(values, shared);
    return { raws: shared, texts: texts.map((text) => this.#word(text)) };
  }

  #word(text: string): string {
    const known = this.#words.get(text) ?? text;
    this.#words.set(known, known);
    return known;
  }
}

/** Equal for equal texts. */
export function textsKey({ raws, texts }: ValueTexts): string {
  return JSON.stringify([raws.map(String), texts]);
}
