/** Who tells us to sleep, or that the power goes; "asleep-soon": the vehicle's own state, "asked": a person. */
export type SleepOrderKind = "asleep-soon" | "suspend" | "shutdown" | "power-button" | "low-supply" | "asked";

/** To be ready for sleep within this time, ms. */
export type SleepOrder = { readonly kind: SleepOrderKind; readonly withinMs: number };

/**
 * Something that must be put in order before sleep; called in the order of registration, each bounded by what is left.
 *
 * What does not end in time is left to itself. After that, and in the middle of it where the way to sleep turns around, `resume` may
 * come: from then on the rest of a `prepare` under way must do no harm. `resume` also comes after a sleep that nobody announced, without
 * a `prepare` before it.
 */
export type SleepStep = {
  readonly name: string;
  prepare(order: SleepOrder, withinMs: number): Promise<void>;
  /** After the wake, or when the way to sleep turns around. */
  resume(): void;
  /** Time that steps before it leave for it, ms; none when absent. */
  readonly keepsMs?: number;
};

/** How the way to sleep went. */
export type SleepReport = {
  /** "ready": the vehicle may sleep; "turned-back": it woke, or drove, before that. */
  readonly outcome: "ready" | "turned-back";
  readonly tookMs: number;
  /** Steps that failed, or had no time to end. */
  readonly left: readonly string[];
};
