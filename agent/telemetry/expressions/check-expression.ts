import type { ASTNode } from "@marcbachmann/cel-js";
import { checkCall, type UsedName } from "./check-call.ts";
import { pathOf } from "./names.ts";
import { Operands } from "./operands.ts";
import { type Scope, unknownName } from "./scope.ts";
import { expectNumber, numberType, operandTerm, type Term, typeName, Unfit } from "./term.ts";

const ARITHMETIC = { "+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "remainder" } as const;
const ORDER = { "<": "less", "<=": "lessOrEqual", ">": "greater", ">=": "greaterOrEqual" } as const;
const EQUALITY = { "==": "equal", "!=": "unequal" } as const;

/**
 * Checks the types of an expression and finds what it reads. Takes only what ends in bounded time and memory: names, numbers, texts in
 * comparisons, operators, and the functions of `checkCall`; `Unfit` for everything else of CEL (lists but behind "in", maps, indexes,
 * macros, methods).
 */
export class ExpressionChecker {
  readonly operands = new Operands();
  readonly #text: string;
  readonly #scope: Scope;

  constructor(text: string, scope: Scope) {
    this.#text = text;
    this.#scope = scope;
  }

  check(node: ASTNode): Term {
    switch (node.op) {
      case "value":
        return literal(node.args, node.start);
      case "id":
      case ".":
        return this.#value(node);
      case "call":
        return checkCall(this, node.args[0], node.args[1], node.start);
      case "&&":
      case "||":
        return this.#logical(node.op === "&&" ? "and" : "or", node.args);
      case "!_":
        return { kind: "apply", op: "not", terms: [this.checkBool(node.args)], type: "bool", offset: node.start };
      case "-_": {
        const term = this.checkNumber(node.args);
        return { kind: "apply", op: "negate", terms: [term], type: term.type, offset: node.start };
      }
      case "?:":
        return this.#choice(node.args, node.start);
      case "+":
      case "-":
      case "*":
      case "/":
      case "%":
        return this.#arithmetic(node.op, node.args);
      case "<":
      case "<=":
      case ">":
      case ">=":
        return this.#order(node.op, node.args);
      case "==":
      case "!=":
        return this.#equality(node.op, node.args);
      case "in":
        return this.#membership(node.args);
      case "rcall":
        throw new Unfit(`${node.args[0]}() is no function of these expressions`, node.start);
      default:
        throw new Unfit("lists, maps and indexes have no place here but in `x in [1, 2, 3]`", node.start);
    }
  }

  checkNumber(node: ASTNode): Term {
    return expectNumber(this.check(node));
  }

  checkBool(node: ASTNode): Term {
    const term = this.check(node);
    if (term.type === "bool") return term;
    throw new Unfit(`is ${typeName(term)}, where true or false is wanted`, term.offset);
  }

  /** The name that stands here; undefined when it is none but an expression. */
  nameOf(node: ASTNode): UsedName | undefined {
    const name = pathOf(node);
    if (name === undefined) return undefined;
    const found = this.#scope.get(name);
    if (found === undefined) throw new Unfit(unknownName(name, this.#scope), node.start);
    return { name, found };
  }

  /** The text from one offset to another, blanks made one. */
  written(start: number, end: number): string {
    return this.#text.slice(start, end).replace(/\s+/g, " ");
  }

  #value(node: ASTNode): Term {
    const used = this.nameOf(node);
    if (used === undefined) throw new Unfit("only a name has parts", node.start);
    return operandTerm(this.operands.add({ name: used.name, kind: "value", of: used.found }), used.found, node.start);
  }

  #logical(op: "and" | "or", [left, right]: readonly [ASTNode, ASTNode]): Term {
    const terms = [this.checkBool(left), this.checkBool(right)];
    return { kind: "apply", op, terms, type: "bool", offset: left.start };
  }

  #choice([condition, yes, no]: readonly [ASTNode, ASTNode, ASTNode], offset: number): Term {
    const terms = [this.checkBool(condition), this.check(yes), this.check(no)];
    const [, left, right] = terms;
    const type = left.type === right.type && left.type !== "text" ? left.type : numberType(left, right);
    return { kind: "apply", op: "choose", terms, type, offset };
  }

  #arithmetic(op: keyof typeof ARITHMETIC, [left, right]: readonly [ASTNode, ASTNode]): Term {
    const terms = [this.checkNumber(left), this.checkNumber(right)];
    const type = numberType(terms[0], terms[1]);
    if (op === "%" && type === "double") throw new Unfit("% takes whole numbers: write int(x) % 2", left.start);
    return { kind: "apply", op: ARITHMETIC[op], terms, type, offset: left.start };
  }

  #order(op: keyof typeof ORDER, [left, right]: readonly [ASTNode, ASTNode]): Term {
    const terms = [this.checkNumber(left), this.checkNumber(right)];
    this.#noteAgeLimit(terms[0], terms[1]);
    this.#noteAgeLimit(terms[1], terms[0]);
    return { kind: "apply", op: ORDER[op], terms, type: "bool", offset: left.start };
  }

  #equality(op: keyof typeof EQUALITY, [left, right]: readonly [ASTNode, ASTNode]): Term {
    const a = this.check(left);
    const b = this.check(right);
    const terms = a.type === "text" || b.type === "text" ? textTerms(a, [b]) : sameKind(a, b);
    return { kind: "apply", op: EQUALITY[op], terms, type: "bool", offset: left.start };
  }

  #membership([left, right]: readonly [ASTNode, ASTNode]): Term {
    if (right.op !== "list") throw new Unfit("`in` takes a list: x in [1, 2, 3]", right.start);
    const value = this.check(left);
    const choices = right.args.map((node) => this.check(node));
    const terms =
      value.type === "text"
        ? textTerms(value, choices)
        : [value, ...choices.flatMap((choice) => sameKind(value, choice)[1])];
    return { kind: "apply", op: "oneOf", terms, type: "bool", offset: left.start };
  }

  /** An age that is compared with a literal needs to be looked at only when it gets there. */
  #noteAgeLimit(age: Term, limit: Term): void {
    if (age.kind !== "operand" || this.operands.kindOf(age.operand) !== "age") return;
    if (limit.kind === "number") this.operands.limitAge(age.operand, limit.value);
  }
}

