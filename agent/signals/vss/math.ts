/** Functions of one number and of two, by the names that they have in mapping files and in expressions of the agent. */
const FUNCTIONS: ReadonlyMap<string, number> = new Map([
  ["abs", 1],
  ["ceil", 1],
  ["floor", 1],
  ["round", 1],
  ["sqrt", 1],
  ["log", 1],
  ["pow", 2],
  ["min", 2],
  ["max", 2],
]);
const CONSTANTS: ReadonlyMap<string, number> = new Map([
  ["PI", Math.PI],
  ["E", Math.E],
]);
const TOKEN = /\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(\*\*|[-+*/%^(),]))/y;
/** Operators and brackets in one another; deeper ones are refused. */
const MAX_DEPTH = 64;
const MAX_LENGTH = 1000;

/** What a mapping file calculates of `x`, the physical value. */
export type MathFormula =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "x" }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly MathFormula[] };

/** A formula, or why it is none. */
export type ParsedMath =
  | { readonly kind: "formula"; readonly formula: MathFormula }
  | { readonly kind: "unfit"; readonly problem: string };

class MathError extends Error {}

/**
 * Reads an arithmetic expression in `x` as kuksa's mapping files have them (py-expression-eval): + - * / % and ^ (or **) for powers, brackets,
 * PI, E, and abs, ceil, floor, round, sqrt, log, pow, min, max.
 */
export function parseMath(text: string): ParsedMath {
  try {
    if (text.length > MAX_LENGTH) throw new MathError(`has ${text.length} characters, more than ${MAX_LENGTH}`);
    return { kind: "formula", formula: new MathReader(text).read() };
  } catch (thrown) {
    if (thrown instanceof MathError) return { kind: "unfit", problem: thrown.message };
    throw thrown;
  }
}

