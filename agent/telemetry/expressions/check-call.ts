import type { ASTNode } from "@marcbachmann/cel-js";
import { durationMs } from "./duration.ts";
import {
  type OperandKind,
  TUMBLING_FUNCTIONS,
  type TumblingFunction,
  WINDOW_FUNCTIONS,
  type WindowFunction,
} from "./operand.ts";
import type { Operands } from "./operands.ts";
import type { ScopeName } from "./scope.ts";
import { numberType, operandTerm, type Term, Unfit } from "./term.ts";

/** Longest window, ms. What it holds is bounded besides (`WINDOW_SAMPLES`). */
const MAX_WINDOW_MS = 3_600_000;

/** Functions of one number that give a double; `int` and `abs` have types of their own. */
const OF_A_NUMBER = ["log", "ceil", "floor", "sqrt", "round"] as const;
const OF_A_SIGNAL = ["age", "previous", "rate"] as const;
const OTHERS = ["abs", "pow", "int", "double", "bit"] as const;
const KNOWN: readonly string[] = [
  ...OF_A_SIGNAL,
  ...WINDOW_FUNCTIONS,
  ...TUMBLING_FUNCTIONS,
  ...OF_A_NUMBER,
  ...OTHERS,
];

/** A name of the scope as an expression uses it. */
export type UsedName = { readonly name: string; readonly found: ScopeName };

/** What the check of a call needs of the check of the whole expression. */
export type CallChecker = {
  readonly operands: Operands;
  checkNumber(node: ASTNode): Term;
  nameOf(node: ASTNode): UsedName | undefined;
  written(start: number, end: number): string;
};

type Call = { readonly name: string; readonly args: readonly ASTNode[]; readonly offset: number };

/** Checks a call of one of the functions that there are; `offset` is where it begins. */
export function checkCall(checker: CallChecker, name: string, args: readonly ASTNode[], offset: number): Term {
  const call = { name, args, offset };
  const ofSignal = OF_A_SIGNAL.find((known) => known === name);
  if (ofSignal !== undefined) return checkSignalCall(checker, call, ofSignal);
  const ofWindow = WINDOW_FUNCTIONS.find((known) => known === name);
  if (ofWindow !== undefined) return checkWindowCall(checker, call, ofWindow);
  const ofTumbling = TUMBLING_FUNCTIONS.find((known) => known === name);
  if (ofTumbling !== undefined) return checkTumblingCall(checker, call, ofTumbling);
  if (name === "duration") return checkDuration(call);
  return checkNumberCall(checker, call);
}

function checkNumberCall(checker: CallChecker, call: Call): Term {
  const { name, args, offset } = call;
  const ofNumber = OF_A_NUMBER.find((known) => known === name);
  if (ofNumber === undefined && !OTHERS.some((known) => known === name)) {
    throw new Unfit(`${name}() is no function of these expressions; there are ${KNOWN.join(", ")}`, offset);
  }
  const wanted = name === "pow" || name === "bit" ? 2 : 1;
  if (args.length !== wanted) throw new Unfit(`${name}() takes ${wanted === 1 ? "one number" : "two numbers"}`, offset);
  const terms = args.map((arg) => checker.checkNumber(arg));
  if (ofNumber !== undefined) return { kind: "apply", op: ofNumber, terms, type: "double", offset };
  if (name === "abs") return { kind: "apply", op: "abs", terms, type: terms[0].type, offset };
  if (name === "pow") return { kind: "apply", op: "pow", terms, type: "double", offset };
  if (name === "bit") return { kind: "apply", op: "bit", terms, type: "bool", offset };
  if (name === "double") return terms[0].type === "double" ? terms[0] : asDouble(terms, offset);
  return { kind: "apply", op: "whole", terms, type: "int", offset };
}

/** What is calculated of whole numbers stays whole, as CEL has it: double(7 / 2) is 3. */
function asDouble(terms: readonly Term[], offset: number): Term {
  return { kind: "apply", op: "whole", terms, type: "double", offset };
}

function checkSignalCall(checker: CallChecker, { name, args, offset }: Call, kind: OperandKind): Term {
  const used = args.length === 1 ? checker.nameOf(args[0]) : undefined;
  if (used === undefined) throw new Unfit(`${name}() takes one name`, args[0]?.start ?? offset);
  const { found } = used;
  if (kind === "rate" && found.type !== "double") throw new Unfit(`rate() takes a number`, args[0].start);
  const operand = checker.operands.add({ name: `${name}(${used.name})`, kind, of: found });
  if (kind === "previous") return operandTerm(operand, found, offset);
  return { kind: "operand", operand, type: "double", texts: [], offset };
}

