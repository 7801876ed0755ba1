import { Environment } from "@marcbachmann/cel-js";

/** A sample of an input: a physical value. */
export type InputSample = { readonly timeUs: number; readonly value: number };

/** What an expression reads: `text` as it is written. */
type Operand = {
  readonly text: string;
  readonly kind: string;
  readonly input: string;
  readonly lengthUs: number;
  readonly wrapsAt: number;
};

/** An expression that can be evaluated again by cel-js, or why it cannot. */
export type ModelExpression =
  | {
      readonly kind: "expression";
      readonly operands: readonly Operand[];
      /** Names of what it reads. */
      readonly inputs: readonly string[];
      /** Whether what it reads changes without a sample. */
      readonly runsOn: boolean;
      readonly evaluate: (values: Readonly<Record<string, number>>) => number | boolean;
    }
  | { readonly kind: "unknown"; readonly why: string };

const UNIT_US: Readonly<Record<string, number>> = { ms: 1000, s: 1e6, m: 6e7, h: 3.6e9 };
const WINDOW = /\b(min|max|mean|sum|count|first|last|increase)\((\w+), *duration\("(\d+)(ms|s|m|h)"\)(?:, *(\d+))?\)/g;
const STATE = /\b(age|previous|rate)\((\w+)\)/g;
const WHOLE = /(?<![\w."])(\d+)(?![\w."])/g;
const PLAIN = /\b[A-Za-z]\w*\b/g;
const FUNCTIONS: ReadonlySet<string> = new Set("true false in abs pow log ceil floor sqrt round min max".split(" "));

/**
 * Reads an expression by pattern alone: what it reads of signals becomes a variable, and cel-js evaluates the rest. Only numbers that are
 * doubles, and the functions above.
 */
export function modelExpression(text: string, names: ReadonlySet<string>): ModelExpression {
  const operands: Operand[] = [];
  const variableOf = (operand: Operand): string => {
    const known = operands.findIndex((one) => one.text === operand.text);
    return `operand${known >= 0 ? known : operands.push(operand) - 1}_`;
  };
  const written = text
    .replace(WINDOW, (whole, kind: string, input: string, length: string, unit: string, wraps: string | undefined) =>
      variableOf({ text: whole, kind, input, lengthUs: Number(length) * UNIT_US[unit], wrapsAt: Number(wraps ?? 0) }),
    )
    .replace(STATE, (whole, kind: string, input: string) =>
      variableOf({ text: whole, kind, input, lengthUs: 0, wrapsAt: 0 }),
    )
    .replace(PLAIN, (name) =>
      names.has(name) ? variableOf({ text: name, kind: "value", input: name, lengthUs: 0, wrapsAt: 0 }) : name,
    )
    .replace(WHOLE, "$1.0");
  const strange = [...written.matchAll(PLAIN)].find(([name]) => !FUNCTIONS.has(name) && !/^operand\d+_$/.test(name));
  if (strange !== undefined) return { kind: "unknown", why: `${text}: ${strange[0]} is not known to the judge` };
  return {
    kind: "expression",
    operands,
    inputs: [...new Set(operands.map(({ input }) => input))],
    runsOn: operands.some(({ kind, lengthUs }) => kind === "age" || lengthUs > 0),
    evaluate: evaluatorOf(written, operands),
  };
}

function evaluatorOf(
  written: string,
  operands: readonly Operand[],
): (values: Readonly<Record<string, number>>) => number | boolean {
  const environment = new Environment({ unlistedVariablesAreDyn: false });
  operands.forEach((_, at) => environment.registerVariable(`operand${at}_`, "double"));
  for (const name of ["abs", "log", "ceil", "floor", "sqrt", "round"] as const)
    environment.registerFunction(`${name}(double): double`, (x: number) => Math[name](x));
  for (const name of ["min", "max", "pow"] as const)
    environment.registerFunction(`${name}(double, double): double`, (x: number, y: number) => Math[name](x, y));
  const parsed = environment.parse(written);
  return (values) => {
    const result: unknown = parsed(Object.fromEntries(operands.map(({ text }, at) => [`operand${at}_`, values[text]])));
    if (typeof result === "number" || typeof result === "boolean") return result;
    throw new Error(`${written} gives ${String(result)}`);
  };
}

