import type { SignalEntry } from "../../../signals/signal-entry.ts";

/** A signal of the table, or a derived one by its place among those of the campaign. */
export type ChosenSignal =
  | { readonly kind: "table"; readonly signal: SignalEntry }
  | { readonly kind: "derived"; readonly index: number };
