import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { type KnownValue, SHOWN_SIGNALS } from "./vehicle-facts.ts";

/** The part of an item of last known values that is looked at: `signals` by "Message.Signal". */
export type LastItem = { readonly signals?: AttributeValue };

type Ranked = { readonly known: KnownValue; readonly orderUs: number };

/**
 * The newest value of each signal of the page over items of last known values. Each worker of the consumer has one of its own for each bus
 * (agent/consumer/dynamodb/last-store.ts), in which some values may be older than those of another.
 */
export class LastKnown {
  readonly #newest = new Map<string, Ranked>();

  add({ signals }: LastItem): void {
    for (const signal of SHOWN_SIGNALS) {
      const found = valueOf(signal, signals?.M?.[signal]);
      const known = this.#newest.get(signal);
      if (found !== undefined && (known === undefined || isNewer(found, known))) this.#newest.set(signal, found);
    }
  }

  /** Of those that are known, in the order of the page. */
  values(): readonly KnownValue[] {
    return SHOWN_SIGNALS.flatMap((signal) => this.#newest.get(signal)?.known ?? []);
  }
}

/** As the consumer orders them: by `o`, which is the time unless nothing vouched for it; then by time. */
function isNewer(one: Ranked, other: Ranked): boolean {
  return one.orderUs === other.orderUs ? one.known.timeMs > other.known.timeMs : one.orderUs > other.orderUs;
}

function valueOf(signal: string, entry: AttributeValue | undefined): Ranked | undefined {
  const { v, t, u, x, o = t } = entry?.M ?? {};
  const [timeMs, orderUs] = [Number(t?.N) / 1000, Number(o?.N)];
  // Without a value it says a state: that it is not available, or an error.
  const value = v?.N === undefined ? (v ?? x)?.S : Number(v.N);
  if (value === undefined || !Number.isFinite(timeMs) || !Number.isFinite(orderUs)) return undefined;
  return { known: { signal, value, unit: u?.S ?? "", timeMs }, orderUs };
}