function literal(value: unknown, offset: number): Term {
  if (typeof value === "number") return { kind: "number", value, type: "double", offset };
  if (typeof value === "boolean") return { kind: "number", value: value ? 1 : 0, type: "bool", offset };
  if (typeof value === "string") return { kind: "text", value, type: "text", offset };
  if (typeof value !== "bigint") throw new Unfit("null, bytes and unsigned literals have no place here", offset);
  if (!Number.isSafeInteger(Number(value))) throw new Unfit(`${value} is beyond 2^53: write it with a point`, offset);
  return { kind: "number", value: Number(value), type: "literal", offset };
}

function sameKind(left: Term, right: Term): readonly Term[] {
  if ((left.type === "bool") !== (right.type === "bool")) {
    throw new Unfit(`compares ${typeName(left)} with ${typeName(right)}`, right.offset);
  }
  return left.type === "bool" ? [left, right] : [expectNumber(left), expectNumber(right)];
}

/** A text of the scope and the literals that it is compared with, these as their positions among what it can be. */
function textTerms(left: Term, others: readonly Term[]): readonly Term[] {
  const [value, literals] = left.kind === "text" && others.length === 1 ? [others[0], [left]] : [left, others];
  if (value.kind !== "operand" || value.type !== "text") {
    throw new Unfit(`compares ${typeName(left)} with ${typeName(others[0] ?? left)}`, left.offset);
  }
  const positions = literals.map((term): Term => {
    if (term.kind !== "text") throw new Unfit("a text is compared with a literal alone", term.offset);
    const position = value.texts.indexOf(term.value);
    if (position < 0) throw new Unfit(`is never "${term.value}", but one of ${value.texts.join(", ")}`, term.offset);
    return { kind: "number", value: position, type: "literal", offset: term.offset };
  });
  return [value, ...positions];
}
