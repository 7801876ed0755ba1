import { OP, type Program } from "./program.ts";
import type { Term } from "./term.ts";

/** What each calculation is among whole numbers. */
const WHOLE: Readonly<Partial<Record<keyof typeof OP, keyof typeof OP>>> = {
  add: "addWhole",
  subtract: "subtractWhole",
  multiply: "multiplyWhole",
  divide: "divideWhole",
};

/** Writes the straight-line code of a term. */
export function emitProgram(term: Term): Program {
  const emitter = new Emitter();
  emitter.emit(term);
  return { code: Int32Array.from(emitter.code), numbers: Float64Array.from(emitter.numbers), depth: emitter.depth };
}

class Emitter {
  readonly code: number[] = [];
  readonly numbers: number[] = [];
  depth = 0;
  #height = 0;

  /** `asDouble`: what stands beside it makes doubles of its literals. */
  emit(term: Term, asDouble = false): void {
    switch (term.kind) {
      case "number":
        this.code.push(OP.number, this.numbers.push(term.value) - 1);
        this.#grow();
        return;
      case "operand":
        this.code.push(OP.register, term.operand);
        this.#grow();
        return;
      case "apply":
        this.#apply(term.op, term.terms, term.type === "literal" ? asDouble : term.type === "double");
        return;
      default:
        throw new Error(`a ${term.kind} has no code`);
    }
  }

  #apply(op: keyof typeof OP, terms: readonly Term[], asDouble: boolean): void {
    // A comparison is a bool, but what it compares is one type; and a conversion does not change what is calculated inside.
    const doubles = (asDouble && op !== "whole") || terms.some(({ type }) => type === "double");
    for (const term of terms) this.emit(term, doubles);
    this.code.push(OP[doubles ? op : (WHOLE[op] ?? op)]);
    if (op === "oneOf") this.code.push(terms.length - 1);
    this.#height -= terms.length - 1;
  }

  #grow(): void {
    this.#height += 1;
    this.depth = Math.max(this.depth, this.#height);
  }
}
