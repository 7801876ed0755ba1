/** Functions over the samples in (now - window, now]. */
export const WINDOW_FUNCTIONS = ["min", "max", "mean", "sum", "count", "first", "last", "increase"] as const;
/** Functions over windows that follow each other, of the last one that closed or the one before. */
export const TUMBLING_FUNCTIONS = ["tumblingMin", "tumblingMax", "tumblingMean"] as const;
/** What an operand takes of its input: the value, ms since it was seen, the value before, the change per second, or a window. */
export const OPERAND_KINDS = ["value", "age", "previous", "rate", ...WINDOW_FUNCTIONS, ...TUMBLING_FUNCTIONS] as const;
export type WindowFunction = (typeof WINDOW_FUNCTIONS)[number];
export type TumblingFunction = (typeof TUMBLING_FUNCTIONS)[number];
export type OperandKind = (typeof OPERAND_KINDS)[number];

/** Length, µs; where a counter wraps, 0 for never (see `SampleWindow`); of windows that follow each other how many back, undefined for others. */
export type OperandWindow = { readonly lengthUs: number; readonly wrapsAt: number; readonly back?: 0 | 1 | undefined };

/** A number that an expression reads from the board before it is evaluated. */
export type Operand = {
  /** As it stands in the expression: "brake", "rate(speed)". */
  readonly name: string;
  readonly kind: OperandKind;
  readonly input: number;
  /** Of a state, see `ScopeName.holds`. */
  readonly holds: boolean;
  /** Undefined for what is no window. */
  readonly window: OperandWindow | undefined;
  /** How the value is shown: as a number, as true or false, or as one of these texts. */
  readonly shown: "number" | "bool" | readonly string[];
  /** Of an age: what it is compared with, ms. Undefined: with something that is not a literal, so that it is looked at again and again. */
  readonly ageLimitsMs: readonly number[] | undefined;
};

/** The operands of one expression with their newest values, side by side. One object, reused: copy what is to be kept. */
export type OperandValues = { readonly operands: readonly Operand[]; readonly values: Float64Array };

/** A copy of the values for a record or for people, each operand once. */
export function shownValues({
  operands,
  values,
}: OperandValues): readonly { readonly name: string; readonly value: number | boolean | string }[] {
  return operands.map(({ name, shown }, at) => {
    if (shown === "bool") return { name, value: values[at] === 1 };
    return { name, value: shown === "number" ? values[at] : shown[values[at]] };
  });
}