function checkWindowCall(checker: CallChecker, call: Call, kind: WindowFunction): Term {
  const { name, args, offset } = call;
  const second = args[1];
  const isOfTwoNumbers = second !== undefined && !(second.op === "call" && second.args[0] === "duration");
  if ((name === "min" || name === "max") && args.length === 2 && isOfTwoNumbers) {
    const terms = args.map((arg) => checker.checkNumber(arg));
    const type = numberType(terms[0], terms[1]);
    return { kind: "apply", op: name === "min" ? "smaller" : "larger", terms, type, offset };
  }
  const wraps = kind === "increase" && args.length === 3;
  const used = args.length === 2 || wraps ? checker.nameOf(args[0]) : undefined;
  const length = second?.op === "call" ? durationTerm(second) : undefined;
  if (used === undefined || length === undefined) {
    throw new Unfit(`${name}() takes a name and a duration: ${name}(x, duration("10s"))`, args[0]?.start ?? offset);
  }
  const { found } = used;
  const takesAll = kind === "count" || kind === "first" || kind === "last";
  if (!takesAll && found.type !== "double") throw new Unfit(`${name}() takes a number`, args[0].start);
  const window = { lengthUs: windowUs(length), wrapsAt: wraps ? wrapOf(args[2]) : 0 };
  const shown = `${name}(${used.name}, ${checker.written(second.start, second.end)})`;
  const operand = checker.operands.add({ name: shown, kind, of: found, window });
  if (kind === "first" || kind === "last") return operandTerm(operand, found, offset);
  return { kind: "operand", operand, type: "double", texts: [], offset };
}

function checkTumblingCall(checker: CallChecker, { name, args, offset }: Call, kind: TumblingFunction): Term {
  const [first, second, third] = args;
  const used = args.length === 2 || args.length === 3 ? checker.nameOf(first) : undefined;
  const length = second?.op === "call" ? durationTerm(second) : undefined;
  if (used === undefined || length === undefined) {
    throw new Unfit(`${name}() takes a name and a duration: ${name}(x, duration("10s"))`, first?.start ?? offset);
  }
  if (used.found.type !== "double") throw new Unfit(`${name}() takes a number`, first.start);
  const window = { lengthUs: windowUs(length), wrapsAt: 0, back: third === undefined ? 0 : backOf(third) } as const;
  const shown = `${name}(${used.name}, ${checker.written(second.start, third?.end ?? second.end)})`;
  const operand = checker.operands.add({ name: shown, kind, of: used.found, window });
  return { kind: "operand", operand, type: "double", texts: [], offset };
}

/** How many windows before the last one that closed. */
function backOf(node: ASTNode): 0 | 1 {
  const value = node.op === "value" ? Number(node.args) : Number.NaN;
  if (value === 0 || value === 1) return value;
  throw new Unfit("the third argument is 0 for the last window that closed, or 1 for the one before", node.start);
}

function windowUs(duration: Term & { readonly kind: "duration" }): number {
  if (duration.ms >= 1 && duration.ms <= MAX_WINDOW_MS) return duration.ms * 1000;
  throw new Unfit(`a window is at least 1 ms and at most ${MAX_WINDOW_MS / 3_600_000} h long`, duration.offset);
}

/** The number of values of a counter, after the highest of which it begins again at 0. */
function wrapOf(node: ASTNode): number {
  const value = node.op === "value" ? Number(node.args) : Number.NaN;
  if (value > 0) return value;
  throw new Unfit("the third argument is where the counter wraps, a literal above 0", node.start);
}

function durationTerm(node: ASTNode & { readonly op: "call" }): (Term & { readonly kind: "duration" }) | undefined {
  const [name, args] = node.args;
  return name === "duration" ? checkDuration({ name, args, offset: node.start }) : undefined;
}

function checkDuration({ args, offset }: Call): Term & { readonly kind: "duration" } {
  const [node] = args;
  const text = node?.op === "value" && args.length === 1 ? node.args : undefined;
  const ms = typeof text === "string" ? durationMs(text) : undefined;
  if (ms === undefined) throw new Unfit('takes a text as "10s", "1h30m" or "500ms"', node?.start ?? offset);
  return { kind: "duration", ms, type: "nothing", offset };
}
