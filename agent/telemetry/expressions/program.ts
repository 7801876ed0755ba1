/** Instructions, each of which takes its operands from the stack. A number stands behind the first three. */
export const OP = {
  number: 0,
  register: 1,
  oneOf: 2,
  choose: 3,
  // Of one operand.
  not: 4,
  negate: 5,
  whole: 6,
  abs: 7,
  log: 8,
  ceil: 9,
  floor: 10,
  sqrt: 11,
  round: 12,
  // Of two, that pass an error on or not, as CEL has it.
  and: 13,
  or: 14,
  // Of two, that pass an error on.
  equal: 15,
  unequal: 16,
  less: 17,
  lessOrEqual: 18,
  greater: 19,
  greaterOrEqual: 20,
  add: 21,
  subtract: 22,
  multiply: 23,
  divide: 24,
  addWhole: 25,
  subtractWhole: 26,
  multiplyWhole: 27,
  divideWhole: 28,
  remainder: 29,
  pow: 30,
  smaller: 31,
  larger: 32,
  bit: 33,
} as const;

/** An expression as straight-line code: no jumps, so it ends after as many steps as it has instructions. */
export type Program = {
  readonly code: Int32Array;
  readonly numbers: Float64Array;
  /** Most numbers on the stack at a time. */
  readonly depth: number;
};

/**
 * Evaluates programs. NaN is an error (division by zero, overflow, a result that is no number) and goes through everything, but for
 * what CEL lets pass: `false && error`, `true || error`, and the branch of `?:` that is not chosen. Bools are 1 and 0. On the frame
 * path: allocates nothing.
 */
export class Machine {
  readonly #stack: Float64Array;

  /** `depth` is that of the deepest program that it will run. */
  constructor(depth: number) {
    this.#stack = new Float64Array(Math.max(1, depth));
  }

  run({ code, numbers }: Program, registers: Float64Array): number {
    const stack = this.#stack;
    let top = -1;
    let at = 0;
    while (at < code.length) {
      const op = code[at++];
      if (op === OP.register) stack[++top] = registers[code[at++]];
      else if (op === OP.number) stack[++top] = numbers[code[at++]];
      else if (op >= OP.and) {
        top -= 1;
        stack[top] = binary(op, stack[top], stack[top + 1]);
      } else if (op >= OP.not) stack[top] = unary(op, stack[top]);
      else if (op === OP.choose) {
        top -= 2;
        stack[top] = choose(stack[top], stack[top + 1], stack[top + 2]);
      } else {
        const count = code[at++];
        top -= count;
        stack[top] = oneOf(stack, top, count);
      }
    }
    return stack[0];
  }
}

function unary(op: number, a: number): number {
  switch (op) {
    case OP.not:
      return 1 - a;
    case OP.negate:
      return 0 - a;
    case OP.whole:
      return whole(Math.trunc(a));
    case OP.abs:
      return Math.abs(a);
    case OP.log:
      return finite(Math.log(a), a, 0);
    case OP.ceil:
      return Math.ceil(a);
    case OP.floor:
      return Math.floor(a);
    case OP.sqrt:
      return Math.sqrt(a);
    default:
      // Halves away from zero, as math.round of CEL's extensions does.
      return Math.abs(a - Math.trunc(a)) < 0.5 ? Math.trunc(a) : Math.trunc(a) + Math.sign(a);
  }
}

function binary(op: number, a: number, b: number): number {
  if (op === OP.and) return a === 0 || b === 0 ? 0 : a * b;
  if (op === OP.or) return a === 1 || b === 1 ? 1 : a + b;
  if (a !== a || b !== b) return Number.NaN;
  switch (op) {
    case OP.equal:
      return a === b ? 1 : 0;
    case OP.unequal:
      return a === b ? 0 : 1;
    case OP.less:
      return a < b ? 1 : 0;
    case OP.lessOrEqual:
      return a <= b ? 1 : 0;
    case OP.greater:
      return a > b ? 1 : 0;
    case OP.greaterOrEqual:
      return a >= b ? 1 : 0;
    case OP.add:
      return finite(a + b, a, b);
    case OP.subtract:
      return finite(a - b, a, b);
    case OP.multiply:
      return finite(a * b, a, b);
    case OP.divide:
      return b === 0 ? Number.NaN : finite(a / b, a, b);
    case OP.addWhole:
      return whole(a + b);
    case OP.subtractWhole:
      return whole(a - b);
    case OP.multiplyWhole:
      return whole(a * b);
    case OP.divideWhole:
      return whole(Math.trunc(a / b));
    case OP.remainder:
      return whole(a % b);
    case OP.pow:
      return finite(a ** b, a, b);
    case OP.smaller:
      return a < b ? a : b;
    case OP.larger:
      return a > b ? a : b;
    default:
      return bit(a, b);
  }
}

/** An overflow is an error; an age without end (Infinity) may be calculated with. */
function finite(result: number, a: number, b: number): number {
  const overflowed = (result === Infinity || result === -Infinity) && Number.isFinite(a) && Number.isFinite(b);
  return overflowed ? Number.NaN : result;
}

/** An int; beyond ±(2^53 - 1) a float64 does not hold it exactly, which is an error. Never -0. */
function whole(value: number): number {
  return Number.isSafeInteger(value) ? value + 0 : Number.NaN;
}

function bit(value: number, number: number): number {
  if (!Number.isSafeInteger(value) || value < 0 || !Number.isInteger(number) || number < 0) return Number.NaN;
  return number > 52 ? 0 : Math.floor(value / 2 ** number) % 2;
}

function choose(condition: number, yes: number, no: number): number {
  if (condition !== condition) return Number.NaN;
  return condition === 1 ? yes : no;
}

/** The list is evaluated before it is looked at, so an error in it is one of the whole. */
function oneOf(stack: Float64Array, at: number, count: number): number {
  const value = stack[at];
  if (value !== value) return Number.NaN;
  let found = 0;
  for (let next = at + 1; next <= at + count; next++) {
    if (stack[next] !== stack[next]) return Number.NaN;
    if (stack[next] === value) found = 1;
  }
  return found;
}