/** Recursive descent; each level of binding is a method. */
class MathReader {
  readonly #text: string;
  #at = 0;
  #next = "";
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#advance();
  }

  read(): MathFormula {
    const formula = this.#sum();
    if (this.#next !== "") throw this.#unexpected();
    return formula;
  }

  #sum(): MathFormula {
    let left = this.#product();
    while (this.#next === "+" || this.#next === "-") {
      const name = this.#take();
      left = { kind: "call", name, args: [left, this.#product()] };
    }
    return left;
  }

  #product(): MathFormula {
    let left = this.#signed();
    while (this.#next === "*" || this.#next === "/" || this.#next === "%") {
      const name = this.#take();
      left = { kind: "call", name, args: [left, this.#signed()] };
    }
    return left;
  }

  #signed(): MathFormula {
    if (this.#next !== "-" && this.#next !== "+") return this.#power();
    const sign = this.#take();
    const formula = this.#nested(() => this.#signed());
    return sign === "+" ? formula : { kind: "call", name: "-", args: [{ kind: "number", value: 0 }, formula] };
  }

  #power(): MathFormula {
    const base = this.#primary();
    if (this.#next !== "^" && this.#next !== "**") return base;
    this.#take();
    return { kind: "call", name: "pow", args: [base, this.#nested(() => this.#signed())] };
  }

  #primary(): MathFormula {
    const token = this.#take();
    if (/^[\d.]/.test(token)) return { kind: "number", value: Number(token) };
    if (token === "(") {
      const inner = this.#nested(() => this.#sum());
      this.#expect(")");
      return inner;
    }
    if (token === "x") return { kind: "x" };
    const constant = CONSTANTS.get(token);
    if (constant !== undefined) return { kind: "number", value: constant };
    if (/^\w/.test(token)) return this.#call(token);
    throw new MathError(`expected a number, x or '(', found ${token === "" ? "the end" : `'${token}'`}`);
  }

  #call(name: string): MathFormula {
    const wanted = FUNCTIONS.get(name);
    if (wanted === undefined) {
      throw new MathError(`${name} is not known; there are x, PI, E, ${[...FUNCTIONS.keys()].join(", ")}`);
    }
    this.#expect("(");
    const args = [this.#nested(() => this.#sum())];
    while (this.#next === ",") {
      this.#take();
      args.push(this.#nested(() => this.#sum()));
    }
    this.#expect(")");
    if (args.length !== wanted) throw new MathError(`${name} takes ${wanted} numbers, not ${args.length}`);
    return { kind: "call", name, args };
  }

  #nested(read: () => MathFormula): MathFormula {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new MathError(`is nested deeper than ${MAX_DEPTH}`);
    const formula = read();
    this.#depth -= 1;
    return formula;
  }

  #expect(token: string): void {
    if (this.#take() !== token) throw new MathError(`expected '${token}'`);
  }

  #take(): string {
    const token = this.#next;
    this.#advance();
    return token;
  }

  #advance(): void {
    TOKEN.lastIndex = this.#at;
    const match = TOKEN.exec(this.#text);
    if (match === null && this.#text.slice(this.#at).trim() !== "") throw this.#unexpected();
    this.#next = match === null ? "" : match[0].trim();
    if (match !== null) this.#at = TOKEN.lastIndex;
  }

  #unexpected(): MathError {
    return new MathError(`'${this.#text.slice(this.#at, this.#at + 20)}' is not understood`);
  }
}

/** The value for one x; NaN where it has none. */
export function evaluateMath(formula: MathFormula, x: number): number {
  if (formula.kind === "x") return x;
  if (formula.kind === "number") return formula.value;
  const [a, b = Number.NaN] = formula.args.map((arg) => evaluateMath(arg, x));
  return apply(formula.name, a, b);
}

function apply(name: string, a: number, b: number): number {
  switch (name) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return b === 0 ? Number.NaN : a / b;
    case "%":
      // The remainder has the sign of the divisor, as in Python.
      return b === 0 ? Number.NaN : a - b * Math.floor(a / b);
    case "pow":
      return a ** b;
    case "min":
      return Math.min(a, b);
    case "max":
      return Math.max(a, b);
    default:
      return applyOne(name, a);
  }
}

function applyOne(name: string, a: number): number {
  switch (name) {
    case "abs":
      return Math.abs(a);
    case "ceil":
      return Math.ceil(a);
    case "floor":
      return Math.floor(a);
    case "round":
      return Math.sign(a) * Math.round(Math.abs(a));
    case "sqrt":
      return Math.sqrt(a);
    case "log":
      return Math.log(a);
    default:
      return Number.NaN;
  }
}

/** A value that is x * factor + offset. */
export type Linear = { readonly factor: number; readonly offset: number };

/** The formula as factor and offset; undefined for one that is no straight line, or not seen to be one. */
export function linearOf(formula: MathFormula): Linear | undefined {
  if (formula.kind === "x") return { factor: 1, offset: 0 };
  if (formula.kind === "number") return { factor: 0, offset: formula.value };
  const [left, right = { factor: 0, offset: Number.NaN }] = formula.args.map(linearOf);
  if (left === undefined || right === undefined) return undefined;
  const line = combine(formula.name, left, right);
  return line !== undefined && Number.isFinite(line.factor) && Number.isFinite(line.offset) ? line : undefined;
}

function combine(name: string, left: Linear, right: Linear): Linear | undefined {
  switch (name) {
    case "+":
      return { factor: left.factor + right.factor, offset: left.offset + right.offset };
    case "-":
      return { factor: left.factor - right.factor, offset: left.offset - right.offset };
    case "*":
      if (right.factor === 0) return { factor: left.factor * right.offset, offset: left.offset * right.offset };
      return left.factor === 0 ? combine("*", right, left) : undefined;
    case "/":
      if (right.factor !== 0) return undefined;
      return { factor: left.factor / right.offset, offset: left.offset / right.offset };
    default:
      if (left.factor !== 0 || right.factor !== 0) return undefined;
      return { factor: 0, offset: apply(name, left.offset, right.offset) };
  }
}

/** The formula as an expression of the agent (CEL over doubles) in `x`. */
export function expressionOf(formula: MathFormula): string {
  if (formula.kind === "x") return "x";
  if (formula.kind === "number") return doubleText(formula.value);
  const { name, args } = formula;
  const [a, b = ""] = args.map(operandOf);
  if (isOperator(name)) return `${a} ${name} ${b}`;
  return name === "%" ? `${a} - ${b} * floor(${a} / ${b})` : `${name}(${args.map(expressionOf).join(", ")})`;
}

function operandOf(formula: MathFormula): string {
  const text = expressionOf(formula);
  return formula.kind === "call" && (isOperator(formula.name) || formula.name === "%") ? `(${text})` : text;
}

function isOperator(name: string): boolean {
  return name === "+" || name === "-" || name === "*" || name === "/";
}

/** A number that CEL takes for a double, whole or not. */
function doubleText(value: number): string {
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}
