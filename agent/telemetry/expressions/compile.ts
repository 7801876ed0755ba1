import { ExpressionChecker } from "./check-expression.ts";
import { emitProgram } from "./emit.ts";
import type { Operand } from "./operand.ts";
import { parseExpression, type UnfitExpression, unfit } from "./parse-expression.ts";
import type { Program } from "./program.ts";
import { maxWindowBytes } from "./sample-window.ts";
import type { Scope } from "./scope.ts";
import { type Term, typeName, Unfit } from "./term.ts";

/** A checked expression; it holds no values, and may stand on several boards. */
export type Expression = {
  readonly kind: "expression";
  readonly text: string;
  /** A bool gives 1 or 0; an int is a whole number that a float64 holds exactly. */
  readonly type: "bool" | "double" | "int";
  /** What it reads, in the order of its registers. */
  readonly operands: readonly Operand[];
  readonly program: Program;
};

/**
 * Makes an expression of CEL text. A "condition" must give a bool; a "value" a bool or a number, and must read something.
 *
 * The grammar is that of cel-js. Types are checked here: a whole literal beside a double is a double (cel-js has no `double * int`),
 * and `==` compares doubles exactly. All operands are read before anything is calculated: when one is undefined, so is the expression.
 */
export function compileExpression(
  text: string,
  scope: Scope,
  want: "condition" | "value",
): Expression | UnfitExpression {
  const parsed = parseExpression(text);
  if (parsed.kind === "unfit") return parsed;
  try {
    const checker = new ExpressionChecker(text, scope);
    const term = checker.check(parsed.node);
    const type = resultType(term, want);
    const operands = checker.operands.list();
    if (want === "value" && operands.length === 0) return unfit("reads nothing", 0);
    return { kind: "expression", text, type, operands, program: emitProgram(term) };
  } catch (thrown) {
    if (thrown instanceof Unfit) return unfit(thrown.message, thrown.offset);
    throw thrown;
  }
}

/** Most bytes that the windows of an expression can come to hold, for what it costs. */
export function windowBytes({ operands }: Expression): number {
  const keys = operands.flatMap(({ input, window }) => {
    // Windows that follow each other hold no samples.
    return window === undefined || window.back !== undefined ? [] : [`${input} ${window.lengthUs} ${window.wrapsAt}`];
  });
  return new Set(keys).size * maxWindowBytes();
}

function resultType(term: Term, want: "condition" | "value"): Expression["type"] {
  if (want === "condition" && term.type !== "bool")
    throw new Unfit(`is ${typeName(term)}, where true or false is wanted`, 0);
  if (term.type === "literal") return "int";
  if (term.type === "text" || term.type === "nothing")
    throw new Unfit(`is ${typeName(term)}, where a number is wanted`, 0);
  return term.type;
}
