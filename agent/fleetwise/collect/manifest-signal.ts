import type { SignalEntry } from "../../signals/signal-entry.ts";
import type { ManifestSignal } from "../read/decoder-manifest.ts";

/** A signal of the manifest in force, and what it is in the signal table that was made of it. */
export type KnownSignal = { readonly wire: ManifestSignal; readonly entry: SignalEntry };

/** Signals of the manifest in force by their id; undefined for one that it has not, or that comes on no bus of the vehicle. */
export type FindSignal = (id: number) => KnownSignal | undefined;

/** Reads raw values that are held as two words. */
export class RawValues {
  readonly #words = new Uint32Array(2);
  readonly #number = new Float64Array(this.#words.buffer);
  readonly #integer = new BigInt64Array(this.#words.buffer);

  /** A bigint where a float64 does not hold the signal's values exactly. */
  of({ wide, signed }: Pick<SignalEntry, "wide" | "signed">, low: number, high: number): number | bigint {
    this.#words[0] = low;
    this.#words[1] = high;
    if (wide < 0) return this.#number[0];
    return signed ? this.#integer[0] : BigInt.asUintN(64, this.#integer[0]);
  }
}