/** What an evaluation read and gave; `result` is undefined where something read is not known, or too old. */
export type Evaluation = {
  readonly result: number | boolean | undefined;
  /** By the text of what was read. */
  readonly values: Readonly<Record<string, number>>;
};

/** The samples of inputs up to now, kept whole and looked through again for each evaluation. */
export class InputMemory {
  readonly #maxAgeUs: number;
  readonly #samples = new Map<string, InputSample[]>();
  /** Derived signals whose newest value is known no more. */
  readonly #forgotten = new Set<string>();

  constructor(maxAgeMs: number) {
    this.#maxAgeUs = maxAgeMs * 1000;
  }

  note(input: string, sample: InputSample): void {
    const known = this.#samples.get(input) ?? [];
    this.#samples.set(input, known);
    known.push(sample);
    this.#forgotten.delete(input);
  }

  forget(input: string): void {
    this.#forgotten.add(input);
  }

  /** The first moment after which something that the expression reads is too old, if nothing comes; µs. */
  staleUs({ operands }: Extract<ModelExpression, { kind: "expression" }>): number {
    return Math.min(
      ...operands.map(({ kind, input }) => {
        const newest = this.#samples.get(input)?.at(-1);
        return kind === "age" || newest === undefined ? Number.POSITIVE_INFINITY : newest.timeUs + this.#maxAgeUs;
      }),
    );
  }

  evaluate(expression: Extract<ModelExpression, { kind: "expression" }>, nowUs: number): Evaluation {
    const values = Object.fromEntries(expression.operands.map((operand) => [operand.text, this.#read(operand, nowUs)]));
    if (Object.values(values).some(Number.isNaN)) return { result: undefined, values };
    const result = expression.evaluate(values);
    return { result: typeof result === "number" && !Number.isFinite(result) ? undefined : result, values };
  }

  /** NaN: not defined. */
  #read({ kind, input, lengthUs, wrapsAt }: Operand, nowUs: number): number {
    const samples = this.#samples.get(input) ?? [];
    const newest = samples.at(-1);
    if (kind === "age") return newest === undefined ? Number.POSITIVE_INFINITY : (nowUs - newest.timeUs) / 1000;
    if (newest === undefined || this.#forgotten.has(input) || nowUs - newest.timeUs > this.#maxAgeUs) return Number.NaN;
    const before = samples.at(-2);
    if (kind === "value") return newest.value;
    if (kind === "previous") return before?.value ?? Number.NaN;
    if (kind === "rate") {
      if (before === undefined || before.timeUs === newest.timeUs) return Number.NaN;
      return ((newest.value - before.value) / (newest.timeUs - before.timeUs)) * 1e6;
    }
    const first = samples.findLastIndex(({ timeUs }) => timeUs <= nowUs - lengthUs) + 1;
    return takenOf(
      kind,
      samples.slice(first).map(({ value }) => value),
      wrapsAt,
    );
  }
}

function takenOf(kind: string, values: readonly number[], wrapsAt: number): number {
  if (values.length === 0) return kind === "count" ? 0 : Number.NaN;
  const sum = values.reduce((total, value) => total + value, 0);
  const steps = values.slice(1).map((value, at) => value - values[at]);
  switch (kind) {
    case "min":
      return Math.min(...values);
    case "max":
      return Math.max(...values);
    case "mean":
      return sum / values.length;
    case "sum":
      return sum;
    case "count":
      return values.length;
    case "first":
      return values[0];
    case "last":
      return values[values.length - 1];
    default:
      return steps.reduce((total, step) => total + (step >= 0 ? step : wrapsAt === 0 ? 0 : step + wrapsAt), 0);
  }
}
