import type { OP } from "./program.ts";
import type { ScopeName } from "./scope.ts";

/**
 * Types of the parts of an expression. "literal" is a whole number as it is written, and what is calculated of such alone: it becomes
 * a double beside a double, as people mean who write `rpm * 2`, and an int beside an int. "nothing" is a call that has no value of its
 * own, such as duration("10s").
 */
export type TermType = "double" | "int" | "literal" | "bool" | "text" | "nothing";

/** A part of an expression whose types have been checked; `offset` is where it begins in the text. */
export type Term = { readonly type: TermType; readonly offset: number } & (
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "duration"; readonly ms: number }
  | { readonly kind: "operand"; readonly operand: number; readonly texts: readonly string[] }
  | { readonly kind: "apply"; readonly op: keyof typeof OP; readonly terms: readonly Term[] }
);

/** Thrown while an expression is checked, caught where that began: what is wrong with it, and at which offset in the text. */
export class Unfit extends Error {
  readonly offset: number;

  constructor(problem: string, offset: number) {
    super(problem);
    this.offset = offset;
  }
}

/** The type as an error names it. */
export function typeName({ type }: Term): string {
  if (type === "nothing") return "a duration";
  if (type === "text") return "a text";
  return type === "bool" ? "true or false" : "a number";
}

/** A term that reads an operand whose type is that of a name. */
export function operandTerm(operand: number, { type, texts = [] }: ScopeName, offset: number): Term {
  return { kind: "operand", operand, type, texts, offset };
}

/** The term itself, which must be a number. */
export function expectNumber(term: Term): Term {
  if (term.type === "double" || term.type === "int" || term.type === "literal") return term;
  throw new Unfit(`is ${typeName(term)}, where a number is wanted`, term.offset);
}

/** The type of what two numbers give together. */
export function numberType(left: Term, right: Term): TermType {
  const [a, b] = [expectNumber(left).type, expectNumber(right).type];
  if (a === b || b === "literal") return a;
  if (a === "literal") return b;
  throw new Unfit("an int and a double do not calculate together: write double(...) around the int", left.offset);
}
